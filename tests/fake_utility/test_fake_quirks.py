"""The catalogue of quirks, and their switches: for everybody, for one customer, by options and by the
control page.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from meterfarm.fake_utility.__main__ import main
from meterfarm.fake_utility.kit.outcomes import OUTCOMES
from meterfarm.fake_utility.kit.quirk_list import IMPOSSIBLE, NUMBERS, SENTENCES
from meterfarm.fake_utility.quirk_listing import as_page
from meterfarm.fake_utility.registry import fake_portals
from tests.fake_utility.visitor import House, Visitor

ROOT = Path(__file__).parents[2]
VALID = "iamvalid@bayou.energy"
DECLARED = [(portal, quirk) for portal in fake_portals() for quirk in portal.quirks]


def test_each_declared_quirk_is_known_and_ends_somehow() -> None:
    assert len(SENTENCES) == 83 + 3
    assert {quirk.name for _, quirk in DECLARED} <= set(SENTENCES)
    assert {quirk.outcome for _, quirk in DECLARED} | {quirk.then for _, quirk in DECLARED} - {""} <= set(
        OUTCOMES
    )
    assert len(IMPOSSIBLE) <= 5
    for portal in fake_portals():
        numbers = [quirk.number for quirk in portal.quirks]
        assert numbers == sorted(set(numbers)), f"{portal.id} declares one twice, or out of order"
        names = {username.partition("@")[0] for username in portal.book.listed}
        assert {quirk.customer for quirk in portal.quirks} <= {*names, ""}


def test_a_portal_bends_where_it_declares_to_and_nowhere_else() -> None:
    """What is neither a bend of the customer nor always on is named in the portal's code, or in the kit's."""
    shared = _named_in(ROOT / "fake_utility" / "kit")
    for portal in fake_portals():
        folder = ROOT / "fake_utility" / portal.id
        if not (folder / "quirks.py").exists():
            continue
        named, own = _named_in(folder), {quirk.name for quirk in portal.quirks}
        assert named <= own, f"{portal.id} asks for what it does not declare"
        bare = {quirk.name for quirk in portal.quirks if quirk.bend is None and not quirk.always}
        assert bare <= named | shared, f"{portal.id} declares what nothing asks for"


def _named_in(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*"):
        if path.suffix in (".js", ".html"):
            text = path.read_text()
            found |= {name for name in NUMBERS if f'has("{name}")' in text}
        elif path.suffix == ".py" and path.name not in ("quirks.py", "quirk_list.py"):
            nodes = ast.walk(ast.parse(path.read_text()))
            found |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)} & set(NUMBERS)
    return found


def test_the_page_of_the_documentation_is_what_the_code_declares() -> None:
    assert (ROOT / "docs" / "quirks.md").read_text() == as_page(), (
        "write it anew: ./run fake --list-quirks --markdown > docs/quirks.md"
    )


def test_the_list_is_for_programs_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-quirks"]) == 0
    header, *lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert main(["--list-quirks", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [dict(zip(header, line, strict=True)) for line in lines] == [
        {name: str(value) for name, value in row.items()} for row in rows
    ]
    assert len(rows) == len(DECLARED)
    (row,) = [row for row in rows if (row["utility"], row["quirk"]) == ("speculoos_power", "captcha")]
    assert (row["number"], row["outcome"], row["who_acts"], row["switch"]) == (
        17,
        "captcha",
        "customer",
        "customer",
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--quirk", "captchas"], "--quirk: 'captchas' is no quirk of a portal; did you mean captcha?"),
        (["--quirk", "captcha", "--for", "nobody@x"], "--for: nobody at any portal is called 'nobody@x'"),
        (
            ["--quirk", "decoy-submit", "--for", VALID],
            f"--quirk: 'decoy-submit' is no quirk of the portal of {VALID}",
        ),
        (["--for", VALID], "--for goes with --quirk"),
        (["--markdown"], "--markdown goes with --list-quirks"),
    ],
)
def test_what_cannot_be_switched_is_refused_in_one_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    refused = capsys.readouterr().err
    assert refused.startswith(says)
    assert refused.count("\n") == 1


async def _post(visitor: Visitor, **asked: Any) -> tuple[int, str]:
    answer = await visitor.client.post("/quirks", json=asked)
    return answer.status_code, answer.text


async def test_the_control_page_switches_for_everybody_and_for_one(house: House, visitor: Visitor) -> None:
    status, shown = await _post(visitor, quirks=["locked-account"], username=VALID.upper())
    assert (status, json.loads(shown)) == (200, {"everybody": [], "customers": {VALID: ["locked-account"]}})
    assert (await visitor.sign_in(VALID)).status_code == 403
    assert (await visitor.sign_in("electric-only@bayou.energy")).status_code == 303
    assert await _post(visitor, quirks=[], username=VALID) == (200, '{"everybody":[],"customers":{}}')
    assert (await visitor.sign_in(VALID)).status_code == 303
    await _post(visitor, quirks=["firewall", "locked-account"])
    assert (await visitor.sign_in("electric-only@bayou.energy")).status_code == 403
    assert (await visitor.get("/quirks")).json() == {
        "everybody": ["firewall", "locked-account"],
        "customers": {},
    }
    assert house.portal.counters.of(VALID).password_attempts == 2


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"quirks": ["nothing"]}, 400, "this portal has no quirk 'nothing'"),
        ({"quirks": "captcha"}, 400, 'write {"quirks": [NAME, ...]}'),
        ({"quirks": [], "user": VALID}, 400, 'write {"quirks": [NAME, ...]}'),
        ({"quirks": [1]}, 400, "names are texts"),
        ({"quirks": [], "since": {"captcha": "soon"}}, 400, 'write days as "since"'),
        (
            {"quirks": ["captcha"], "since": {"captcha": "2026-12-01"}},
            400,
            "'captcha' is not on, or is since",
        ),
        ({"quirks": [], "username": "nobody@bayou.energy"}, 404, "Nobody here is called"),
    ],
)
async def test_what_the_control_page_cannot_read_switches_nothing(
    asked: dict[str, Any], status: int, says: str, visitor: Visitor
) -> None:
    answered, text = await _post(visitor, **asked)
    assert (answered, says in text) == (status, True)
    assert (await visitor.get("/quirks")).json() == {"everybody": [], "customers": {}}
