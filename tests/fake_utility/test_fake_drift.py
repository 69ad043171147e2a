"""Drift: what a seed decides, its switches, and what becomes of pages, style sheets and JSON."""

from __future__ import annotations

import json
import re
from itertools import count

import pytest
from lxml import html

from meterfarm.fake_utility.__main__ import main
from meterfarm.fake_utility.kit.drift import MILD, PLACES, Drift, DriftSwitch, drift_of
from meterfarm.fake_utility.kit.drift_json import AROUND, drifted_json
from meterfarm.fake_utility.kit.drift_pages import drifted_page, drifted_style
from tests.fake_utility.visitor import House, Visitor

VALID = "iamvalid@bayou.energy"
ALL_MILD = Drift(1, "mild", MILD, case="upper", prefix="x_")
SEVERE = Drift(1, "severe", ("words", "json-keys", "controls"), prefix="x_")
NO_SCRIPTS = DriftSwitch(None, "")
FORM = b"""<html><head></head><body><main><h1>Sign in</h1><form action="/login">
<label for="e">E-mail address</label>
<input id="e" name="email"><button class="main">Sign in</button></form></main></body></html>"""
TABLE = b"""<html><body><table><caption>Bills</caption>
<thead><tr><th>Billed on</th><th>Amount</th></tr></thead>
<tbody><tr data-bill="7"><td>10/31/2026</td><td>$1.50</td></tr></tbody></table></body></html>"""


def _drifted(drift: Drift, page: bytes) -> html.HtmlElement:
    return html.document_fromstring(drifted_page(drift, NO_SCRIPTS, page).decode())


def test_a_seed_decides_everything_and_seeds_differ() -> None:
    drifts = [drift_of(seed) for seed in range(1, 201)]
    assert drifts == [drift_of(seed) for seed in range(1, 201)]
    assert {drift.strength for drift in drifts} == {"mild", "severe"}
    assert {drift.where for drift in drifts if drift.strength == "severe"} == set(PLACES)
    assert {kind for drift in drifts for kind in drift.kinds} == {*MILD, "words", "json-keys", "controls"}
    assert all(set(drift.kinds) <= set(MILD) for drift in drifts if drift.strength == "mild")


def test_severe_drift_is_where_it_is_to_be() -> None:
    behind = next(drift for seed in count(1) if (drift := drift_of(seed)).where == "behind the sign-in")
    assert behind.at("portal.example", "/accounts") == behind
    for path, content in (("/login", b""), ("/ui/", b"<input type='password'>")):
        assert set(behind.at("portal.example", path, content).kinds) < set(MILD) | {"none"}


def test_a_mildly_drifted_form_still_sends_the_same() -> None:
    root = _drifted(ALL_MILD, FORM)
    (label,), (field,) = root.xpath("//label"), root.xpath("//input")
    assert label.get("for") == field.get("id") != "e"
    assert (field.get("name"), root.xpath("//form/@action")) == ("email", ["/login"])
    assert label.text_content().strip() == "E-MAIL\u00a0ADDRESS:"
    assert root.xpath("//button/@class") != ["main"]


def test_columns_move_with_their_heads_and_data_attributes_have_other_names() -> None:
    root = _drifted(ALL_MILD, TABLE)
    head, row = [[cell.text_content() for cell in row.xpath("td|th")] for row in root.iter("tr")]
    found = {name.replace("\u00a0", " "): cell for name, cell in zip(head, row, strict=True)}
    assert found == {"BILLED ON": "10/31/2026", "AMOUNT": "$1.50", "NOTES": "none"}
    (named,) = root.xpath("//tr/@*[. = '7']")
    assert named.attrname != "data-bill"


def test_names_by_which_the_portals_scripts_work_stay() -> None:
    switch = DriftSwitch(
        None, 'document.querySelector(".main"); // not .tile\n button.dataset.whereTo; `#view-${name}`'
    )
    page = b'<html><body id="view-home"><p class="main tile" data-where-to="x">Hi</p></body></html>'
    made = drifted_page(ALL_MILD, switch, page).decode()
    assert re.search(r'class="main n\w+"', made)
    assert 'data-where-to="x"' in made
    assert 'id="view-home"' in made
    styles = drifted_style(ALL_MILD, switch, b".main { top: .5rem } .tile { left: 0 }").decode()
    assert styles == f".main {{ top: .5rem }} .{ALL_MILD.renamed('tile')} {{ left: 0 }}"


def test_severe_drift_takes_words_and_labels() -> None:
    root = _drifted(SEVERE, FORM)
    assert (root.xpath("string(//h1)"), root.xpath("//label")) == ("Log on", [])
    assert "mailbox" in root.text_content().lower()
    assert root.xpath("string(//button)") == "→"


def test_json_keeps_what_it_says_and_severely_gets_other_keys() -> None:
    true = {"data": {"items": [{"id": 1, "amount": "12.30"}], "next": None}}
    mild = json.loads(drifted_json(ALL_MILD, json.dumps(true).encode()))
    assert mild["data"]["items"][0] | {"id": 1, "amount": "12.30"} == mild["data"]["items"][0]
    assert len(mild["data"]) == 4
    severe = json.loads(drifted_json(SEVERE, json.dumps(true).encode()))
    assert severe == {AROUND: {"x_data": {"x_items": [{"x_id": 1, "x_amount": "12.30"}], "x_next": None}}}
    assert drifted_json(ALL_MILD, b")]}',\n[2, 1]") == b")]}',\n[2,1]"
    assert drifted_json(SEVERE, b"no JSON") == b"no JSON"


async def test_the_control_page_switches_it_and_pages_drift(house: House, visitor: Visitor) -> None:
    plain = (await visitor.get("/login")).text
    seed = next(
        seed for seed in count(1) if (drift := drift_of(seed)).strength == "mild" and drift.has("names")
    )
    shown = await visitor.client.post("/drift", json={"seed": seed})
    assert shown.json() == drift_of(seed).as_json() == (await visitor.get("/drift")).json()
    drifted = await visitor.get("/login")
    assert drifted.text != plain
    assert int(drifted.headers["content-length"]) == len(drifted.content)
    assert (await visitor.sign_in(VALID)).status_code == 303
    assert (await visitor.client.post("/drift", json={"seed": None})).json() is None
    assert "data-account" not in plain


@pytest.mark.parametrize("asked", [{}, [], {"seed": "1"}, {"seed": -1}, {"seed": True}, {"seed": 2**32}])
async def test_what_is_no_seed_changes_nothing(asked: object, visitor: Visitor) -> None:
    answer = await visitor.client.post("/drift", json=asked)
    assert (answer.status_code, answer.text.startswith("This is no drift: ")) == (400, True)
    assert (await visitor.get("/drift")).json() is None


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "4294967296", "99999999999"])
def test_the_option_wants_a_whole_number(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--drift={seed}"]) == 2
    assert capsys.readouterr().err.startswith("--drift: ")
