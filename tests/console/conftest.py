from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from meterfarm import cli
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.console.command import Command
from tests.scrape.command import Ran
from tests.storage.ready_home import ready_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A METERFARM_HOME of the test's own, and nothing else set."""
    for name in ("DATABASE_URL", "REDIS_URL", "METERFARM_SECRET_KEYS", "METERFARM_PORTAL_URLS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[CompanyStore]:
    """The store behind the command, as a worker has it open."""
    ready_home(home)
    with Store.open(Settings(home=home)).of() as opened:
        yield opened


@pytest.fixture
def command(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """The command in this process, which is quicker: where no signal or terminal matters."""
    monkeypatch.setenv("METERFARM_HOME", str(home))

    def run(*arguments: str, stdin: str = "") -> Ran:
        capsys.readouterr()
        with _on_stdin(stdin):
            status = cli.app(arguments, standalone_mode=False)
        printed = capsys.readouterr()
        return Ran(int(status or 0), printed.out, printed.err)

    yield run
    structlog.reset_defaults()


@contextmanager
def _on_stdin(text: str) -> Iterator[None]:
    before = os.dup(0)
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        os.dup2(file.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(before, 0)
            os.close(before)
