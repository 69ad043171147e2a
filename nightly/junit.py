"""A night as JUnit XML, which every CI shows: a suite a portal, a case a customer, quirk and form. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from meterfarm.nightly.nightly_run import NightlyRun, Result
from meterfarm.support.foreign_text import xml_text


def as_junit(night: NightlyRun) -> bytes:
    """A complaint of a portal's own is a case of its suite."""
    root = etree.Element("testsuites", name="nightly", time=f"{night.seconds:.1f}")
    total = failed = 0
    for portal in night.portals:
        results = [result for result in night.every if result.portal == portal.id]
        failures = sum(not result.is_well for result in results) + bool(portal.violations)
        suite = etree.SubElement(
            root,
            "testsuite",
            name=portal.id,
            tests=str(len(results) + 1),
            failures=str(failures),
            errors="0",
            time=f"{sum(result.took for result in results):.3f}",
            timestamp=night.at.isoformat(timespec="seconds"),
        )
        for result in results:
            _case(suite, result)
        _failure(_named(suite, portal.id, "the portal's own view", 0.0), portal.violations)
        total, failed = total + len(results) + 1, failed + failures
    root.set("tests", str(total))
    root.set("failures", str(failed))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _case(suite: etree._Element, result: Result) -> None:
    part = ".forms" if result.way else ".quirks" if result.quirks else ""
    name = result.quirks or f"{result.username} {result.way}".strip()
    case = _named(suite, result.portal + part, name, result.took)
    _failure(case, result.differences)
    output = etree.SubElement(case, "system-out")
    output.text = _clean("\n".join(f"{visit.outcome}: {visit.message}" for visit in result.visits))


def _named(suite: etree._Element, portal: str, name: str, seconds: float) -> etree._Element:
    return etree.SubElement(suite, "testcase", classname=portal, name=name, time=f"{seconds:.3f}")


def _failure(case: etree._Element, sentences: Sequence[str]) -> None:
    if sentences:
        failure = etree.SubElement(case, "failure", message=_clean(sentences[0]), type="not as meant")
        failure.text = _clean("\n".join(sentences))


def _clean(text: str) -> str:
    return xml_text(text)
