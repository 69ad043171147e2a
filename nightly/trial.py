"""Broken scripts on trial, in a copy of the project that has them: `python -m meterfarm.nightly.trial PLAN`.

Each is a utility of its own there, so one farm with real workers tries them side by side. What becomes of
each is printed, a JSON object a line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from meterfarm.farm.workers.supervisor import workers_zygote
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.nightly import quirk_cases
from meterfarm.nightly.batches import batches
from meterfarm.nightly.farm import own_farm
from meterfarm.nightly.nightly_run import Result
from meterfarm.nightly.portals import NightlyPortal, nightly_portals
from meterfarm.nightly.rounds import NOT_IN_TIME, Rounds, quirks_of
from meterfarm.nightly.test_cases import CustomerCase, Tree, Window
from meterfarm.records import Outcome
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from meterfarm.utilities import broken_utilities

_BILLS_DAYS, _READINGS_DAYS = 400, 40
"""Enough for a second page of bills; what is not fetched costs nothing."""
_SLOTS = "10"
_LIMIT = "16:400"
"""The portal stands in for one portal a script."""
_LANES, _QUIRKED_LANES = 20, 5
"""So many scripts are tried at once; each lane has customers of its own, whom script after script visits. Of
those with quirks each has twelve, and some of them wait long for a portal that does not answer."""
_ONCE = 1000
_AGAIN = 500_000
_QUIRKED, _QUIRKS_EACH = 1_000_000, 200
"""From where customers with quirks are numbered, and how many numbers a script has for them."""
_QUIRKS_AT_ONCE = 12
_SECONDS, _QUIRKED_SECONDS, _SECONDS_EACH = 150, 300, 4
"""For a customer to end, and for each who is under way besides."""
_CONTROL_TRIES = 2


@dataclass(slots=True)
class _Script:
    """A script on trial. ``out`` counts the customers who are under way, ``tried`` those who ended."""

    utility: str
    number: int
    is_control: bool
    batches: list[Sequence[CustomerCase]]
    out: int = 0
    tried: int = 0
    again: int = 0


class _Trial:
    """Sends customers at each script, batch by batch, until one is not as meant or all were."""

    def __init__(self, portal: NightlyPortal, plan: Mapping[str, Any]) -> None:
        self._portal = portal
        self._address = plan["controls"]
        self._waiting = list(plan["scripts"])
        self._quirks = bool(plan["quirks"])
        self._lanes = list(range(1, (_QUIRKED_LANES if self._quirks else _LANES) + 1))
        self._on_trial: dict[str, _Script] = {}
        self._lane_of: dict[str, int] = {}
        self.rounds: Rounds | None = None

    def begin(self) -> None:
        """Put scripts on trial for as long as there are lanes."""
        while self._lanes and self._waiting:
            given, lane = self._waiting.pop(0), self._lanes.pop(0)
            name, number = given["utility"], given["number"]
            self._lane_of[name] = lane
            waves = list(self._waves(lane, given))
            self._on_trial[name] = _Script(name, number, given["all"], waves)
            self._next_wave(self._on_trial[name])

    def ended(self, utility: str, result: Result) -> None:
        script = self._on_trial.get(utility)
        if script is None:
            return
        script.tried += 1
        may_be_ours = script.is_control or _may_be_of_a_busy_machine(result.visits[-1].outcome)
        if not result.is_well and may_be_ours and script.again < _CONTROL_TRIES:
            self._try_again(script, result)
        elif not result.is_well:
            self._settle(script, result.username, result.differences[0])
        else:
            script.out -= 1
            if not script.out:
                self._next_wave(script)

    def dropped(self, utility: str) -> None:
        """Nothing of it is under way any more, so its lane is free."""
        self._lanes.append(self._lane_of.pop(utility))
        self.begin()

    def _waves(self, lane: int, given: Mapping[str, Any]) -> Sequence[Sequence[CustomerCase]]:
        """Who meets a script, one group after the other."""
        if self._quirks:
            return self._with_quirks(given["number"])
        test_cases = self._subjects(lane, given["number"])
        return [test_cases] if given["all"] else batches(test_cases, given["names"])

    def _subjects(self, lane: int, number: int) -> Sequence[CustomerCase]:
        """The lane's customers; those whom the portal does not treat alike twice are the script's own."""
        own = self._portal.test_cases(_ONCE + number)
        shared = self._portal.test_cases(lane)
        return [
            mine if mine.once else replace(other, figures=_once_a_window(other))
            for mine, other in zip(own, shared, strict=True)
        ]

    def _with_quirks(self, number: int, again: int = 0) -> Sequence[Sequence[CustomerCase]]:
        """The script's own customers to whom a quirk happens, for what the others do not meet."""
        first = _QUIRKED + (number + again * _ONCE) * _QUIRKS_EACH
        cases = [one.both_visits for one in quirk_cases.alone([self._portal], first)]
        return [cases[begin : begin + _QUIRKS_AT_ONCE] for begin in range(0, len(cases), _QUIRKS_AT_ONCE)]

    def _next_wave(self, script: _Script) -> None:
        if not script.batches:
            self._settle(script, "", "")
            return
        batch = script.batches.pop(0)
        script.out = len(batch)
        for test_case in batch:
            self._add(script, test_case)

    def _try_again(self, script: _Script, result: Result) -> None:
        """The unbroken script, or one that got no answer: a busy machine may be too slow once."""
        script.again += 1
        if result.quirks:
            waves = self._with_quirks(script.number, script.again)
            cases: Sequence[CustomerCase] = [case for wave in waves for case in wave]
            self._add(script, next(case for case in cases if quirks_of(case) == result.quirks))
            return
        place = [case.purpose for case in self._portal.test_cases()].index(result.purpose)
        self._add(script, self._portal.test_cases(_AGAIN + 10 * script.number + script.again)[place])

    def _add(self, script: _Script, test_case: CustomerCase) -> None:
        if self.rounds is not None:
            seconds = (_QUIRKED_SECONDS if self._quirks else _SECONDS) + _SECONDS_EACH * self._under_way
            self.rounds.add(self._portal, self._address, test_case, script.utility, seconds)

    @property
    def _under_way(self) -> int:
        return sum(script.out for script in self._on_trial.values())

    def _settle(self, script: _Script, username: str, how: str) -> None:
        _report(script.utility, username, how, script.tried)
        del self._on_trial[script.utility]
        if self.rounds is not None:
            self.rounds.drop(script.utility)


def _may_be_of_a_busy_machine(outcome: str) -> bool:
    return outcome == NOT_IN_TIME or outcome == Outcome.PORTAL_DOWN


_figures: dict[str, Any] = {}


def _once_a_window(test_case: CustomerCase) -> Any:
    """The test_case's figures, made once however many scripts are compared with them."""
    if test_case.username not in _figures:

        @cache
        def figures(window: Window) -> Tree:
            return test_case.figures(window)

        _figures[test_case.username] = figures
    return _figures[test_case.username]


async def _go(zygote: Zygote, plan: Mapping[str, Any]) -> None:
    day = date.fromisoformat(plan["day"])
    portal = next(portal for portal in nightly_portals(day) if portal.id == plan["portal"])
    broken = {found.id: found.reason for found in broken_utilities()}
    for script in plan["scripts"]:
        if reason := broken.get(script["utility"]):
            _report(script["utility"], "every customer", f"the script does not load: {reason}", 0)
    scripts = [script for script in plan["scripts"] if script["utility"] not in broken]
    names = [script["utility"] for script in scripts]
    if not names:
        return
    window = Window(day - timedelta(days=_BILLS_DAYS), day - timedelta(days=_READINGS_DAYS))
    trial = _Trial(portal, {**plan, "scripts": scripts})
    settings = {
        "METERFARM_PORTAL_URLS": ",".join(f"{name}={plan['address']}" for name in names if plan["address"]),
        "METERFARM_LOCAL_HOSTS": plan["hosts"],
        "METERFARM_LIMITS": ",".join(f"{name}={_LIMIT}" for name in names),
        "METERFARM_HISTORY_DAYS": str(_BILLS_DAYS),
        "METERFARM_INTERVAL_DAYS": str(_READINGS_DAYS),
        "METERFARM_INTERACTIVE_SLOTS": _SLOTS,
        "METERFARM_DATA_SLOTS": _SLOTS,
    }
    async with own_farm(zygote, Path(plan["home"]), **settings) as farm:
        trial.rounds = Rounds(farm.store, farm.notifier, window, trial.ended, trial.dropped, retries=False)
        trial.begin()
        await trial.rounds.run()


def _report(utility: str, username: str, how: str, tried: int) -> None:
    line = {"utility": utility, "caught_by": username, "how": how, "tried": tried}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    log_to_stderr(Secrets())
    with workers_zygote() as forks:
        asyncio.run(_go(forks, json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
