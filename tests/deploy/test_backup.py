"""What is backed up comes back, on both databases."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from meterfarm.records import SecretKind
from meterfarm.storage import StorageError
from meterfarm.storage.settings import Settings, back_up
from meterfarm.storage.store import Store
from tests.postgres import Postgres, running
from tests.storage.made import ACCOUNT, UTILITY, bill, key, listed, pdf, save_bill

ROOT = Path(__file__).parents[2]
WHO = "ada@example.org"


def _filled(settings: Settings) -> None:
    with Store.open(settings).of() as store:
        customer = store.customers.add(UTILITY, WHO, secrets={SecretKind.PASSWORD: "canary-4711"})
        account = store.accounts.save(customer, ACCOUNT)
        save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)


def _is_all_there(settings: Settings) -> None:
    with Store.open(settings).of() as store:
        customer = store.customers.find(WHO)
        assert customer is not None
        assert store.credentials.load(customer)[SecretKind.PASSWORD].get_secret_value() == "canary-4711"
        (account,) = store.accounts.list(customer)
        (stored,) = store.bills.of_account(account.id).values()
        assert store.files.read(stored.sha256) == pdf().content
        assert len(store.runs.list()) == 1


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("METERFARM_HOME", "DATABASE_URL", "METERFARM_SECRET_KEYS", "FILES_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def test_a_state_in_use_is_backed_up_and_restored(home: Path, tmp_path: Path) -> None:
    """By the command, beside a process that has it open; the key comes from its own place."""
    _filled(Settings(home=home))
    kept, back = tmp_path / "kept", tmp_path / "restored"
    with (
        Store.open(Settings(home=home)).of() as store,
        closing(sqlite3.connect(home / "meterfarm.db")) as other,
    ):
        other.execute("BEGIN")
        other.execute("SELECT * FROM customer").fetchall()
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-m", "meterfarm.cli", "backup", str(kept)],
                env=os.environ | {"METERFARM_HOME": str(home)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, "")
            assert f"{kept} has the database and 1 file." in done.stdout
            assert "vault.key is not in it" in done.stdout
        other.rollback()
        assert store.customers.find(WHO)
    assert {path.name for path in kept.iterdir()} == {"meterfarm.db", "files"}
    assert not [path for path in kept.rglob("*") if path.stat().st_mode & 0o077]
    shutil.copytree(kept, back)
    shutil.copy(home / "vault.key", back / "vault.key")
    shutil.rmtree(home)
    _is_all_there(Settings(home=back))


def test_without_its_key_a_backup_opens_nothing(home: Path, tmp_path: Path) -> None:
    _filled(Settings(home=home))
    back_up(home, tmp_path / "kept")
    with pytest.raises(StorageError, match=r"vault\.key"):
        Store.open(Settings(home=tmp_path / "kept")).close()


def test_a_damaged_state_does_not_replace_a_backup(home: Path, tmp_path: Path) -> None:
    _filled(Settings(home=home))
    kept = tmp_path / "kept"
    back_up(home, kept)
    good = (kept / "meterfarm.db").read_bytes()
    (home / "meterfarm.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match=r"kept did not succeed \(file is not a database\)"):
        back_up(home, kept)
    assert (kept / "meterfarm.db").read_bytes() == good
    with pytest.raises(StorageError, match="within the state directory"):
        back_up(home, home / "backup")
    with pytest.raises(StorageError, match="There is no database"):
        back_up(tmp_path / "nothing", kept)


def test_a_state_is_not_overwritten_by_anothers_backup(home: Path, tmp_path: Path) -> None:
    _filled(Settings(home=home))
    shutil.copytree(home, tmp_path / "other")
    with pytest.raises(StorageError, match="is a state directory itself"):
        back_up(home, tmp_path / "other")


@pytest.fixture
def server() -> Postgres:
    return running()


def test_a_postgres_is_dumped_and_restored(server: Postgres, home: Path, tmp_path: Path) -> None:
    """As docs/operate.md says: a dump by pg_dump, the files, the keys."""
    first, second = server.new_database(), server.new_database()
    settings = Settings(home=home, database_url=server.url(first), secret_keys=key(9))
    _filled(settings)
    programs = server._programs
    dump = tmp_path / "meterfarm.dump"
    subprocess.run([programs / "pg_dump", "-Fc", "-f", dump, server.url(first)], check=True)
    subprocess.run([programs / "pg_restore", "--exit-on-error", "-d", server.url(second), dump], check=True)
    back = tmp_path / "restored"
    shutil.copytree(home / "files", back / "files")
    _is_all_there(Settings(home=back, database_url=server.url(second), secret_keys=key(9)))
