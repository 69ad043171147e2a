"""What all tests start from."""

from __future__ import annotations

import gc
import os
import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Commands under test hear Ctrl-C, even if the tests were started in the background, which ignores it.

    Playwright's driver is compiled once and not at each of its many starts.
    """
    if config.cache is not None:
        os.environ.setdefault("NODE_COMPILE_CACHE", str(config.cache.mkdir("node")))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Garbage collection need not look through all modules and tests again and again."""
    gc.collect()
    gc.freeze()
