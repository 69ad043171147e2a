"""What all tests start from."""

from __future__ import annotations

import gc
import signal


def pytest_configure() -> None:
    """Commands under test hear Ctrl-C, even if the tests were started in the background, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Garbage collection need not look through all modules and tests again and again."""
    gc.collect()
    gc.freeze()
