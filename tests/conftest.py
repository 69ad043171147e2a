"""What all tests start from."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests import forked, shared_driver
from tests.rewritten import rewrite_all
from tests.statements import share_statements

_LONGEST = ("test_forms.py", "test_night.py", "test_wheel.py", "test_registry.py", "test_faults.py")
_ENDED_LAST = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Commands under test hear Ctrl-C, even if the tests were started in the background, which ignores it.

    Playwright's driver is compiled once and not at each of its many starts, and so is SQL. Garbage collection
    has nothing to find while modules are imported.
    """
    gc.disable()
    share_statements()
    if config.cache is not None:
        os.environ.setdefault("NODE_COMPILE_CACHE", str(config.cache.mkdir("node")))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where workers share the tests, each begins with some of the longest, which else one would end with."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    longest = [[item for item in items if item.path.name == name] for name in _LONGEST]
    if workers == 1 or not all(longest):
        return
    others = [item for item in items if item.path.name not in _LONGEST]
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for number, module in enumerate(longest):
        shares[number % workers] += module
    ends = [len(items) * (number + 1) // workers for number in range(workers)]
    placed: list[pytest.Item] = []
    for share, end in zip(shares, ends, strict=True):
        placed += share
        placed += [others.pop(0) for _ in range(min(end - len(placed), len(others)))]
    items[:] = placed


def pytest_sessionstart(session: pytest.Session) -> None:
    """Whoever runs tests has a driver for all of them; the one that hands them out to others, what forks."""
    if session.config.getoption("dist", "no") != "no" and not hasattr(session.config, "workerinput"):
        rewrite_all(session.config)
        with ExitStack() as opened:
            os.environ[forked.VARIABLE] = opened.enter_context(forked.shared_zygote())
            session.config.stash[_ENDED_LAST] = opened.pop_all()
        return
    with ExitStack() as opened:
        folder = opened.enter_context(TemporaryDirectory(prefix="driver-", ignore_cleanup_errors=True))
        os.environ[shared_driver.VARIABLE] = str(
            opened.enter_context(shared_driver.shared_driver(Path(folder)))
        )
        session.config.stash[_ENDED_LAST] = opened.pop_all()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing that tests have started stays."""
    if _ENDED_LAST in session.config.stash:
        os.environ.pop(shared_driver.VARIABLE, None)
        session.config.stash[_ENDED_LAST].close()


@pytest.fixture(scope="module")
def own_driver() -> Iterator[None]:
    """For what is about the driver's or the browser's process: each command and worker has its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(shared_driver.VARIABLE)
        yield


def pytest_collection_finish() -> None:
    """Garbage collection need not look through all modules and tests again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()
