"""Servers on another host: Postgres, reached from here by its socket too, and Redis."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from psycopg import OperationalError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from meterfarm.farm.redis.private import redis_server
from tests.external.hosts import Host
from tests.postgres import Postgres


class PostgresThere(Postgres):
    """As the tests' own server, but of another host."""

    def start_at(self, host: Host, log: Path) -> None:
        with (self._root / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 0.0.0.0/0 trust\n")
        command: list[str | Path] = [
            self._programs / "postgres",
            "-D",
            self._root / "data",
            "-k",
            self._root,
            "-h",
            host.address,
        ]
        as_user: list[str | Path] = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        host.run([*as_user, *command], {**os.environ}, log)

    def once_it_serves(self) -> str:
        """The name of a new database."""
        waiting = Retrying(
            stop=stop_after_delay(30), wait=wait_fixed(0.2), retry=retry_if_exception_type(OperationalError)
        )
        return str(waiting(self.new_database))


def redis_on(host: Host, environment: Mapping[str, str], log: Path) -> None:
    """Start it at the host's address."""
    redis: list[str | Path] = [
        *(redis_server(), "--bind", host.address),
        *("--protected-mode", "no", "--save", ""),
    ]
    host.run(redis, environment, log)
