"""What is kept of nights, and what a night is said to have brought."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from meterfarm.nightly.history import KEPT, changes, earlier, keep
from meterfarm.nightly.nightly_run import remembered
from tests.nightly.made import night, result, was

FORM = result("ida", "complete")


def test_the_first_night_has_nothing_to_be_compared_with() -> None:
    assert changes([], was(ida="complete")) == ()


def test_what_changed_is_told_and_what_did_not_is_not() -> None:
    before = was(ida="complete", rae="!captcha", tex="blocked", sol="complete", les="complete")
    now = was(ida="!layout_changed", rae="complete", tex="maintenance", sol="complete", new="complete")
    told = [(change.kind, change.key) for change in changes([before], now)]
    assert told == [
        ("broken", "a_portal/ida"),
        ("other", "a_portal/tex"),
        ("mended", "a_portal/rae"),
        ("new", "a_portal/new"),
        ("gone", "a_portal/les"),
    ]


def test_forms_are_compared_where_both_nights_have_them() -> None:
    phone, desk = replace(FORM, way="phone"), replace(FORM, way="desk", differences=["why"])
    before = remembered(replace(night(FORM), forms=[phone, replace(desk, differences=())]))
    now = remembered(replace(night(FORM), forms=[phone, desk]))
    assert [(change.kind, change.key) for change in changes([before], now)] == [
        ("broken", "a_portal/ida on desk")
    ]
    assert changes([before], remembered(night(FORM))) == changes([remembered(night(FORM))], before) == []


def test_pairs_of_quirks_are_compared_where_both_nights_drew_them() -> None:
    single, pair = replace(FORM, quirks="captcha"), replace(FORM, quirks="captcha + late-token")
    other = replace(FORM, quirks="late-token + slow-page")
    before = remembered(replace(night(FORM), quirks=[single, pair]))
    broken = [replace(each, differences=["why"]) for each in (single, pair)]
    found = changes([before], remembered(replace(night(FORM), quirks=[*broken, other])))
    assert [(change.kind, change.key) for change in found] == [
        ("broken", "a_portal: captcha"),
        ("broken", "a_portal: captcha + late-token"),
    ]
    assert changes([before], remembered(replace(night(FORM), quirks=[single, other]))) == []
    assert changes([before], remembered(night(FORM))) == []


@pytest.mark.parametrize(("took", "told"), [(9.0, ["slower"]), (7.5, []), (2.0, [])])
def test_slower_is_what_took_much_longer_than_the_trend(took: float, told: list[str]) -> None:
    """Not only than the last night, which may have been a quick one."""
    nights = [was(seconds, ida="complete") for seconds in (4.0, 4.0, 4.0, 4.0, 1.0)]
    assert [change.kind for change in changes(nights, was(took, ida="complete"))] == told


def test_a_night_is_kept_and_found_again(tmp_path: Path) -> None:
    tonight = remembered(
        replace(
            night(result("ida", "complete", "complete"), result("rae", differences=["why"])), forms=[FORM]
        )
    )
    keep([was(ida="complete"), tonight], tmp_path / "home", tmp_path / "report")
    assert earlier(tmp_path / "home") == [was(ida="complete"), tonight]
    assert earlier(tmp_path / "nothing", tmp_path / "report")[-1] == tonight


def test_only_the_newest_are_kept_and_a_broken_file_counts_as_none(tmp_path: Path) -> None:
    keep([was(float(number + 1)) for number in range(KEPT + 5)], tmp_path)
    assert len(earlier(tmp_path)) == KEPT
    broken = tmp_path / "nights.json"
    endless = '{"nights": [{"at": "2026-11-22", "seconds": NaN, "is_well": true, "cells": {}}]}'
    for text in ('{"nights": [{"at": "yesterday"}]}', endless, "", "[1]", "null", "[" * 100_000):
        broken.write_text(text)
        told: list[str] = []
        assert earlier(tmp_path / "nothing", tmp_path, report=told.append) == ()
        assert told == [f"{broken} cannot be read as earlier nights; it is replaced."]
