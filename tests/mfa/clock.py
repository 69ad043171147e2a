"""A clock that the test holds: it goes on only while the code under test sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

import meterfarm.mfa.totp


@dataclass
class Clock:
    """``slept`` says how long each sleep was."""

    now: float
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def held_clock(monkeypatch: pytest.MonkeyPatch, start: float) -> Clock:
    """Let ``meterfarm.mfa.totp`` tell the time, and wait, by a clock that stands at ``start``."""
    clock = Clock(start)
    monkeypatch.setattr(meterfarm.mfa.totp, "time", SimpleNamespace(time=clock.time))
    monkeypatch.setattr(meterfarm.mfa.totp, "asyncio", SimpleNamespace(sleep=clock.sleep))
    return clock


SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The secret of RFC 6238's appendix B, ``12345678901234567890``, in base32."""
