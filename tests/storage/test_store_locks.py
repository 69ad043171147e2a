"""A login is locked by one run at a time, in whatever process, and never by one that has died."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.errors import StorageError
from storage.locks import LoginLock
from storage.store import Store
from tests.storage.conftest import OpenStore
from tests.storage.made import USERNAME, UTILITY

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lock(store: Store) -> LoginLock:
    return store.login_lock(store.customer(UTILITY, USERNAME))


@contextmanager
def _held_by_another_process(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    script = (
        "import sys; from pathlib import Path;"
        "from storage.settings import Settings; from storage.store import Store;"
        "store = Store.open(Settings(home=Path(sys.argv[1])));"
        f"lock = store.login_lock(store.customer({UTILITY!r}, {USERNAME!r}));"
        "print(lock.try_acquire(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        try:
            yield process
        finally:
            process.kill()


def test_one_holds_a_login_at_a_time(store: Store, lock: LoginLock) -> None:
    other = store.login_lock(store.customer(UTILITY, USERNAME.upper()))
    assert lock.try_acquire()
    assert lock.try_acquire(), "it is held by this one already"
    assert not other.try_acquire()
    assert store.login_lock(store.customer("other_power", USERNAME)).try_acquire()
    lock.release()
    lock.release()
    assert other.try_acquire()
    assert not lock.try_acquire()


def test_a_lock_is_held_as_long_as_its_block(store: Store, lock: LoginLock) -> None:
    other = store.login_lock(store.customer(UTILITY, USERNAME))
    with lock:
        assert not other.try_acquire()
    with other:
        assert not lock.try_acquire()


def test_one_waits_until_the_other_lets_go(store: Store, lock: LoginLock) -> None:
    other = store.login_lock(store.customer(UTILITY, USERNAME))
    lock.acquire()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(other.acquire)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        lock.release()
        waiting.result(timeout=10)
    assert not lock.try_acquire()


def test_a_process_that_dies_lets_go(lock: LoginLock, home: Path) -> None:
    with _held_by_another_process(home) as process, ThreadPoolExecutor() as pool:
        assert not lock.try_acquire()
        waiting = pool.submit(lock.acquire)
        process.kill()
        waiting.result(timeout=10)
    assert lock.try_acquire()


def test_a_process_that_the_holder_started_does_not_keep_it(store: Store, lock: LoginLock) -> None:
    lock.acquire()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE):
        lock.release()
        assert store.login_lock(store.customer(UTILITY, USERNAME)).try_acquire()


def test_lock_files_are_private_and_named_after_the_login(
    store: Store, open_store: OpenStore, lock: LoginLock, home: Path
) -> None:
    lock.acquire()
    (file,) = (home / "locks").iterdir()
    assert file.name == str(store.customer(UTILITY, USERNAME).login_id)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.parent.chmod(0o755)
    open_store()
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_lock_file_that_cannot_be_made_is_one_sentence(lock: LoginLock, home: Path) -> None:
    (home / "locks").write_text("a file")
    with pytest.raises(StorageError, match=r"lock file .*/locks/\d+ cannot be used"):
        lock.try_acquire()
