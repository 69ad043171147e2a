"""The vault's keys rotate under running processes, and a kill at any point loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meterfarm.records import Outcome, SecretKind
from meterfarm.storage import StorageError
from meterfarm.storage.store import CompanyStore
from tests.storage.made import USERNAME, UTILITY, key
from tests.storage.opening import OpenStore, Rows

ROOT = Path(__file__).parents[2]
SECRETS = {SecretKind.PASSWORD: "canary-9a17"}


def _keys(home: Path) -> list[str]:
    return (home / "vault.key").read_text().split()


def _holds(store: CompanyStore) -> bool:
    """All that was entrusted opens, and what was refused stays refused."""
    customer = store.customers.find(USERNAME)
    assert customer is not None
    saved = store.credentials.run_context(customer).session
    return (
        saved is not None
        and saved.state == b"state"
        and store.credentials.load(customer)[SecretKind.PASSWORD].get_secret_value() == "canary-9a17"
        and store.logins.rejection(customer, "refused") is not None
        and store.logins.rejection(customer, "another") is None
    )


def _fill(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets=SECRETS)
    store.credentials.save_session(customer, b"state", trusted_since=None)
    store.logins.reject(customer, "refused", Outcome.BAD_CREDENTIALS, "No.")


def test_the_key_file_gets_a_new_key_and_loses_the_old(
    store: CompanyStore, open_store: OpenStore, home: Path
) -> None:
    _fill(store)
    (old,) = _keys(home)
    assert store.farm.rotate_keys() == 1
    (new,) = _keys(home)
    assert new != old
    assert (home / "vault.key").stat().st_mode & 0o777 == 0o600
    assert _holds(store)
    assert _holds(open_store())
    (home / "vault.key").write_text(old + "\n")
    with pytest.raises(StorageError, match=r"restore the vault\.key file"):
        open_store()


def test_a_store_that_was_open_before_keeps_working(
    store: CompanyStore, open_store: OpenStore, home: Path
) -> None:
    """It opens what the new key wraps, and wraps with nothing that is about to go."""
    _fill(store)
    other = open_store()
    assert _holds(other)
    store.farm.rotate_keys()
    added = other.customers.add(UTILITY, "other@example.org", secrets=SECRETS)
    other.logins.reject(added, "refused", Outcome.BAD_CREDENTIALS, "No.")
    assert _holds(open_store()), "who comes now has only the file's keys"
    store.farm.rotate_keys()
    other.customers.update(added, secrets={SecretKind.PASSWORD: "newer"})
    assert _holds(other)
    fresh = open_store()
    assert _holds(fresh)
    assert fresh.credentials.load(added)[SecretKind.PASSWORD].get_secret_value() == "newer"
    assert fresh.logins.rejection(added, "refused") is not None
    assert len(_keys(home)) == 1


def test_removed_customers_need_no_key(store: CompanyStore, open_store: OpenStore, rows: Rows) -> None:
    _fill(store)
    removed = store.customers.add(UTILITY, "other@example.org", secrets=SECRETS)
    store.customers.remove(removed, data=False)
    assert store.farm.rotate_keys() == 1
    assert _holds(open_store())
    assert rows("SELECT count(*) FROM customer WHERE key_id = ''") == [(1,)]


def test_with_keys_in_the_environment_the_operator_puts_the_new_one_first(
    open_store: OpenStore, home: Path
) -> None:
    _fill(open_store(key(1)))
    both = open_store(f"{key(2)},{key(1)}")
    assert both.farm.rotate_keys() == 1
    assert _holds(open_store(key(2)))
    assert not (home / "vault.key").exists()
    with pytest.raises(StorageError, match="METERFARM_SECRET_KEYS"):
        open_store(key(1))


def test_the_key_file_is_left_alone_while_the_environment_has_keys(open_store: OpenStore, home: Path) -> None:
    """Be it the same key, on its way from the one to the other."""
    _fill(open_store())
    before = _keys(home)
    assert open_store(before[0]).farm.rotate_keys() == 0
    assert open_store(f"{key(2)},{before[0]}").farm.rotate_keys() == 1
    assert _keys(home) == before
    assert _holds(open_store(key(2)))


def test_a_key_that_only_a_refusal_needs_is_needed(open_store: OpenStore, rows: Rows) -> None:
    """Without it a refused password would be sent again."""
    _fill(open_store())
    rows("UPDATE sent_password SET key_id = 'gone'")
    with pytest.raises(StorageError, match="encrypted with the key gone"):
        open_store()


def test_two_processes_that_rotate_at_once_take_turns(store: CompanyStore, home: Path) -> None:
    _fill(store)
    script = (
        "from meterfarm.storage.settings import Settings; from meterfarm.storage.store import Store;"
        "store = Store.open(Settings()).of();"
        "[store.farm.rotate_keys() for _ in range(3)]"
    )
    environment = {**os.environ, "METERFARM_HOME": str(home)}
    started = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]
    assert _holds(store)
    assert len(_keys(home)) == 1


KILLED_AT_EACH_STEP = """
import os, shutil, signal, sys
from pathlib import Path
from meterfarm.storage import settings, store as door, vault
from meterfarm.storage.customers import credentials, identity
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.support import aside
from tests.storage.test_store_rotation import _holds

OURS = {module.__file__ for module in (credentials, identity, settings, vault, door, aside)}
ACTS = {"rotate", "put_new_key_first", "keep_only", "_write", "written_aside", "write_synced", "sync"}
whole, copy = Path(sys.argv[1]), Path(sys.argv[2])


def rotate(steps: int) -> None:
    left = steps

    def at_line(frame, event, argument):
        nonlocal left
        if frame.f_code.co_filename not in OURS or frame.f_code.co_name not in ACTS:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return at_line

    with Store.open(Settings(home=copy)).of() as store:
        sys.settrace(at_line)
        store.farm.rotate_keys()
        sys.settrace(None)


killed = 0
while True:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    child = os.fork()
    if child == 0:
        rotate(3 * killed + 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    with Store.open(Settings(home=copy)).of() as store:
        if not _holds(store):
            sys.exit(f"lost at step {3 * killed + 1}")
        if status == 0:
            break
        if killed % 5 == 0:
            store.farm.rotate_keys()
            if not _holds(store) or len((copy / "vault.key").read_text().split()) != 1:
                sys.exit(f"not mended after step {3 * killed + 1}")
            if list(copy.glob(".tmp-*")):
                sys.exit(f"a key was left beside after step {3 * killed + 1}")
    if not os.WIFSIGNALED(status):
        sys.exit(f"failed at step {3 * killed + 1}")
    killed += 1
print(killed)
"""


def test_a_kill_at_any_step_loses_nothing(store: CompanyStore, home: Path, tmp_path: Path) -> None:
    """Before every third line of what writes the key file, wraps keys anew, or leads there."""
    _fill(store)
    store.close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EACH_STEP, str(home), str(tmp_path / "copy")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert int(done.stdout) > 20
