"""What the doctor finds: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was checked, its health, what was found, and what to do about it ("" if nothing)."""

    check: str
    health: Health
    detail: str
    todo: str = ""


def well(check: str, detail: str) -> CheckResult:
    """A check that found nothing to do."""
    return CheckResult(check, Health.OK, detail)


def warn(check: str, detail: str, todo: str) -> CheckResult:
    """A check that found something to do, with which the farm still works."""
    return CheckResult(check, Health.WARNING, detail, todo)


def fail(check: str, detail: str, todo: str = "") -> CheckResult:
    """A check that found what the farm cannot work without."""
    return CheckResult(check, Health.FAILED, detail, todo)
