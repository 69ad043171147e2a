"""A farm's metrics as Prometheus would have them: from every worker process, in its text format."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests import asking

Samples = dict[frozenset[tuple[str, str]], float]


@dataclass(frozen=True)
class Scraped:
    """``ports`` are the workers'."""

    ports: tuple[int, ...]

    @property
    def setting(self) -> str:
        return f"127.0.0.1:{self.ports[0]}"

    def texts(self) -> list[str]:
        """Of each worker; fewer if one does not answer."""
        found = []
        for port in self.ports:
            with suppress(httpx.HTTPError):
                answer = asking.get(f"http://127.0.0.1:{port}/metrics", timeout=30)
                found.append(answer.raise_for_status().text)
        return found

    def samples(self, name: str) -> list[Samples]:
        """Of each worker, by labels: what has this name, which alone is parsed."""
        return [
            {
                frozenset(sample.labels.items()): sample.value
                for family in text_string_to_metric_families("\n".join(_lines(text, name)) + "\n")
                for sample in family.samples
            }
            for text in self.texts()
        ]

    def total(self, name: str, **labels: str) -> float:
        """The sum over all workers of what has these labels, whatever others."""
        return sum(
            value
            for samples in self.samples(name)
            for has, value in samples.items()
            if set(labels.items()) <= has
        )

    def by(self, name: str, *labels: str) -> Mapping[tuple[str, ...], float]:
        """The sums over all workers that are not 0, by these labels."""
        sums: dict[tuple[str, ...], float] = {}
        for samples in self.samples(name):
            for has, value in samples.items():
                of = tuple(dict(has)[label] for label in labels)
                sums[of] = sums.get(of, 0) + value
        return {of: value for of, value in sums.items() if value}


def _lines(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]


def free_ports(count: int) -> tuple[int, ...]:
    """So many ports in a row that nobody listens at, and hardly anybody is about to."""
    for first in random.sample(range(11_000, 32_000, count), 1_000):
        ports = tuple(range(first, first + count))
        with ExitStack() as stack, suppress(OSError):
            for port in ports:
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return ports
    raise AssertionError("no free ports")
