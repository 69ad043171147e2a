"""Bills of one utility have a shape in common, those of others have not."""

from __future__ import annotations

from itertools import chain, combinations, repeat

from meterfarm.formats.bills.shape import MOST_PARTS, are_alike, shape_of
from tests.formats.bills_made import AMERICAN

LINES = [
    "Questions about your bill? Call 555-201-4477 or visit www.anytown.example",
    "Please return this portion with your payment and write the account number on your check",
    "Total amount due by the day below; a late charge applies to payments received after it",
]


def test_bills_of_other_months_are_alike_and_of_other_utilities_not() -> None:
    march = ["Account 77 Service March", *LINES, "Thank you for going paperless this spring"]
    assert are_alike(shape_of(["Account 77 Service April", *LINES]), shape_of(march))
    others = [line.replace("201-4477", "201-4478").replace("anytown", "elsewhere") for line in LINES]
    assert not are_alike(shape_of(LINES), shape_of(others)), "all contacts differ"
    assert not are_alike(shape_of(LINES[:0]), shape_of(LINES[:0])), "too little to compare"
    shapes = [shape_of(made.pages.replace("~", " ").replace("||", " ").splitlines()) for made in AMERICAN]
    assert not [pair for pair in combinations(shapes, 2) if are_alike(*pair)]


def test_a_hostile_bill_has_a_bounded_shape() -> None:
    endless = chain(repeat("a-" * 5_000, 400), repeat("never looked at"))
    assert shape_of(endless) == []
    words = (f"{chr(97 + number % 26) * (number // 26 + 1)} b" for number in range(600))
    assert len(shape_of(words)) <= MOST_PARTS
