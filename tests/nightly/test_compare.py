"""What differs is first_of by its place; what does not is not."""

from __future__ import annotations

from meterfarm.nightly.compare import MOST, differences, first_of
from meterfarm.nightly.test_cases import Tree

MEANT: Tree = {"1": {"name": "Ida", "bills": {"b1": {"total": 12, "gas": None}}}}


def test_the_same_figures_do_not_differ() -> None:
    assert differences(MEANT, {"1": {"bills": {"b1": {"gas": None, "total": 12}}, "name": "Ida"}}) == []


def test_each_difference_is_named_by_its_place() -> None:
    seen: Tree = {"1": {"name": "", "bills": {"b1": {"total": 13, "gas": 0}, "b2": {}}}, "2": {}}
    assert differences(MEANT, seen) == [
        "1, name: nothing instead of Ida",
        "1, bills, b1, total: 13 instead of 12",
        "1, bills, b1, gas: 0 instead of nothing",
        "1, bills, b2 should not be there",
        "2 should not be there",
    ]
    assert differences(MEANT, {}) == ["1 is missing"]


def test_of_very_many_the_first_are_told_and_the_others_counted() -> None:
    found = [f"difference {number}" for number in range(MOST + 30)]
    assert first_of(found) == [*found[:MOST], "and 30 more differences"]
    assert first_of(found[:MOST]) == found[:MOST]
