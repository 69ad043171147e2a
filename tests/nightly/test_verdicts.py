"""Drift, an outage and a regression of ours are distinguished, in each file of the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree, html

from meterfarm.nightly.evidence import copy_evidence
from meterfarm.nightly.history import changes
from meterfarm.nightly.nightly_run import NightlyRun, PortalNight, as_json, from_json, remembered
from meterfarm.nightly.report import write_report
from meterfarm.nightly.verdicts import verdicts
from tests.nightly.made import look, night, result

WELL = night(result("ida", "complete"))


@pytest.mark.parametrize(
    ("outcome", "word", "is_well"),
    [
        ("complete", "", True),
        ("layout_changed", "drift", False),
        ("unknown_page", "drift", False),
        ("portal_down", "outage", True),
        ("maintenance", "outage", True),
        ("blocked", "blocked", False),
        ("captcha", "captcha", False),
        ("", "not looked at", False),
    ],
)
def test_a_live_portal_is_judged_by_the_look_and_its_fake_by_the_customers(
    outcome: str, word: str, is_well: bool
) -> None:
    """Nobody here can mend an outage, so it counts for nothing; what is not sure has no cause."""
    of = replace(WELL, live=[look("a_portal", outcome)])
    assert of.is_well is is_well
    (verdict,) = verdicts(of)
    assert list(verdict.words) == [word] * bool(word)
    broken = replace(of, results=[result("ida", "captcha", differences=["why"])])
    (verdict,) = verdicts(broken)
    assert list(verdict.words) == ["regression", *([word] * bool(word))]
    assert not broken.is_well


def test_a_fake_is_red_by_its_own_complaints_and_a_utility_may_have_none() -> None:
    portals = [PortalNight("a_portal", "A"), PortalNight("away", "Away", missing="It does not start.")]
    of = replace(WELL, portals=portals, live=[look("real_one", "complete"), look("away", "layout_changed")])
    assert {verdict.id: str(verdict) for verdict in verdicts(of)} == {
        "a_portal": "well",
        "away": "regression and drift",
        "real_one": "well",
    }
    assert [verdict.fake is None for verdict in verdicts(of)] == [False, False, True]


def _mixed(folder: Path) -> NightlyRun:
    """Our fault, a redesign, an outage, and one that is well."""
    folder.mkdir()
    (folder / "page.png").write_bytes(b"\x89PNG picture")
    ids = ("a_portal", "drifted", "out_of_order", "fine")
    return replace(
        WELL,
        portals=[PortalNight(id, id.title()) for id in ids],
        results=[result("ida", "captcha", differences=["why"])],
        live=[
            look("a_portal", "complete"),
            look("drifted", "layout_changed", str(folder)),
            look("out_of_order", "portal_down"),
            look("fine", "complete"),
        ],
    )


def test_verdicts_are_in_all_files_with_what_was_seen(tmp_path: Path) -> None:
    of = _mixed(tmp_path / "kept")
    write_report(of, [], copy_evidence(of, tmp_path), tmp_path)
    page = html.document_fromstring((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "1 customer, 1 live portal not as meant; 1 live portal out" in page.text_content()
    (table,) = page.xpath("//h2[text()='Live portals']/following-sibling::div[1]//table")
    rows = [
        [" ".join(cell.text_content().replace("\u200b", "").split()) for cell in row]
        for row in table.iter("tr")
    ]
    assert rows[1:] == [
        ["A_Portal", "✗ 0 of 1", "✓ as declared", "regression"],
        ["Drifted", "✓ 0 of 0", "✗ layout_changed why", "drift"],
        ["Out_Of_Order", "✓ 0 of 0", "✗ portal_down why", "outage"],
        ["Fine", "✓ 0 of 0", "✓ as declared", "well"],
    ]
    card = page.get_element_by_id("drifted-live")
    assert "It was <b>layout_changed</b>." in card.text_content()
    assert (tmp_path / "evidence" / "drifted" / "live sign-in page" / "page.png").is_file()
    assert card.xpath(".//img[starts-with(@src, 'data:image/png')]")
    live = json.loads((tmp_path / "nightly.json").read_text())["live"]
    assert {each["id"]: each["verdict"] for each in live} == {
        "a_portal": ["regression"],
        "drifted": ["drift"],
        "out_of_order": ["outage"],
        "fine": [],
    }
    assert live[1]["look"]["evidence"] == ["evidence/drifted/live%20sign-in%20page/page.png"]
    suites = etree.parse(tmp_path / "junit.xml").getroot()
    counts = {suite.get("name"): (suite.get("failures"), suite.get("skipped")) for suite in suites}
    assert counts == {
        "a_portal": ("1", "0"),
        "drifted": ("1", "0"),
        "out_of_order": ("0", "1"),
        "fine": ("0", "0"),
    }
    assert (suites.get("tests"), suites.get("failures")) == ("9", "2")


def test_without_live_portals_the_report_has_no_such_part(tmp_path: Path) -> None:
    write_report(WELL, [], {}, tmp_path)
    assert "Live portals" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "nightly.json").read_text())["live"] == []


def test_a_portal_that_changes_its_ways_is_in_the_history() -> None:
    """Only if both nights looked; who had a portal that was not there is neither gone nor new."""
    before = from_json(as_json(remembered(replace(WELL, live=[look("a_portal", "complete")]))))
    drifted = remembered(replace(WELL, live=[look("a_portal", "layout_changed")]))
    assert [(change.kind, change.key) for change in changes([before], drifted)] == [
        ("broken", "a_portal live")
    ]
    assert [change.kind for change in changes([drifted], before)] == ["mended"]
    assert not changes([before], remembered(WELL))
    assert not changes([remembered(WELL)], drifted)
    away = PortalNight("a_portal", "A", missing="It does not start.")
    absent = remembered(replace(WELL, portals=[away], results=()))
    assert [(change.kind, change.key) for change in changes([before], absent)] == [
        ("broken", "a_portal itself")
    ]
    assert [change.kind for change in changes([absent], before)] == ["mended"]
