"""What every way is to do: which customers' bills and readings, from where, of which days."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from playwright.sync_api import Locator, Page

from meterfarm.scrapers.browser.chromium import find_chromium
from meterfarm.storage.settings import Settings
from meterfarm.support.local_hosts import LocalHosts, read_local_hosts

PASSWORD = "x"  # noqa: S105 - the fake utilities take any
DAYS = 393
"""13 months."""


@dataclass(frozen=True, slots=True)
class Task:
    """So many ``accounts`` at a utility's portal; ``last`` is the newest day that has readings."""

    utility: str
    base_url: str
    accounts: int
    last: date

    @property
    def first(self) -> date:
        """The first day of readings to fetch."""
        return self.last - timedelta(days=DAYS - 1)

    @property
    def numbers(self) -> Sequence[int]:
        """The customers' numbers, in order."""
        return range(1, self.accounts + 1)

    def arguments(self) -> Sequence[str]:
        """The command line that `task_from_arguments` reads."""
        return [self.utility, self.base_url, str(self.accounts), str(self.last)]


def task_from_arguments() -> Task:
    """The task that this process was started with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("utility")
    parser.add_argument("base_url")
    parser.add_argument("accounts", type=int)
    parser.add_argument("last", type=date.fromisoformat)
    given = parser.parse_args()
    return Task(given.utility, given.base_url, given.accounts, given.last)


@cache
def local_hosts() -> LocalHosts:
    """The host names that stand for this machine, as this process was started."""
    return read_local_hosts(Settings().local_hosts)


def launch_options() -> Mapping[str, Any]:
    """How a script starts the browser that Meterfarm finds, so that all ways use the same one."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    hosts = local_hosts()
    if hosts.addresses:
        rules = ", ".join(f"MAP {name}:443 {target}" for name, target in hosts.addresses.items())
        arguments.append(f"--host-resolver-rules={rules}")
    if hosts.spki:
        arguments.append(f"--ignore-certificate-errors-spki-list={','.join(hosts.spki)}")
    return {"executable_path": str(find_chromium()), "args": arguments}


def downloaded(page: Page, control: Locator) -> bytes:
    """What the browser downloads when the control is clicked."""
    with page.expect_download() as download:
        control.click()
    return download.value.path().read_bytes()
