"""The three files of a report say the same, and nothing in them is taken for markup."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from lxml import etree, html

from meterfarm.nightly.break_report import write_broken
from meterfarm.nightly.breaking import Broken, Verdict
from meterfarm.nightly.evidence import copy_evidence
from meterfarm.nightly.mutants import Mutant
from meterfarm.nightly.nightly_run import NightlyRun, Result, VisitResult
from meterfarm.nightly.report import write_report
from meterfarm.nightly.sites import SiteKind
from tests.nightly.made import night, result, was

HOSTILE = 'ended in <script>alert("x")</script> & \x00 more'


def _written(of: NightlyRun, folder: Path) -> html.HtmlElement:
    write_report(of, [was(ida="complete")], {}, folder)
    return html.document_fromstring((folder / "index.html").read_text(encoding="utf-8"))


def test_a_night_that_went_well(tmp_path: Path) -> None:
    page = _written(night(result("ida", "complete", "complete")), tmp_path)
    text = " ".join(page.text_content().split())
    assert "All as meant" in text
    assert "1 of 1" in text
    assert "Not as meant" not in text
    document = json.loads((tmp_path / "nightly.json").read_text())
    assert document["as_meant"]
    assert [visit["outcome"] for visit in document["customers"][0]["visits"]] == ["complete", "complete"]
    suite = etree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")


def test_what_is_not_as_meant_is_told_in_all_three(tmp_path: Path) -> None:
    of = night(result("ida", "captcha", differences=[HOSTILE]), violations=["It saw 5 requests at once."])
    page = _written(of, tmp_path)
    assert not page.xpath("//script")
    text = page.text_content()
    assert "1 customer not as meant" in text
    assert "It saw 5 requests at once." in text
    assert "was as meant, and is not" in text
    document = json.loads((tmp_path / "nightly.json").read_text())
    assert (document["as_meant"], document["customers"][0]["differences"]) == (False, [HOSTILE])
    assert [change["kind"] for change in document["changes"]] == ["broken"]
    failures = etree.parse(tmp_path / "junit.xml").findall(".//failure")
    assert [failure.get("message") for failure in failures] == [
        HOSTILE.replace("\x00", "\ufffd"),
        "It saw 5 requests at once.",
    ]


def test_forms_are_in_all_three_beside_the_customers(tmp_path: Path) -> None:
    ida = result("ida", "complete")
    well, wrong = replace(ida, way="phone"), replace(ida, way="desk without scripts", differences=[HOSTILE])
    of = replace(night(ida), forms=[well, wrong])
    assert [of.is_well, *of.failed] == [False, wrong]
    page = _written(of, tmp_path)
    text = " ".join(page.text_content().split())
    assert "1 form not as meant" in text
    assert "1 of 2 desk without scripts: complete, why" in text
    (why,) = page.xpath("//a[text()='why']/@href")
    assert page.get_element_by_id(why.removeprefix("#")).text_content().count(HOSTILE[:8]) == 1
    forms = json.loads((tmp_path / "nightly.json").read_text())["forms"]
    assert [(form["way"], form["as_meant"]) for form in forms] == [(well.way, True), (wrong.way, False)]
    cases = etree.parse(tmp_path / "junit.xml").findall(".//testcase[@classname='a_portal.forms']")
    assert [case.get("name") for case in cases] == ["ida phone", "ida desk without scripts"]
    assert len([case for case in cases if case.find("failure") is not None]) == 1
    files = copy_evidence(replace(of, forms=[_with_evidence(wrong, tmp_path / "kept")]), tmp_path)
    assert [file.name for file in files[wrong.key]] == ["form.png"]


def test_quirks_are_in_all_three_each_alone_and_in_pairs(tmp_path: Path) -> None:
    ida = result("ida", "complete")
    single = replace(result("ida.1", "complete"), quirks="late-token")
    pair = replace(result("ida.2", "complete"), quirks="late-token + captcha", differences=[HOSTILE])
    of = replace(night(ida), quirks=[single, pair])
    assert [of.is_well, *of.failed] == [False, pair]
    page = _written(of, tmp_path)
    text = " ".join(page.text_content().replace("\u200b", "").split())
    assert "1 quirk not as meant" in text
    assert "1 of 1customers as meant 1 of 2quirks as meant" in text
    assert "Each alone: ✓ 1 of 1 as meant QuirkA NightlyPortal late-token ✓ complete Pairs: ✗ 0 of 1" in text
    (why,) = page.xpath("//a[text()='why']/@href")
    assert page.get_element_by_id(why.removeprefix("#")).text_content().count(HOSTILE[:8]) == 1
    quirks = json.loads((tmp_path / "nightly.json").read_text())["quirks"]
    assert [(each["quirks"], each["as_meant"]) for each in quirks] == [
        (single.quirks, True),
        (pair.quirks, False),
    ]
    cases = etree.parse(tmp_path / "junit.xml").findall(".//testcase[@classname='a_portal.quirks']")
    assert [case.get("name") for case in cases] == [single.quirks, pair.quirks]


def _with_evidence(of: Result, folder: Path) -> Result:
    folder.mkdir()
    (folder / "form.png").touch()
    return replace(of, visits=[replace(of.visits[0], evidence=str(folder))])


def test_the_report_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Links lead to evidence beside it; the screenshot of a failure is in the page itself."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "page.png").write_bytes(b"\x89PNG picture")
    (kept / "visit.log").write_text("{}\n")
    visit = VisitResult("complete", "captcha", "", {}, evidence=str(kept))
    failed = result("ida+x@example.com", differences=["why"])
    of = night(type(failed)(failed.portal, failed.username, failed.purpose, [visit], failed.differences))
    report = tmp_path / "report"
    foreign, stale = report / "evidence" / "17" / "page.png", report / "evidence" / "a_portal" / "old.png"
    for file in (foreign, stale):
        file.parent.mkdir(parents=True)
        file.touch()
    write_report(of, [], copy_evidence(of, report), report)
    page = html.document_fromstring((report / "index.html").read_text(encoding="utf-8"))
    assert not page.xpath("//link | //script | //iframe")
    (picture,) = page.xpath("//img/@src")
    assert picture.startswith("data:image/png;base64,")
    links = [link for link in page.xpath("//a/@href") if not link.startswith("#")]
    assert links
    assert foreign.exists()
    assert not stale.exists()
    assert all((report / unquote(link)).is_file() for link in links)


def test_what_was_not_tried_is_not_taken_for_caught(tmp_path: Path) -> None:
    """As the exit status has it: all must have been tried."""
    mutant = Mutant(1, "script.py", 7, SiteKind.FIELD, "<b>Total", "<b>Toqtal", frozenset(), "")
    caught = Verdict(mutant, "a_portal", "ida", "why", 1)
    for left, verdict in ((0, "\u2713 100.0 % caught"), (3, "\u2717 100.0 % caught")):
        write_broken(Broken([caught], left, 61.0), 0.95, tmp_path)
        page = html.document_fromstring((tmp_path / "broken.html").read_text(encoding="utf-8"))
        assert verdict in page.text_content()
        assert "<b>Total \u2192 <b>Toqtal" in page.text_content()
        told = json.loads((tmp_path / "broken.json").read_text())
        assert (told["caught"], told["not_tried"], told["breaks"][0]["was"]) == (1, left, "<b>Total")


def test_what_was_not_caught_is_listed_with_the_scripts_reason(tmp_path: Path) -> None:
    mutant = Mutant(1, "script.py", 7, SiteKind.FIELD, "Total", "Toqtal", frozenset(), "")
    excused = replace(mutant, number=2, excuse="it stands <twice> on the page")
    write_broken(
        Broken([Verdict(one, "a_portal", "", "", 9) for one in (mutant, excused)], 0, 61.0), 0.95, tmp_path
    )
    page = html.document_fromstring((tmp_path / "broken.html").read_text(encoding="utf-8"))
    cards = [card.text_content() for card in page.xpath("//div[contains(@class, 'card')]")]
    assert "All 9 customers were as meant, and the script gives no reason" in cards[0]
    assert "Not tried, by the script's own word: it stands <twice> on the page." in cards[1]
    told = json.loads((tmp_path / "broken.json").read_text())
    assert [one["excuse"] for one in told["breaks"]] == ["", "it stands <twice> on the page"]
