"""A night as JUnit XML, which every CI shows: a suite a utility, a case for each result in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from meterfarm.nightly.nightly_run import LiveLook, NightlyRun, Result
from meterfarm.nightly.verdicts import verdicts
from meterfarm.support.foreign_text import xml_text


def as_junit(night: NightlyRun) -> bytes:
    """A complaint of a portal's own is a case of its suite."""
    root = etree.Element("testsuites", name="nightly", time=f"{night.seconds:.1f}")
    total = failed = 0
    for utility in verdicts(night):
        results = [result for result in night.every if result.portal == utility.id]
        suite = etree.SubElement(
            root,
            "testsuite",
            name=utility.id,
            time=f"{sum(result.took for result in results):.3f}",
            timestamp=night.at.isoformat(timespec="seconds"),
        )
        for result in results:
            _case(suite, result)
        if utility.fake is not None:
            _failure(_named(suite, utility.id, "the portal's own view", 0.0), utility.fake.complaints)
        if utility.live is not None:
            _look(suite, utility.live)
        counts = {"tests": "testcase", "failures": "testcase/failure", "skipped": "testcase/skipped"}
        for name, path in {**counts, "errors": "testcase/error"}.items():
            suite.set(name, str(len(suite.findall(path))))
        total, failed = total + int(suite.get("tests", "0")), failed + int(suite.get("failures", "0"))
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


def _look(suite: etree._Element, look: LiveLook) -> None:
    """An outage is no failure: nobody here can mend it."""
    case = _named(suite, f"{look.portal}.live", "the live sign-in page", look.took)
    if look.is_outage:
        etree.SubElement(case, "skipped", message=_clean(look.message))
    elif not look.is_as_declared:
        _failure(case, [look.message])


def _named(suite: etree._Element, portal: str, name: str, seconds: float) -> etree._Element:
    return etree.SubElement(suite, "testcase", classname=portal, name=name, time=f"{seconds:.3f}")


def _failure(case: etree._Element, sentences: Sequence[str]) -> None:
    if sentences:
        failure = etree.SubElement(case, "failure", message=_clean(sentences[0]), type="not as meant")
        failure.text = _clean("\n".join(sentences))


def _clean(text: str) -> str:
    return xml_text(text)
