"""What every way is to do: which customers' bills and readings, from where, of which days."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from meterfarm.scrapers.browser.chromium import find_chromium
from meterfarm.utilities import load_utility

UTILITY = "speculoos_power"
PASSWORD = "x"  # noqa: S105 - the fake utility takes any
BILLS = 24
DAYS = 393
"""13 months."""
_MINUTES = {"electric": 15, "gas": 60}


@dataclass(frozen=True, slots=True)
class Task:
    """``accounts`` customers of the portal at ``base_url``; ``last`` is the newest day that has readings."""

    base_url: str
    accounts: int
    last: date

    @property
    def first(self) -> date:
        """The first day of readings to fetch."""
        return self.last - timedelta(days=DAYS - 1)

    @property
    def usernames(self) -> Sequence[str]:
        """The customers, in order."""
        return [username(number) for number in range(1, self.accounts + 1)]

    def arguments(self) -> Sequence[str]:
        """The command line that `task_from_arguments` reads."""
        return [self.base_url, str(self.accounts), str(self.last)]


def username(number: int) -> str:
    """The name of a customer by number, from 1."""
    return f"iamvalid.{number}@bayou.energy"


def readings_of(first: date, last: date) -> int:
    """How many readings an account's two meters have in these days, which may have 23 or 25 hours."""
    zone = load_utility(UTILITY).zone
    start, end = (
        datetime.combine(day, datetime.min.time(), zone) for day in (first, last + timedelta(days=1))
    )
    minutes = int(end.timestamp() - start.timestamp()) // 60
    return sum(minutes // length for length in _MINUTES.values())


def task_from_arguments() -> Task:
    """The task that this process was started with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base_url")
    parser.add_argument("accounts", type=int)
    parser.add_argument("last", type=date.fromisoformat)
    given = parser.parse_args()
    return Task(given.base_url, given.accounts, given.last)


def launch_options() -> Mapping[str, Any]:
    """How a script starts the browser that Meterfarm finds, so that all ways use the same one."""
    return {
        "executable_path": str(find_chromium()),
        "args": ["--no-sandbox"] if os.geteuid() == 0 else [],
    }
