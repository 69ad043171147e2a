"""The farm with a virtual clock: scheduler, queue, workers' places and portals as events in one heap.

What decides is the farm's own code: when a customer is due (``storage.refresh``), how many of a portal are
queued and what follows from a run's end (``farm.policy``), when a portal is left alone (``storage.breaker``).
Only the limits are a second implementation (``gate``), since the real ones are a script within Redis.
"""

from __future__ import annotations

import math
import random
from array import array
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush

from meterfarm.bench.simulation.gate import Gate
from meterfarm.bench.simulation.plan import SimulationPlan
from meterfarm.bench.simulation.tally import SimulationTally
from meterfarm.farm.policy import SCHEDULED_EVERY, capacity, follow_up
from meterfarm.records import Outcome, Part, RunKind
from meterfarm.scrapers.runs.run_executor import RunResult
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Claim, FollowUp, Lease
from meterfarm.storage.runs.queue import CLOSED, Breaker, admitted, due_parts, may_queue, noted

_TICK, _SAMPLE, _AGAIN, _START, _ANSWER, _WAKE = range(6)
_START_OF_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_POLL = 0.1
"""Seconds within which an idle worker notices a job."""
_SAMPLED_EVERY = 10.0
_NEVER = -1.0
_WHO = Customer(1, 1, 1, "", "")


@dataclass(slots=True)
class SimulatedPortal:
    """A portal and its customers; ``due`` wait to be queued, ``active`` are queued or at work."""

    gate: Gate
    breaker: Breaker = CLOSED
    due: deque[int] = field(default_factory=deque)
    active: int = 0


class SimulatedFarm:
    """Customers are numbers from 0; the portal of one is its number modulo the portals'."""

    def __init__(self, plan: SimulationPlan) -> None:
        self.plan = plan
        self.now = 0.0
        self.portals = [SimulatedPortal(Gate(plan.at_once, plan.per_second)) for _ in range(plan.portals)]
        self.tally = SimulationTally("", 0.0)
        self.portals_down = self.farm_down = False
        self._dice = random.Random(plan.seed).random  # noqa: S311 - a simulation's
        random.seed(plan.seed)  # the rules' own dice
        count = plan.customers
        self._due = {Part.BILLS: array("d", bytes(8 * count)), Part.INTERVALS: array("d", bytes(8 * count))}
        self._late_since = array("d", [_NEVER]) * count
        self._parts: list[frozenset[Part] | None] = [None] * count
        self._faults = bytearray(count)
        self._left = bytearray(count)
        self._process_of = array("i", bytes(4 * count))
        self._running: set[int] = set()
        self._is_listed = bytearray(count)
        self._buckets: dict[int, list[int]] = {}
        self._ticks = 0
        self._ready: deque[int] = deque()
        self._free = deque(process for _ in range(plan.slots) for process in range(plan.workers))
        self._at_work_until = [0.0] * plan.workers
        self._claims_in = (0, 0)
        self._heap: list[tuple[float, int]] = []
        self._handlers = (self._tick, self._sample, self._again, self._start, self._answered, self._wake)
        self._spread_out()
        self._at(0.0, _TICK, 0)
        self._at(0.0, _SAMPLE, 0)

    def run_until(self, seconds: float) -> None:
        """Go on to a time, in seconds since the start."""
        heap, handlers, size = self._heap, self._handlers, self.plan.customers
        while heap and heap[0][0] <= seconds:
            self.now, code = heappop(heap)
            kind, number = divmod(code, size)
            handlers[kind](number)
        self.now = seconds

    def _at(self, when: float, kind: int, number: int) -> None:
        heappush(self._heap, (when, kind * self.plan.customers + number))

    def _spread_out(self) -> None:
        """Customers have come one by one: their first refreshes are spread over the whole period."""
        for part, every in ((Part.INTERVALS, self.plan.intervals_every), (Part.BILLS, self.plan.bills_every)):
            for customer in range(self.plan.customers):
                self._falls_due(customer, part, every * self._dice())

    # the scheduler

    def _falls_due(self, customer: int, part: Part, when: float) -> None:
        self._due[part][customer] = when
        self._buckets.setdefault(int(when // SCHEDULED_EVERY) + 1, []).append(customer)

    def _tick(self, _: int) -> None:
        self._at(self.now + SCHEDULED_EVERY, _TICK, 0)
        last = int(self.now // SCHEDULED_EVERY)
        for tick in range(self._ticks + 1, last + 1):
            for customer in self._buckets.pop(tick, ()):
                self._list(customer)
        self._ticks = last
        if self.farm_down:
            return
        instant = _instant(self.now)
        for portal in self.portals:
            wanted = may_queue(portal.breaker, capacity(self.plan.at_once, self.plan.per_second), instant)
            while portal.due and portal.active < wanted:
                self._queue(portal, portal.due.popleft(), instant)
        self._hand_out()

    def _list(self, customer: int) -> None:
        is_due = min(due[customer] for due in self._due.values()) <= self.now
        if is_due and self._parts[customer] is None and not self._is_listed[customer]:
            self._is_listed[customer] = 1
            self._portal(customer).due.append(customer)

    def _queue(self, portal: SimulatedPortal, customer: int, at: datetime) -> None:
        self._is_listed[customer] = 0
        due = {part: times[customer] for part, times in self._due.items()}
        parts = due_parts(_instant(due[Part.BILLS]), _instant(due[Part.INTERVALS]), at)
        for part in parts:
            self._due[part][customer] = math.inf  # until the run's end says when next
        if self._late_since[customer] == _NEVER:
            self._late_since[customer] = min(due[part] for part in parts)
        self._enter(portal, customer, parts)

    def _enter(self, portal: SimulatedPortal, customer: int, parts: frozenset[Part]) -> None:
        self._parts[customer] = parts
        portal.active += 1
        self._ready.append(customer)

    def _again(self, customer: int) -> None:
        """A queued run's time has come."""
        self._portal(customer).active += 1
        self._ready.append(customer)
        self._hand_out()

    # workers

    def _hand_out(self) -> None:
        while self._ready and self._free and not self.farm_down:
            self._claim(self._ready.popleft())

    def _claim(self, customer: int) -> None:
        portal = self._portal(customer)
        self._count_claim()
        is_probed = portal.breaker.probe in self._running
        portal.breaker, until = admitted(portal.breaker, customer, _instant(self.now), is_probed=is_probed)
        if until is not None:
            portal.active -= 1
            self._at(_seconds(until), _AGAIN, customer)
            return
        self._running.add(customer)
        process = self._free.popleft()
        self._process_of[customer] = process
        noticed = self.now + _POLL * self._dice()
        done = max(noticed, self._at_work_until[process]) + self.plan.own_seconds
        self._at_work_until[process] = done
        self._at(done, _START, customer)

    def _count_claim(self) -> None:
        second, count = self._claims_in
        self._claims_in = (second, count + 1) if second == int(self.now) else (int(self.now), 1)
        self.tally.claims += 1
        self.tally.most_claims_a_second = max(self.tally.most_claims_a_second, self._claims_in[1])

    # requests

    def _start(self, customer: int) -> None:
        self._left[customer] = self.plan.requests
        self._ask(customer)

    def _ask(self, customer: int) -> None:
        number = customer % self.plan.portals
        gate = self.portals[number].gate
        if gate.waiting:
            gate.waiting.append(customer)
            return
        when = gate.free_at(self.now)
        if when <= self.now:
            self._send(gate, customer)
            return
        gate.waiting.append(customer)
        self._wake_at(when, gate, number)

    def _send(self, gate: Gate, customer: int) -> None:
        gate.send(self.now)
        mean = self.plan.find_out if self.portals_down else self.plan.latency
        self._at(self.now + mean * (0.5 + self._dice()), _ANSWER, customer)

    def _answered(self, customer: int) -> None:
        portal = self._portal(customer)
        portal.gate.answered(self.now)
        left = self._left[customer] = 0 if self.portals_down else self._left[customer] - 1
        if left:
            self._ask(customer)
        else:
            self._end(portal, customer, Outcome.PORTAL_DOWN if self.portals_down else Outcome.COMPLETE)
        if portal.gate.waiting:
            self._serve(portal.gate, customer % self.plan.portals)

    def _wake(self, number: int) -> None:
        gate = self.portals[number].gate
        if gate.woken_at <= self.now:
            gate.woken_at = math.inf
        self._serve(gate, number)

    def _serve(self, gate: Gate, number: int) -> None:
        while gate.waiting:
            when = gate.free_at(self.now)
            if when > self.now:
                self._wake_at(when, gate, number)
                return
            self._send(gate, gate.waiting.popleft())

    def _wake_at(self, when: float, gate: Gate, number: int) -> None:
        """An answer wakes those who wait, too; so only a token that comes back by itself needs an event."""
        if when < gate.woken_at:
            gate.woken_at = when
            self._at(when, _WAKE, number)

    # what follows

    def _end(self, portal: SimulatedPortal, customer: int, outcome: Outcome) -> None:
        self._running.discard(customer)
        portal.active -= 1
        at = _instant(self.now)
        claim = _claim(self._parts[customer] or frozenset(), self._faults[customer])
        follow = follow_up(claim, _result(outcome), at, self.plan.every)
        portal.breaker = noted(portal.breaker, customer, customer, follow.portal, at, follow.portal_rests)
        self._free.append(self._process_of[customer])
        self._follow(customer, follow)
        self._hand_out()

    def _follow(self, customer: int, follow: FollowUp) -> None:
        if follow.next_at is not None:
            self.tally.failed += 1
            self._faults[customer] = min(255, self._faults[customer] + 1)
            self._at(_seconds(follow.next_at), _AGAIN, customer)
            return
        self._faults[customer] = 0
        self._parts[customer] = None
        self.tally.late.append(self.now - self._late_since[customer])
        self.tally.ended_at.append(self.now)
        self._late_since[customer] = _NEVER
        for part, when in follow.due.items():
            self._falls_due(customer, part, _seconds(when))
        self._list(customer)

    def _sample(self, _: int) -> None:
        self._at(self.now + _SAMPLED_EVERY, _SAMPLE, 0)
        self.sample()

    def sample(self) -> None:
        """Take down how the farm stands now."""
        tally = self.tally
        tally.overdue.append(sum(len(portal.due) for portal in self.portals))
        tally.queued.append(sum(portal.active for portal in self.portals))
        tally.busy.append(self.plan.workers * self.plan.slots - len(self._free))

    def _portal(self, customer: int) -> SimulatedPortal:
        return self.portals[customer % self.plan.portals]


@lru_cache(maxsize=1024)
def _claim(parts: frozenset[Part], faults: int) -> Claim:
    return Claim(Lease(1, 1), _WHO, RunKind.COLLECT, parts, 1, faults)


@lru_cache
def _result(outcome: Outcome) -> RunResult:
    return RunResult(_WHO, outcome, "", asked_portal=True, finished=frozenset(Part))


def _instant(seconds: float) -> datetime:
    if seconds == math.inf:
        return datetime.max.replace(tzinfo=UTC)
    return _START_OF_TIME + timedelta(seconds=seconds)


def _seconds(instant: datetime) -> float:
    return (instant - _START_OF_TIME).total_seconds()
