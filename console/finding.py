"""What the doctor finds: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it ("" if nothing)."""

    check: str
    health: Health
    said: str
    todo: str = ""


def well(check: str, said: str) -> Finding:
    return Finding(check, Health.OK, said)


def warn(check: str, said: str, todo: str) -> Finding:
    return Finding(check, Health.WARNING, said, todo)


def fail(check: str, said: str, todo: str = "") -> Finding:
    return Finding(check, Health.FAILED, said, todo)
