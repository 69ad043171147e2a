"""What is broken in a script: what it finds things by, and nothing that it only tells."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from meterfarm.fake_utility.speculoos_power import PORTAL
from meterfarm.nightly.batches import batches, most_telling
from meterfarm.nightly.mangling import mangled
from meterfarm.nightly.mutants import Mutant, mutants
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.sites import SiteKind
from tests.forked import ROOT

SCRIPT = '''
"""A docstring that says 'Sign in'."""
import re
from meterfarm.records import Address, Outcome
LATE = re.compile(r"^Due by (?P<day>\\w+)$")
class Some:
    name = "Some Power"
    signs = (Sign(Outcome.CAPTCHA, heading="Are you a robot"), Sign("inside", path=r"^/in$"))
    def sign_in(self, page):
        page.fill(page.label("Password"), value)
        if "No bills yet" in page.text:
            raise Stop(Outcome.NO_DATA_YET, "There are no bills.")
        return Address(line_1=row.get("data-line", ""), city="", state="", postal_code="", line_2=two)
    def one(self, root, xpath, what): ...
    def meters(self, root):
        return [self.one(root, "//table[@id='meters']", "table of meters")]
'''


@pytest.fixture
def found(tmp_path: Path) -> list[Mutant]:
    (tmp_path / "script.py").write_text(SCRIPT)
    return list(mutants(tmp_path))


def test_locators_outcome_texts_and_fields_are_broken_and_nothing_else(found: list[Mutant]) -> None:
    assert [(one.kind, one.was) for one in found] == [
        (SiteKind.FIELD, r"^Due by (?P<day>\w+)$"),
        (SiteKind.OUTCOME_TEXT, "Are you a robot"),
        (SiteKind.OUTCOME_TEXT, "^/in$"),
        (SiteKind.LOCATOR, "Password"),
        (SiteKind.OUTCOME_TEXT, "No bills yet"),
        (SiteKind.FIELD, "data-line"),
        (SiteKind.FIELD, "Address(line_2=two)"),
        (SiteKind.LOCATOR, "//table[@id='meters']"),
    ]
    assert [one.names for one in found if one.names] == [frozenset({"captcha"})]


def test_a_comment_at_the_line_or_above_gives_the_reason_why_nobody_can_notice(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        SCRIPT.replace("), Sign(", "),  # not caught: the address shows it, too\n    Sign(").replace(
            "        if ", "        # not caught: there is a list as well\n        if "
        )
    )
    excuses = {one.was: one.excuse for one in mutants(tmp_path) if one.excuse}
    assert excuses == {
        "Are you a robot": "the address shows it, too",
        "No bills yet": "there is a list as well",
    }


def test_each_is_broken_in_its_one_place(found: list[Mutant]) -> None:
    original = ast.unparse(ast.parse(SCRIPT)).splitlines()
    for one in found:
        broken = one.source.splitlines()
        assert sum(was != is_ for was, is_ in zip(original, broken, strict=True)) == 1, one


def test_a_real_script_has_many_and_all_of_them_can_be_read() -> None:
    every = mutants(ROOT / "utilities" / "speculoos_power")
    assert len(every) > 100
    assert {one.kind for one in every} == set(SiteKind)
    for one in every:
        ast.parse(one.source)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"Account number (\d+)", "Account number 12"),
        (r"^/login$", "/login"),
        (r"^(?P<id>[EG]\d+) (?P<unit>kWh|therms)$", "G12 therms"),
        (r"([A-Z][a-z]+ \d{1,2}, \d{4})", "March 3, 2026"),
        (r"(?:due|payable) by \w+", "payable by May"),
    ],
)
def test_a_broken_pattern_is_a_pattern_and_finds_nothing_more(pattern: str, text: str) -> None:
    assert re.search(pattern, text)
    assert not re.search(mangled(pattern, is_pattern=True), text)


def test_those_whom_a_break_is_about_come_first_and_everybody_comes_once() -> None:
    test_cases = NightlyPortal(PORTAL).test_cases()
    tried = batches(test_cases, {"captcha"})
    assert [one.first for one in tried[0]] == ["captcha"]
    together = [one.username for batch in tried for one in batch]
    assert sorted(together) == sorted(one.username for one in test_cases)


def test_the_most_telling_show_everything_before_others_repeat_it() -> None:
    ordered = most_telling(NightlyPortal(PORTAL).test_cases())
    traits = [one.traits for one in ordered]
    new = [len(own - frozenset().union(*traits[:place])) for place, own in enumerate(traits)]
    assert new == sorted(new, reverse=True)
    assert new[0] > 1


def test_what_a_script_has_from_its_family_is_broken_too() -> None:
    """Of a module that the family itself uses as well; a sister that has it by another script has none."""
    utilities = ROOT / "utilities"
    files = {one.file for one in mutants(utilities / "pepernoot_coop") if one.is_of_family}
    assert files == {"_families/smarthub.py", "_families/smarthub_usage.py"}
    assert not any(one.is_of_family for one in mutants(utilities / "suikerwafel_energy"))
    numbers = [one.number for one in mutants(utilities / "stroopwafel_energy")]
    assert numbers == list(range(1, len(numbers) + 1))
