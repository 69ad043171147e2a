"""The port through which a worker counts and measures. Off, it costs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from meterfarm.scrapers.rate_limiter import RateLimiter
from meterfarm.storage import StorageError
from meterfarm.storage.runs import Claim

METRICS = "METERFARM_METRICS"


class Metrics:
    """Nobody listens. Whoever does overrides these."""

    def ended(self, claim: Claim, outcome: str, seconds: Mapping[str, float]) -> None:
        """The run's end is in the database; how long its steps took, and ``run`` as a whole."""

    def aborted(self, claim: Claim, why: str) -> None:
        """The run ended here without an outcome: lease_lost, cancelled, stopping or fault."""

    def queued_again(self, count: int, why: str) -> None:
        """Runs that some worker is to begin again: worker_gone, not_taken, handed_back or fault."""

    def webhook_sent(self, became: str, seconds: float) -> None:
        """An attempt at a webhook is over: delivered, failed or parked."""

    def mail_sent(self, became: str, seconds: float) -> None:
        """An attempt at a mail is over: sent, failed or given_up."""

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
