"""The home is private; files are whole or absent; what goes wrong is one sentence."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event

from meterfarm.storage import StorageError
from meterfarm.storage.files import Files
from meterfarm.storage.settings import Settings, prepare_home
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.errors import MachineError
from tests.storage.made import ACCOUNT, USERNAME, UTILITY, bill, listed, pdf, save_bill
from tests.storage.opening import OpenStore

ROOT = Path(__file__).parents[2]


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_everything_in_the_home_is_private(store: CompanyStore, home: Path) -> None:
    account = store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    modes = {path.relative_to(home).parts[0]: _mode(path) for path in home.rglob("*") if path.is_file()}
    assert set(modes) >= {"meterfarm.db", "meterfarm.db-wal", "vault.key", "files"}
    assert set(modes.values()) == {0o600}
    assert {_mode(path) for path in (home, *home.rglob("*")) if path.is_dir()} == {0o700}


def test_looser_rights_are_tightened(open_store: OpenStore, home: Path) -> None:
    open_store().close()
    loose = [home, home / "meterfarm.db", home / "vault.key", home / "files"]
    for path in loose:
        path.chmod(0o755)
    open_store()
    assert [_mode(path) & 0o077 for path in loose] == [0] * 4


def test_a_home_that_cannot_be_made_is_one_sentence(open_store: OpenStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"state directory .*file/home cannot be used.*METERFARM_HOME"):
        open_store(at=tmp_path / "file" / "home")


def test_a_tilde_in_the_home_is_the_users_directory(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever way it is given, and nowhere else than in the settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings(home=Path("~/state")).home == tmp_path / "state"
    monkeypatch.setenv("METERFARM_HOME", "~/farm")
    settings = Settings()
    assert settings.home == tmp_path / "farm"
    Store.open(settings).close()
    assert (tmp_path / "farm" / "meterfarm.db").exists()
    monkeypatch.chdir(tmp_path)
    assert prepare_home(Path("~")) == tmp_path / "~"


def test_the_home_of_nobody_is_one_sentence(home: Path) -> None:
    with pytest.raises(MachineError, match=r"no home directory behind ~nobody-here .*METERFARM_HOME"):
        Settings(home=Path("~nobody-here/state"))


def test_a_damaged_database_is_one_sentence(open_store: OpenStore, home: Path) -> None:
    open_store().close()
    (home / "meterfarm.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(StorageError, match=r"meterfarm\.db cannot be used: it is damaged; restore"):
        open_store()


def test_a_full_disk_is_one_sentence_and_loses_nothing(store: CompanyStore, home: Path) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    engine = store.farm._farm.database.engine
    engine.dispose()

    @event.listens_for(engine, "connect")
    def limit(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    with pytest.raises(StorageError, match="disk is full; free some space"):
        store.credentials.save_session(customer, os.urandom(1_000_000), trusted_since=None)
    assert store.credentials.run_context(customer).session is None


def test_a_locked_database_is_one_sentence(
    store: CompanyStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for half a minute otherwise waits for a second here."""
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.farm._farm.database.engine.dispose()
    monkeypatch.setattr("meterfarm.storage.engines._BUSY_SECONDS", 1)
    with sqlite3.connect(home / "meterfarm.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="another process has kept it locked"):
            store.credentials.drop_session(customer)
        other.execute("ROLLBACK")
    other.close()


def test_an_interrupted_write_leaves_no_visible_file(tmp_path: Path) -> None:
    """A process that may write a kilobyte is to keep a megabyte: neither it nor a temporary is left."""
    script = (
        "import resource, signal, sys; from pathlib import Path;"
        "from meterfarm.storage.files import Files; from meterfarm.storage import StorageError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        "try: Files(Path(sys.argv[1])).put(b'x' * 1_000_000)\n"
        "except StorageError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "could not be written" in done.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_killed_write_leaves_only_what_is_swept(store: CompanyStore, home: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; import meterfarm.storage.files as files\n"
        "def killed(path): os.truncate(path, 10); os._exit(9)\n"
        "files.sync = killed\n"
        "files.Files(Path(sys.argv[1])).put(b'x' * 1_000_000)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(home / "files")], check=False, cwd=ROOT)
    assert done.returncode == 9
    (left,) = (home / "files").glob("*/*")
    assert left.name.startswith(".tmp-")
    assert store.farm.sweep() == 0, "a young one may belong to a write under way"
    assert store.farm.sweep(older_than=-1) == 1
    assert not left.exists()


def test_a_sweep_keeps_what_is_referred_to(store: CompanyStore) -> None:
    account = store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    stray = store.files.put(b"stray")
    assert store.farm.sweep(older_than=-1) == 1
    assert not store.files.has(stray)
    assert store.files.read(store.bills.of_account(account)["b1"].sha256) == pdf().content


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    files = Files(tmp_path)
    kept = files.put(b"kept")
    assert files.has(kept)
    files.delete(kept)
    assert not files.has(kept)
    with pytest.raises(StorageError, match="cannot be read"):
        files.read(kept)


def test_the_same_bytes_are_one_file(tmp_path: Path) -> None:
    files = Files(tmp_path / "files")
    assert files.put(b"same") == files.put(b"same")
    assert len(list(files.root.glob("*/*"))) == 1
