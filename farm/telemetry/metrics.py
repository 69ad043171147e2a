"""The port through which a worker tells what is counted and measured. Off, it costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from meterfarm.scrapers.rate_limiter import RateLimiter
from meterfarm.storage.errors import StorageError
from meterfarm.storage.store import Store
from meterfarm.storage.work import Claim
from meterfarm.utilities import broken_utilities, utility_ids

if TYPE_CHECKING:
    from meterfarm.farm.telemetry.prometheus import PrometheusMetrics

METRICS = "METERFARM_METRICS"


class Metrics:
    """Nobody listens. Whoever does overrides these."""

    def ended(self, claim: Claim, outcome: str, seconds: Mapping[str, float]) -> None:
        """The run's end is in the database; how long its steps took, and ``run`` as a whole."""

    def aborted(self, claim: Claim, why: str) -> None:
        """The run ended here without an outcome: lease_lost, cancelled, stopping or fault."""

    def queued_again(self, count: int, why: str) -> None:
        """Runs that some worker is to begin again: worker_gone, not_taken, handed_back or fault."""

    def measured(self, utility: str, limiter: RateLimiter) -> RateLimiter:
        """``limiter``, with how long requests wait for their places."""
        return limiter


def metrics_of(text: str, number: int) -> str:
    """The setting for worker ``number``, counted from 0: so many ports further. Raises StorageError."""
    if not text:
        return ""
    host, port = metrics_address(text, number)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def metrics_address(text: str, number: int = 0, setting: str = METRICS) -> tuple[str, int]:
    """Where the setting has worker ``number`` serve its metrics, or its health. Raises StorageError."""
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isdecimal() and 0 < int(port) + number < 65_536):
        raise StorageError(
            f"{setting} has “{text}”; write an address of this machine and a port: 127.0.0.1:9600. "
            "Each further worker process takes the next port."
        )
    return host, int(port) + number


_AGAIN = 5.0
AtWork = Callable[[], tuple[int, int]]
"""How many runs the process works on, and with how many it waits."""


class MetricsServer:
    """``metrics`` is for the runs to tell. Without an address nobody listens, and nothing is imported."""

    def __init__(self, address: str) -> None:
        self._address = metrics_address(address) if address else None
        self._prometheus: PrometheusMetrics | None = None
        self.metrics = Metrics()
        if self._address is not None:
            from meterfarm.farm.telemetry.prometheus import PrometheusMetrics

            self.metrics = self._prometheus = PrometheusMetrics(
                utility_ids(), [broken.id for broken in broken_utilities()]
            )

    @asynccontextmanager
    async def serving(self, store: Store, at_work: AtWork) -> AsyncIterator[None]:
        """Meanwhile they can be scraped. A port that is taken is tried again: the farm works without."""
        if self._address is None or self._prometheus is None:
            yield
            return
        from meterfarm.farm.telemetry.prometheus import FarmCollector

        registry = self._prometheus.registry
        registry.register(FarmCollector(store, list(utility_ids()), at_work))
        serving = asyncio.create_task(_serve(*self._address, registry))
        try:
            yield
        finally:
            serving.cancel()
            await asyncio.wait({serving})


async def _serve(host: str, port: int, registry: Any) -> None:
    from prometheus_client import start_http_server

    log: Any = structlog.get_logger("metrics")
    where, told = f"{host}:{port}", False
    while True:
        try:
            server, _ = start_http_server(port, addr=host, registry=registry)
        except OSError as exc:
            if not told:
                log.error(  # noqa: TRY400 - a port that is taken needs no stack trace
                    "metrics are not served", address=where, reason=exc.strerror or str(exc)
                )
            told = True
            await asyncio.sleep(_AGAIN)
            continue
        log.info("metrics are served", address=where)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
