"""What a database refuses is said as its server says it, whatever names stand in its words."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from meterfarm.storage import StorageError, engines
from meterfarm.storage.database import Database
from meterfarm.storage.engines import parse, reason, shown, will_not_pass
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.farm.redises import listener
from tests.postgres import Postgres, running
from tests.storage.made import key

SECRET = "canary"
_AT = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: '


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may pass is not waited for."""
    once = Retrying(retry=retry_if_exception(lambda _: False), stop=stop_after_attempt(1), reraise=True)
    monkeypatch.setattr(engines, "_patiently", once)


@pytest.fixture
def server() -> Postgres:
    return running()


def _said(url: str, home: Path) -> str:
    with pytest.raises(StorageError) as refused:
        Store.open(Settings(home=home, database_url=url, secret_keys=key(9)))
    said = str(refused.value)
    assert SECRET not in said
    assert said.count("\n") == 0
    return said


def test_a_server_without_a_connection_left_is_not_unreachable(server: Postgres, tmp_path: Path) -> None:
    name = server.new_database()
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(
            f"CREATE ROLE crowd LOGIN CONNECTION LIMIT 1; ALTER DATABASE {name} OWNER TO crowd".encode()
        )
    url = server.url(name).replace("postgres@", f"crowd:{SECRET}@")
    with psycopg.connect(url):
        assert "its server has no connection left; raise max_connections" in _said(url, tmp_path)


def test_what_a_real_server_refuses_is_named(server: Postgres, tmp_path: Path) -> None:
    name = server.new_database()
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(b'CREATE ROLE "readonly full locked"; CREATE ROLE reader LOGIN')
    url = server.url(name)
    assert "there is no such database" in _said(server.url("full"), tmp_path)
    assert "may not do what is needed" in _said(
        url.replace("postgres@", "readonly%20full%20locked@"), tmp_path
    )
    assert "refuses the name or the password" in _said(
        url.replace("postgres@", f"nobody:{SECRET}@"), tmp_path
    )
    assert "its user may not do what is needed" in _said(url.replace("postgres@", "reader@"), tmp_path)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    assert "its server is read-only" in _said(url, tmp_path)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
    assert "takes no connections" in _said(url, tmp_path)


@pytest.mark.parametrize(
    ("words", "says", "final"),
    [
        ("FATAL:  sorry, too many clients already", "no connection left", False),
        ("FATAL:  remaining connection slots are reserved for roles", "no connection left", False),
        ('FATAL:  too many connections for database "x"', "no connection left", False),
        ("FATAL:  no more connections allowed (max_client_conn)", "no connection left", False),
        ("FATAL:  the database system is starting up", "starting up", False),
        ("FATAL:  the database system is in recovery mode", "starting up", False),
        ("FATAL:  the database system is shutting down", "shutting down", False),
        ('FATAL:  password authentication failed for user "full readonly"', "refuses the name or", True),
        ('FATAL:  Peer authentication failed for user "x"', "refuses the name or", True),
        ('FATAL:  role "too many clients" does not exist', "refuses the name or", True),
        ('FATAL:  database "starting up" does not exist', "no such database", True),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "x", no encryption', "pg_hba.conf", True),
        ("fe_sendauth: no password supplied", "wants a password", True),
        ('FATAL:  could not write init file: No space left on device', "disk is full", False),
        ("FATAL:  leider schon zu viele Verbindungen", "its server refuses the connection", False),
        ("Connection refused\n\tIs the server running on that host?", "cannot be reached", False),
        ("timeout expired", "did not answer in time", False),
        ("server closed the connection unexpectedly", "connection to it was lost", False),
        ("SSL error: certificate verify failed", "TLS to it fails", False),
        ('could not translate host name "full" to address: Name or service not known', "not known by", False),
    ],
)  # fmt: skip
def test_servers_words_are_understood_and_names_in_them_are_not(words: str, says: str, final: bool) -> None:
    error = psycopg.OperationalError(_AT + words)
    assert says in reason(DBAPIError("", {}, error))
    assert will_not_pass(error) is final


def test_of_several_addresses_the_one_that_answered_counts() -> None:
    said = (
        "Multiple connection attempts failed. All failures were:\n- host: 'x', hostaddr: '::1': connection "
    )
    said += "failed: Connection refused\n- host: 'x', hostaddr: '127.0.0.1': "
    said += "FATAL:  sorry, too many clients already"
    assert "no connection left" in reason(DBAPIError("", {}, psycopg.OperationalError(said)))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("database or disk is full", "the disk is full"),
        ("attempt to write a readonly database", "it is read-only; make it writable"),
        ("database is locked", "kept it locked for too long"),
        ("file is not a database", "it is damaged"),
    ],
)
def test_sqlites_words_are_its_own(words: str, says: str) -> None:
    assert says in reason(DBAPIError("", {}, sqlite3.OperationalError(words)))


def test_what_listens_and_is_no_postgres_is_told_apart(tmp_path: Path) -> None:
    with listener(_http) as port:
        said = _said(f"postgresql://me:{SECRET}@127.0.0.1:{port}/x", tmp_path)
    assert "no Postgres" in said or "lost" in said
    said = _said(f"postgresql://me:{SECRET}@127.0.0.1:1/x?password={SECRET}", tmp_path)
    assert "it cannot be reached" in said


def _http(line: socket.socket) -> None:
    while line.recv(1000):
        line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_password_among_the_options_is_not_shown() -> None:
    url = parse(
        f"postgresql://me:{SECRET}@h/x?password={SECRET}&host=/run&sslpassword={SECRET}&options=-c%20a={SECRET}"
    )
    assert shown(url) == "postgresql+psycopg://me:***@h/x?host=%2Frun"


def test_the_store_closes_what_it_could_not_use(tmp_path: Path) -> None:
    database = Database(
        Settings(home=tmp_path, database_url="postgresql://h.invalid/x", secret_keys=key(9)), tmp_path
    )
    with pytest.raises(StorageError, match="not known by its name"), database.reading():
        pass
    database.close()
