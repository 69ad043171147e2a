"""Why a database cannot be used, by its error codes and words: what is the matter, and what to do.

Names stand in quotes in what a server says, and are left out before its words are looked at: a role that is
called "readonly" says nothing of the database. Nothing of its words is repeated.
"""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError

_FULL = "the disk is full; free some space, then run again"
_NO_SLOT = "its server has no connection left; raise max_connections there, or start fewer workers"
_LOGIN = "it refuses the name or the password in DATABASE_URL; correct them"
_NO_DATABASE = "there is no such database on its server; create it, or correct DATABASE_URL"
_STARTING = "its server is starting up or recovering; wait until it has, and run again"
_STOPPING = "its server is shutting down; start it, and run again"
_LOCKED = "another process has kept what is needed locked for too long; run again"
_DEADLOCK = "two processes were in each other's way; run again"
_STANDBY = "its server is read-only, as a standby is; name the primary in DATABASE_URL"
_RIGHTS = "its user may not do what is needed; make the user the database's owner"
_MEMORY = "its server has no memory left; give it more, or start fewer workers"
_LOST = "the connection to it was lost; run again"
_BROKEN = "its server finds its own files damaged; its log says where; restore a backup"

_SQLITE = (
    ("full", _FULL),
    ("readonly", "it is read-only; make it writable"),
    ("deadlock", _DEADLOCK),
    ("locked", "another process has kept it locked for too long; try again when that one is done"),
    ("malformed", "it is damaged; restore it from a backup, or move it away to start anew"),
    ("not a database", "it is damaged; restore it from a backup, or move it away to start anew"),
    ("unable to open", "it cannot be opened; check that its directory is there and writable"),
    ("disk i/o error", "the disk does not read or write as it should; see the system's log"),
)
_STATES = {
    "53100": _FULL,
    "53200": _MEMORY,
    "53300": _NO_SLOT,
    "57P01": _LOST,
    "57P02": _LOST,
    "57014": "it was asked to break off what took too long; run again",
    "25006": _STANDBY,
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": _NO_DATABASE,
    "42501": _RIGHTS,
    "40P01": _DEADLOCK,
    "40001": _DEADLOCK,
    "55P03": _LOCKED,
    "58030": "its server's disk does not read or write as it should; see the log there",
    "XX001": _BROKEN,
    "XX002": _BROKEN,
}
_FINAL = {_LOGIN, _NO_DATABASE, _RIGHTS}
_SERVER = (
    (r"too many clients|too many connections|connection slots|no more connections", _NO_SLOT),
    (r"database is not currently accepting", "it takes no connections; set its ALLOW_CONNECTIONS to true"),
    (r"starting up|recovery|not yet accepting|not accepting connections", _STARTING),
    (r"shutting down", _STOPPING),
    (r"administrator command", _LOST),
    (r"no space left|disk full|could not extend", _FULL),
    (r"out of memory|cannot allocate memory", _MEMORY),
    (r"authentication failed|no such user|role does not exist|user does not exist", _LOGIN),
    (r"database does not exist|no such database", _NO_DATABASE),
    (r"not permitted to log in|permission denied", _RIGHTS),
    (r"pg_hba\.conf", "its server lets this machine or user not in; add a line to its pg_hba.conf"),
    (r"too many open files", "its server has too many files open; raise its limit"),
)
_CLIENT = (
    (r"no password supplied", "it wants a password; write it in DATABASE_URL"),
    (r"certificate|ssl error|does not support ssl|sslmode", "TLS to it fails; see sslmode and sslrootcert"),
    (r"translate host name|name or service|name resolution", "its host is not known by its name; correct it"),
    (r"invalid response|expected authentication|unsupported frontend|protocol",
     "what answers is no Postgres; correct the host and port in DATABASE_URL"),
    (r"timeout expired|timed out", "it did not answer in time; see that it runs, and run again"),
    (r"closed the connection|connection reset|broken pipe", _LOST),
    (r"lock timeout", _LOCKED),
    (r"invalid (?:port|connection option|integer)|bad option|conninfo",
     "DATABASE_URL has an option that is not known; correct it"),
    (r"connection (?:is bad|failed|refused)|no such file|could not connect|network is unreachable|no route",
     "it cannot be reached; see that it runs and that DATABASE_URL is right"),
)  # fmt: skip


def reason(error: DBAPIError) -> str:
    """After "The database ... cannot be used: "."""
    cause, said = error.orig, str(error.orig).casefold()
    if isinstance(cause, sqlite3.Error):
        found = next((why for words, why in _SQLITE if words in said), "")
    else:
        found = _of_postgres(getattr(cause, "sqlstate", None) or "", said)
    if not found and error.connection_invalidated:
        found = _LOST
    return found or f"it answered with {type(cause).__name__}; its own log says why"


def will_not_pass(error: BaseException) -> bool:
    """Whether a server that refuses a connection will do so later, too."""
    said = str(error).casefold()
    why = _of_postgres("", said)
    return why in _FINAL or "pg_hba.conf" in said or "no password supplied" in said


def _of_postgres(state: str, said: str) -> str:
    """What a server says goes before what became of another address of the same host."""
    words = re.sub(r"\s+", " ", re.sub(r"\"[^\"]*\"|'[^']*'|«[^»]*»|„[^“]*“", "", said))
    if state in _STATES:
        return _STATES[state]
    by_server = next((why for pattern, why in _SERVER if re.search(pattern, words)), "")
    if by_server:
        return by_server
    if "fatal:" in words:
        return "its server refuses the connection; its own log says why"
    return next((why for pattern, why in _CLIENT if re.search(pattern, words)), "")
