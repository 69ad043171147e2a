"""A worker's metrics for Prometheus: its own counters and histograms, and how the whole farm stands.

Labels are the utility, the kind, a step or an outcome: words of which there are few. What the farm as a whole
is like comes from the database, at most every few seconds, and is the same from every worker.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.telemetry.process_metrics import ProcessMetrics
from meterfarm.records import Outcome, RunKind, WhoActs
from meterfarm.scrapers.rate_limiter import Permit, RateLimiter
from meterfarm.storage import StorageError
from meterfarm.storage.channels import MailFigures, MailState
from meterfarm.storage.runs import QUEUES, Claim, Figures, QueueFigures
from meterfarm.storage.store import Store
from meterfarm.storage.webhooks import DeliveryState, WebhookFigures

_STEPS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
_WAITS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CACHED_SECONDS = 5.0
_UNDELIVERED = (DeliveryState.PENDING, DeliveryState.PARKED)
_KINDS = (RunKind.CONNECT, RunKind.COLLECT)
_BROKEN = (Outcome.COMPLETE, Outcome.UNKNOWN_PAGE, Outcome.LAYOUT_CHANGED)
_FOR_ALERTS = {
    RunKind.CONNECT: _BROKEN,
    RunKind.COLLECT: (*_BROKEN, *(outcome for outcome in Outcome if outcome.who_acts is WhoActs.CUSTOMER)),
}
"""An alert sees a counter rise only if it was there before."""


class PrometheusMetrics(ProcessMetrics, Metrics):
    """What this process counts."""

    def __init__(self, utilities: Sequence[str], broken: Sequence[str] = ()) -> None:
        super().__init__()
        self._ended = self.counter(
            "meterfarm_runs_ended",
            "Runs that this worker ended, by outcome.",
            *("utility", "kind", "outcome"),
        )
        self._aborted = self.counter(
            "meterfarm_runs_aborted",
            "Runs that ended here without an outcome: lease_lost, cancelled, stopping, fault.",
            *("utility", "kind", "why"),
        )
        self._lease_losses = self.counter(
            "meterfarm_lease_losses", "Runs that were taken from this worker while it was at them."
        )
        self._queued_again = self.counter(
            "meterfarm_runs_queued_again",
            "Runs that this worker had begun again: worker_gone, not_taken, handed_back, fault.",
            "why",
        )
        self._seconds = self.histogram(
            "meterfarm_step_seconds",
            "How long runs took that ended with an outcome: sign_in, collect, and run as a whole.",
            _STEPS,
            *("utility", "step"),
        )
        self._waits = self.histogram(
            "meterfarm_limit_wait_seconds",
            "How long requests waited for a place within the portal's limits.",
            _WAITS,
            "utility",
        )
        self._webhooks = self.histogram(
            "meterfarm_webhook_seconds",
            "How long attempts at webhooks took, by what became of them: delivered, failed, parked.",
            _WAITS,
            "became",
        )
        for became in ("delivered", "failed", "parked"):
            self._webhooks.labels(became)
        self._mails = self.histogram(
            "meterfarm_mail_seconds",
            "How long attempts at mails took, by what became of them: sent, failed, given_up.",
            _WAITS,
            "became",
        )
        for became in ("sent", "failed", "given_up"):
            self._mails.labels(became)
        is_broken = self.gauge(
            "meterfarm_utility_broken",
            "1 for a utility that cannot be loaded: its runs end as internal.",
            "utility",
        )
        for utility in utilities:
            is_broken.labels(utility).set(utility in broken)
            for kind, outcomes in _FOR_ALERTS.items():
                for outcome in outcomes:
                    self._ended.labels(utility, kind.value, outcome.value)
        for why in ("worker_gone", "not_taken", "handed_back", "fault"):
            self._queued_again.labels(why)

    def ended(self, claim: Claim, outcome: str, seconds: Mapping[str, float]) -> None:
        """Count a run with an outcome, and the seconds that its steps took."""
        utility = claim.customer.utility
        self._ended.labels(utility, claim.kind.value, outcome).inc()
        for step, took in seconds.items():
            self._seconds.labels(utility, step).observe(took)

    def aborted(self, claim: Claim, why: str) -> None:
        """Count a run without an outcome."""
        self._aborted.labels(claim.customer.utility, claim.kind.value, why).inc()
        if why == "lease_lost":
            self._lease_losses.inc()

    def queued_again(self, count: int, why: str) -> None:
        """Count runs that begin again."""
        self._queued_again.labels(why).inc(count)

    def webhook_sent(self, became: str, seconds: float) -> None:
        """Count an attempt at a webhook."""
        self._webhooks.labels(became).observe(seconds)

    def mail_sent(self, became: str, seconds: float) -> None:
        """Count an attempt at a mail."""
        self._mails.labels(became).observe(seconds)

    def measured(self, utility: str, limiter: RateLimiter) -> RateLimiter:
        """``limiter``, with the seconds that requests wait for it observed."""
        return _Measured(limiter, self._waits.labels(utility).observe)


class _Measured:
    """A limiter with its waits measured."""

    def __init__(self, limiter: RateLimiter, observe: Callable[[float], None]) -> None:
        self._limiter = limiter
        self._observe = observe

    @asynccontextmanager
    async def request(self, cost: int = 1, *, of_page: bool = False) -> AsyncIterator[Permit]:
        began = time.monotonic()
        async with self._limiter.request(cost, of_page=of_page) as held:
            self._observe(time.monotonic() - began)
            yield held


class FarmCollector(Collector):
    """Gauges, asked for when somebody scrapes: this worker's, its browser's, and the farm's."""

    def __init__(
        self, store: Store, utilities: Sequence[str], at_work: Callable[[], tuple[int, int]]
    ) -> None:
        self._store = store
        self._utilities = utilities
        self._at_work = at_work
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._keep_until = 0.0

    def describe(self) -> list[Metric]:
        """Nothing: or the database would be asked when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All gauges; those of the farm are at most 5 s old."""
        working, waiting = self._at_work()
        yield _gauge(
            "meterfarm_worker_runs",
            "Runs of this worker: working, or waiting for an answer.",
            ("state",),
            {("working",): working, ("waiting",): waiting},
        )
        with self._lock:
            if time.monotonic() >= self._keep_until:
                self._kept = [_browser(), *self._farm()]
                self._keep_until = time.monotonic() + _CACHED_SECONDS
            yield from self._kept

    def _farm(self) -> Iterator[Metric]:
        try:
            figures = self._store.runs.figures(self._utilities)
            webhooks, mails = self._store.webhooks.figures(), self._store.mails.figures()
        except StorageError:
            yield _up(0)
            return
        yield _up(1)
        yield from farm_gauges(figures, self._utilities)
        yield from webhook_gauges(webhooks)
        yield from mail_gauges(mails)


def webhook_gauges(figures: WebhookFigures) -> Iterator[Metric]:
    """How the farm's webhooks stand."""
    about = "Deliveries of webhooks: pending, or parked after three days of failing."
    kept = {(state.value,): float(figures.deliveries[state]) for state in _UNDELIVERED}
    yield _gauge("meterfarm_webhook_deliveries", about, ("state",), kept)
    about = "Since when the oldest pending delivery of a webhook is asked for."
    yield _gauge("meterfarm_webhook_oldest_seconds", about, (), {(): figures.oldest_seconds})
    about = "Endpoints of webhooks that failed at their latest delivery."
    yield _gauge("meterfarm_webhook_endpoints_failing", about, (), {(): float(figures.failing_endpoints)})


def mail_gauges(figures: MailFigures) -> Iterator[Metric]:
    """How the outbox of mail stands."""
    about = "Mails that go out: pending, or given up and kept for a while."
    kept = {("pending",): MailState.PENDING, ("given_up",): MailState.GIVEN_UP}
    yield _gauge(
        "meterfarm_mails", about, ("state",), {of: figures.mails[state] for of, state in kept.items()}
    )
    about = "Pending mails that failed at their latest attempt."
    yield _gauge("meterfarm_mails_failing", about, (), {(): figures.failing})
    about = "Since when the oldest pending mail waits."
    yield _gauge("meterfarm_mail_oldest_seconds", about, (), {(): figures.oldest_seconds})


def farm_gauges(figures: Figures, utilities: Sequence[str]) -> Iterator[Metric]:
    """How the farm stands, by queue and by utility."""
    queues = {queue: figures.queues.get(kind, QueueFigures()) for kind, queue in QUEUES.items()}
    by_queue: Mapping[str, tuple[str, Callable[[QueueFigures], float]]] = {
        "meterfarm_queue_depth": ("Queued runs that could begin now.", lambda queue: queue.ready),
        "meterfarm_queue_scheduled": ("Queued runs that are due later.", lambda queue: queue.later),
        "meterfarm_queue_oldest_seconds": (
            "Since when the oldest of the runs that could begin now could.",
            lambda queue: queue.oldest_seconds,
        ),
    }
    for name, (about, value) in by_queue.items():
        yield _gauge(name, about, ("queue",), {(queue,): value(figure) for queue, figure in queues.items()})
    held: dict[tuple[str, ...], float] = {
        (utility, kind.value, state): 0
        for utility in utilities
        for kind in _KINDS
        for state in ("running", "waiting")
    }
    held |= {(utility, kind.value, state.value): n for (utility, kind, state), n in figures.held.items()}
    about = "Runs in progress in the farm: running, or waiting for an answer to MFA."
    yield _gauge("meterfarm_runs_in_progress", about, ("utility", "kind", "state"), held)
    yield _gauge(
        "meterfarm_portal_breaker_open",
        "1 while the portal is left alone, since several customers met its fault.",
        ("utility",),
        {(utility,): float(utility in figures.resting) for utility in {*utilities, *figures.resting}},
    )
    yield _gauge(
        "meterfarm_refresh_late_seconds",
        "Since when the customer is due for a refresh who is so the longest.",
        ("utility", "part"),
        {(utility, part.value): late for (utility, part), late in figures.late_seconds.items()},
    )
    of_utilities: Mapping[str, tuple[str, Mapping[str, int]]] = {
        "meterfarm_exports_pending": (
            "Exports that the portal is still making, for a later run to fetch.",
            figures.pending_exports,
        ),
        "meterfarm_bills_unread": ("Stored bills that no layout has read.", figures.unread_bills),
    }
    for name, (about, counts) in of_utilities.items():
        values: dict[str, float] = {**dict.fromkeys(utilities, 0), **counts}
        yield _gauge(name, about, ("utility",), {(utility,): count for utility, count in values.items()})


@dataclass(frozen=True, slots=True)
class BrowserMemory:
    """In bytes. ``rss`` counts pages that several processes share once for each, ``pss`` a share of each."""

    rss: int = 0
    pss: int = 0

    def plus(self, process: psutil.Process) -> BrowserMemory:
        """With that of a process; unchanged if it has ended, or is another user's."""
        with suppress(psutil.Error):
            memory = process.memory_full_info()
            return BrowserMemory(self.rss + memory.rss, self.pss + memory.pss)
        return self


def browser_memory(root: int | None = None) -> Mapping[str, BrowserMemory]:
    """Of the ``driver``, which ``root`` (this process) has started, and of ``chromium``, all below that."""
    driver = chromium = BrowserMemory()
    with suppress(psutil.Error):
        for child in psutil.Process(root or os.getpid()).children():
            driver = driver.plus(child)
            for below in child.children(recursive=True):
                chromium = chromium.plus(below)
    return {"driver": driver, "chromium": chromium}


def _browser() -> Metric:
    found = browser_memory()
    return _gauge(
        "meterfarm_browser_memory_bytes",
        "Memory of this worker's Chromium and of Playwright's driver; pss counts shared pages once.",
        ("part", "measure"),
        {
            (part, measure): value
            for part, memory in found.items()
            for measure, value in (("pss", memory.pss), ("rss", memory.rss))
        },
    )


def _up(value: int) -> Metric:
    return _gauge("meterfarm_database_up", "Whether the database answers this worker.", (), {(): value})


def _gauge(name: str, about: str, labels: Sequence[str], values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family
