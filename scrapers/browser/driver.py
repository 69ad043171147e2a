"""Playwright's driver, a process of Node.js: how it is started, and what it gets of our environment.

Playwright gives the driver, and the driver the browser, the whole environment, and has no option for that. So
the function by which it makes a copy of the environment is replaced here, once, for all threads.
"""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

from playwright._impl import transport
from playwright._impl._driver import get_driver_env
from playwright.async_api import Playwright, async_playwright

from meterfarm.support.environment import child_environment

_scratch: ContextVar[str] = ContextVar("where the driver keeps what is temporary", default="")


def _environment() -> dict[str, str]:
    """What a child may have, and how Playwright introduces itself to its driver."""
    theirs = {name: value for name, value in get_driver_env().items() if name.startswith("PW_")}
    scratch = _scratch.get()
    return theirs | child_environment(**{"TMPDIR": scratch} if scratch else {})


transport.get_driver_env = _environment  # type: ignore[attr-defined]  # it imports the name from `_driver`


async def start_driver(scratch: Path) -> Playwright:
    """Playwright, with a driver that keeps profiles and unfinished traces below ``scratch``."""
    before = _scratch.set(str(scratch))
    try:
        return await async_playwright().start()
    finally:
        _scratch.reset(before)
