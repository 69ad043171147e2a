"""Whose code a mail brings: certain, or nobody's."""

from __future__ import annotations

import pytest

from meterfarm.mfa.mailbox import Envelope
from meterfarm.mfa.mailbox_owner import Neighbours, is_for, may_reach

ADA, MASK = "Ada@home.example", "a***a@home.example"
ALONE = Neighbours(are_none=True)


def _to(*recipients: str) -> Envelope:
    return Envelope("codes@portal.example", "Your code", frozenset(recipients), None, "f")


@pytest.mark.parametrize("mask", ["", MASK, "ada@home.example"])
def test_a_mail_to_the_customers_own_address_is_theirs(mask: str) -> None:
    assert is_for(_to("ada@home.example"), ADA, mask, Neighbours())
    assert is_for(_to("ada@home.example", "codes@company.example"), ADA, mask, Neighbours())
    assert not is_for(_to("anna@home.example"), ADA, mask, ALONE)
    both = _to("ada@home.example", "bea@home.example")
    assert not is_for(both, ADA, mask, Neighbours({"bea@home.example"}))


def test_a_mail_to_nobody_is_for_who_is_alone_there() -> None:
    assert is_for(_to(), ADA, MASK, ALONE)
    assert not is_for(_to(), ADA, MASK, Neighbours())


def test_where_the_portal_sends_elsewhere_the_mask_decides_if_it_is_certain() -> None:
    def it_is(others: Neighbours, *recipients: str) -> bool:
        return is_for(_to(*recipients), ADA, "w***k@work.example", others)

    assert it_is(Neighbours(), "wick@work.example")
    assert not it_is(Neighbours(), "ada@home.example")
    assert not it_is(Neighbours({"wick@work.example"}), "wick@work.example")
    assert not it_is(Neighbours(masks={"wi***@work.example"}), "wick@work.example")
    assert it_is(Neighbours(masks={"x***k@work.example"}), "wick@work.example")


def test_with_nothing_to_compare_only_who_is_alone_gets_it() -> None:
    assert is_for(_to("codes@company.example"), "ada77", "your e-mail", ALONE)
    assert not is_for(_to("codes@company.example"), "ada77", "", Neighbours())


@pytest.mark.parametrize(
    ("mask", "fits"),
    [
        ("a***a@home.example", True),
        ("ad*@h***.example", True),
        ("a\u2022\u2022\u2022@home.example", True),
        ("A...a@home.example", True),
        ("an e-mail to a***@home.example.", True),
        ("We sent it to a***@home.example. Enter it below.", True),
        ("to a***@home.example, not to your telephone", True),
        ("\u2018a\uff0a\uff0aa@home.example\u2019", True),
        ("a***@home...", True),
        ("\u201ca***a@home.example\u201d", True),
        ("b***a@home.example", False),
        ("a***a@work.example", False),
        ("***@home.example", True),
        ("***-***-4321", True),
        ("", True),
    ],
)
def test_masks(mask: str, fits: bool) -> None:
    assert may_reach(mask, "ada@home.example") is fits


def test_a_mask_does_not_reach_over_the_at_sign() -> None:
    assert not may_reach("a***e@evil.example", "a@home.example@evil.example")


def test_a_mask_of_very_many_parts_is_compared_at_once() -> None:
    letters = "ab" * 1000
    assert may_reach("a*b*" * 500 + "@home.example", f"{letters}@home.example")
    assert not may_reach("a*b*" * 500 + "c@home.example", f"{letters}@home.example")
