"""A process and what it counts, for Prometheus. Workers and the API have metrics of their own."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)


class ProcessMetrics:
    """``registry`` has all: how the process itself is, and what its metrics are made with here."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def counter(self, name: str, about: str, *labels: str) -> Counter:
        """What only rises."""
        return Counter(name, about, labels, registry=self.registry)

    def gauge(self, name: str, about: str, *labels: str) -> Gauge:
        """What rises and falls."""
        return Gauge(name, about, labels, registry=self.registry)

    def histogram(self, name: str, about: str, buckets: Sequence[float], *labels: str) -> Histogram:
        """Seconds, counted in buckets with these upper bounds."""
        return Histogram(name, about, labels, buckets=buckets, registry=self.registry)
