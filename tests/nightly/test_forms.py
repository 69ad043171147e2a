"""Customers of all fake portals connect on the form, in a browser, with workers that sign in for them.

Customers of each outcome and of each way of being asked, and one at least of each portal. `./run nightly` has
every customer, at desk and phone size, with scripts and without.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from meterfarm.console.farm.fake_owners import Owner
from meterfarm.farm.workers.supervisor import workers_zygote
from meterfarm.nightly.farm import own_farm
from meterfarm.nightly.forms import WAYS, FormCase, fill_in_forms, form_cases
from meterfarm.nightly.portals import nightly_portals, portal_day, portals_running
from meterfarm.nightly.test_cases import CustomerCase

PHONE, DESK_WITHOUT_SCRIPTS = WAYS[0], WAYS[3]


_CONNECTED = {"complete", "no_accounts", "no_data_yet", "partial", "pending"}
"""What a form shows as one: the rest is found out when data is collected."""


def _kinds(case: CustomerCase) -> set[str]:
    """How they end, and what those who connect were asked: not each portal's wording of it."""
    asked = {word for text in case.asked or () for word in re.findall("sms|email|totp|question|choice", text)}
    if case.first in _CONNECTED:
        return {"complete", case.owner.value, *asked}
    return {case.first, case.owner.value}


def _of_each_kind() -> Sequence[FormCase]:
    """The fewest by whom every way to end, to be asked and to answer is met, and every portal; with scripts.

    Without them one who connects after an answer of theirs was refused.
    """
    portals = nightly_portals(portal_day())
    cases = sorted(form_cases(portals, [PHONE]), key=lambda one: portals.index(one.portal))
    kinds = [{*_kinds(one.case), one.portal.id} for one in cases]
    missing = set().union(*kinds)
    chosen: list[FormCase] = []
    while missing:
        best = max(range(len(cases)), key=lambda place: len(kinds[place] & missing))
        chosen.append(cases[best])
        missing -= kinds[best]
    without = [one for one in form_cases(portals, WAYS) if one.way is DESK_WITHOUT_SCRIPTS]
    return [*chosen, next(one for one in without if one.case.owner is Owner.MISTYPES)]


@pytest.mark.timeout(400)
async def test_each_kind_of_customer_connects_or_is_shown_what_to_do(tmp_path: Path) -> None:
    """One of whom other things are stated than they are is found, with what the form shows."""
    cases = list(_of_each_kind())
    wrong = next(one for one in cases if one.case.first == "captcha")
    cases[cases.index(wrong)] = replace(wrong, case=replace(wrong.case, first="account_locked"))
    reported: list[str] = []
    with workers_zygote() as zygote, portals_running(tmp_path / "portals") as fakes:
        async with own_farm(zygote, tmp_path / "farm", "interactive", **fakes.settings()) as farm:
            results = await fill_in_forms(
                farm, cases, fakes.controls, tmp_path / "evidence", lambda result: reported.append(result.key)
            )
    assert sorted(reported) == sorted(result.key for result in results)
    assert [(one.username, one.way.name) for one in cases] == [(one.username, one.way) for one in results]
    differing = {result.username: result for result in results if not result.is_well}
    found = differing.pop(wrong.username)
    assert [result.differences for result in differing.values()] == []
    assert "ended in captcha instead of account_locked" in found.differences[0]
    assert (Path(found.visits[0].evidence) / "form.png").read_bytes().startswith(b"\x89PNG")
