"""`./run simulate`: how late refreshes are, how long the queue gets and what portals see, at any size."""

from __future__ import annotations

import asyncio
import gc
import math
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from meterfarm.bench.simulation.farm import SimulatedFarm
from meterfarm.bench.simulation.plan import Down, SimulationPlan, portals_for, workers_for
from meterfarm.bench.simulation.tally import Phase, PortalPeaks, SimulationTally, in_time_again, lateness
from meterfarm.console.errors import UsageError
from meterfarm.farm.settings import MOST_REQUESTS

_HOUR = 3600.0
_MINUTE = 60.0
_IN_TIME = 600.0
"""Seconds that a refresh may be late."""


@dataclass(frozen=True, slots=True)
class SimulationOutcome:
    """``in_time_again`` is how many seconds after the outage refreshes were in time again, None if never.

    ``over_the_limit`` are portals that saw more than they bear.
    """

    plan: SimulationPlan
    phases: Sequence[Phase]
    in_time_again: float | None
    over_the_limit: int
    took_seconds: float
    peak_mib: float

    def as_json(self) -> dict[str, Any]:
        """The figures, as `--json` writes them."""
        return asdict(self)


def planned(
    customers: int,
    portals: int | None,
    workers: int | None,
    slots: int,
    outage: float,
    down: str,
    limit: str,
    seconds: float,
    latency: float,
    requests: int,
) -> SimulationPlan:
    """The command's options as a plan. Raises UsageError."""
    if down not in set(Down):
        raise UsageError(f"--down {down} is neither portals nor farm.")
    at_once, colon, per_second = limit.partition(":")
    try:
        max_concurrency, max_rate = int(at_once), float(per_second)
    except ValueError:
        max_concurrency, max_rate = 0, 0.0
    if not colon or not 1 <= max_concurrency <= MOST_REQUESTS or not 0 < max_rate <= MOST_REQUESTS:
        raise UsageError(f"--limit {limit} is not like 4:20, which is 4 requests at once and 20 a second.")
    if not all(map(math.isfinite, (outage, seconds, latency))):
        raise UsageError("--outage, --seconds and --latency must be finite, or the simulation would not end.")
    return SimulationPlan(
        customers=customers,
        portals=min(portals or portals_for(customers), customers),
        workers=workers or workers_for(customers),
        slots=slots,
        at_once=max_concurrency,
        per_second=max_rate,
        own_seconds=seconds,
        latency=latency,
        requests=requests,
        outage_hours=outage,
        down=Down(down),
    )


async def simulate(plan: SimulationPlan, console: Console | None = None) -> SimulationOutcome:
    """Before, while and after the outage."""
    gc.disable()  # millions of events, and no cycles among them
    try:
        return await _simulated(plan, console)
    finally:
        gc.enable()


async def _simulated(plan: SimulationPlan, console: Console | None) -> SimulationOutcome:
    began = time.perf_counter()
    farm = SimulatedFarm(plan)
    phases: list[Phase] = []
    over = 0
    tally = SimulationTally("", 0.0)
    at = 0.0
    for phase, hours in (
        ("before", plan.before_hours),
        ("outage", plan.outage_hours),
        ("after", plan.after_hours),
    ):
        if not hours:
            continue
        farm.portals_down = phase == "outage" and plan.down is Down.PORTALS
        farm.farm_down = phase == "outage" and plan.down is Down.FARM
        tally = farm.tally = SimulationTally(phase, at)
        for portal in farm.portals:
            portal.gate.look_anew()
        until = at + hours * _HOUR
        while at < until:
            at = min(at + _MINUTE, until)
            farm.run_until(at)
            await asyncio.sleep(0)  # an interruption is noticed
        if not tally.busy:
            farm.sample()  # so short a phase has none of its own
        phases.append(_phase(plan, farm, tally, hours))
        over += _over(plan, farm)
        if console is not None:
            console.print(f"simulated: {phase}, {hours:g} h", style="dim")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return SimulationOutcome(
        plan,
        phases,
        in_time_again(tally, _IN_TIME) if plan.outage_hours else None,
        over,
        round(time.perf_counter() - began, 1),
        round(peak, 1),
    )


def _over(plan: SimulationPlan, farm: SimulatedFarm) -> int:
    gates = [portal.gate for portal in farm.portals]
    return sum(gate.most_at_once > plan.at_once or gate.most_in_a_window > gate.per_window for gate in gates)


def _phase(plan: SimulationPlan, farm: SimulatedFarm, tally: SimulationTally, hours: float) -> Phase:
    gates = [portal.gate for portal in farm.portals]
    seconds = hours * _HOUR
    return Phase(
        phase=tally.phase,
        hours=hours,
        refreshes=len(tally.late),
        failed=tally.failed,
        late=lateness(tally.late),
        overdue=max(tally.overdue),
        queued=max(tally.queued),
        busy=round(sum(tally.busy) / len(tally.busy) / (plan.workers * plan.slots), 3),
        claims_a_second=round(tally.claims / seconds, 1),
        most_claims_a_second=tally.most_claims_a_second,
        seen=PortalPeaks(
            max(gate.most_at_once for gate in gates),
            max(gate.most_in_a_window for gate in gates),
            round(sum(gate.sent for gate in gates) / seconds, 1),
            round(max(gate.sent for gate in gates) / seconds, 2),
        ),
    )


async def run(plan: SimulationPlan) -> SimulationOutcome:
    """Simulate and report."""
    console = Console()
    console.print(
        f"{_many(plan.customers, 'customer')} at {_many(plan.portals, 'portal')}, each bearing "
        f"{_many(plan.at_once, 'request')} at once and {plan.per_second:g} a second; "
        f"{_many(plan.workers, 'worker process', 'es')} with {_many(plan.slots, 'place')} each; a "
        f"refresh is {plan.own_seconds:g} s of a process's time and {_many(plan.requests, 'request')} of "
        f"{plan.latency:g} s."
    )
    outcome = await simulate(plan, console)
    console.print(_table(outcome))
    for sentence in _sentences(outcome):
        console.print(sentence)
    return outcome


def _many(count: int, what: str, plural: str = "s") -> str:
    return f"{count:,} {what}{plural * (count != 1)}"


def _table(outcome: SimulationOutcome) -> Table:
    table = Table(caption="late: from being due to being stored")
    table.add_column("")
    for phase in outcome.phases:
        table.add_column(f"{phase.phase}, {phase.hours:g} h", justify="right")
    for heading, figures in zip(_ROWS, zip(*map(_column, outcome.phases), strict=True), strict=True):
        table.add_row(heading, *figures)
    return table


_ROWS = (
    "refreshes done",
    "visits that found the portal down",
    "late p50, s",
    "late p95, s",
    "late p99, s",
    "late at most, s",
    "overdue customers, at most",
    "rows in the queue, at most",
    "places in use, on average",
    "claims a second",
    "claims within a second, at most",
    "busiest portal: requests at once",
    "busiest portal: requests within a second",
    "busiest portal: requests a second, on average",
)


def _column(phase: Phase) -> list[str]:
    late, seen = phase.late, phase.seen
    return [
        f"{phase.refreshes:,}",
        f"{phase.failed:,}",
        *(
            f"{seconds:,g}" if phase.refreshes else ""
            for seconds in (late.p50, late.p95, late.p99, late.most)
        ),
        f"{phase.overdue:,}",
        f"{phase.queued:,}",
        f"{phase.busy:.0%}",
        f"{phase.claims_a_second:,g}",
        f"{phase.most_claims_a_second:,}",
        str(seen.most_at_once),
        str(seen.most_in_a_window),
        f"{seen.a_second_of_the_busiest:g}",
    ]


def _sentences(outcome: SimulationOutcome) -> list[str]:
    plan = outcome.plan
    sentences = [
        f"No portal saw more than {_many(plan.at_once, 'request')} at once or {plan.per_second:g} a second."
        if not outcome.over_the_limit
        else f"{outcome.over_the_limit} times a portal saw more than its limits allow."
    ]
    if plan.outage_hours:
        what = "of all portals" if plan.down is Down.PORTALS else "of the farm"
        again = (
            f"refreshes were in time again (p99 within {_IN_TIME / 60:g} minutes) "
            f"{outcome.in_time_again / 60:.0f} minutes after it."
            if outcome.in_time_again is not None
            else f"refreshes were not in time again within {plan.after_hours:g} hours."
        )
        sentences.append(f"After the outage {what} of {plan.outage_hours:g} hours {again}")
    sentences.append(f"It took {outcome.took_seconds:g} s and {outcome.peak_mib:,.0f} MiB.")
    return sentences
