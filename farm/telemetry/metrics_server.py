"""The server that a worker's metrics are scraped from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from meterfarm.farm.telemetry.metrics import Metrics, metrics_address
from meterfarm.storage.store import Store
from meterfarm.utilities import broken_utilities, utility_ids

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from meterfarm.farm.telemetry.prometheus import PrometheusMetrics

_AGAIN = 5.0
AtWork = Callable[[], tuple[int, int]]
"""How many runs the process works on, and with how many it waits."""


class MetricsServer:
    """Serves ``metrics``, which runs count into. Without an address nothing is counted or imported."""

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
        async with _served(self._address, registry):
            yield


@asynccontextmanager
async def registry_served(address: str, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Meanwhile what is in a registry can be scraped. Raises StorageError."""
    async with _served(metrics_address(address), registry):
        yield


@asynccontextmanager
async def _served(address: tuple[str, int], registry: CollectorRegistry) -> AsyncIterator[None]:
    serving = asyncio.create_task(_serve(*address, registry))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.wait({serving})


async def _serve(host: str, port: int, registry: CollectorRegistry) -> None:
    from prometheus_client import start_http_server

    log: Any = structlog.get_logger("metrics")
    where, logged = f"{host}:{port}", False
    while True:
        try:
            server, _ = start_http_server(port, addr=host, registry=registry)
        except OSError as exc:
            if not logged:
                log.error(  # noqa: TRY400 - a port that is taken needs no stack trace
                    "metrics.unserved", address=where, reason=exc.strerror or str(exc)
                )
            logged = True
            await asyncio.sleep(_AGAIN)
            continue
        log.info("metrics.served", address=where)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
