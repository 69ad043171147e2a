"""``REDIS_URL``: read once for all that connect, and what an address means that cannot be used.

``redis://user:password@host:6379/0``, ``rediss://`` for TLS, ``unix:///path/of/socket?db=0``. User name,
password and path are percent-encoded. No text of ours holds the address as it was given, since that may hold
a password anywhere.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool, SSLConnection, UnixDomainSocketConnection

from meterfarm.farm.redis.private import NoRedis

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 10.0
_PORT = 6379
_MOST_DATABASES = 1_000_000
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_LOGIN = frozenset({"db", "username", "password"})
_OPTIONS = {
    "redis": _LOGIN,
    "unix": _LOGIN,
    "rediss": _LOGIN | {*_TLS_FILES, "ssl_cert_reqs", "ssl_check_hostname"},
}
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_ENCODE = "percent-encode / ? # @ : % in a user name or password"
_SOCKET = "names no socket; write the path after three slashes: unix:///run/redis/redis.sock"
_LIKE = "write it like redis://:PASSWORD@HOST:6379/0"


class RedisUnusable(NoRedis):
    """The Redis of ``REDIS_URL`` cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """``where`` is shown to people: host, port and database, or the socket's path."""

    where: str
    host: str
    is_tls: bool
    _options: Mapping[str, Any] = field(repr=False)

    def connect(self, *, is_timed: bool = False) -> ArqRedis:
        """A client that connects when it is first used, and waits for no answer longer than ten seconds.

        That limit costs a task for each command. ``is_timed``: whoever uses it has a shorter one of their own
        around each call, and it has none.
        """
        options = {
            **self._options,
            "socket_timeout": None if is_timed else _ANSWER_SECONDS,
            "socket_connect_timeout": _CONNECT_SECONDS,
        }
        if not self.host:
            options["connection_class"] = UnixDomainSocketConnection
        elif self.is_tls:
            options["connection_class"] = SSLConnection
        client = ArqRedis(ConnectionPool(**options))
        client.auto_close_connection_pool = True
        return client

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection, without TLS. Raises OSError."""
        if not self.host:
            return await asyncio.open_unix_connection(self._options["path"])
        return await asyncio.open_connection(self.host, self._options["port"])


def parse_redis_url(url: str) -> RedisAddress:
    """Raises RedisUnusable: in one sentence, without anything of ``url``."""
    url = url.strip()
    if re.search(r"[\x00-\x20\x7f]", url):
        raise _malformed(f"has a space or a control character in it; {_ENCODE}")
    if re.search(r"%(?![0-9A-Fa-f]{2})", url):
        raise _malformed("has a % that is not followed by two hexadecimal digits; write %25 for a %")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _malformed(f"has no valid host or port; {_LIKE}, and {_ENCODE}") from None
    if parts.scheme not in _OPTIONS or not url[len(parts.scheme) + 1 :].startswith("//"):
        raise _malformed(f"does not begin with redis://, rediss:// or unix://; {_LIKE}")
    if parts.fragment or url.endswith("#"):
        raise _malformed(f"has a # in it; {_ENCODE}")
    if port == 0:
        raise _malformed("names the port 0; ports go from 1 to 65535")
    query = _query(parts)
    options: dict[str, Any] = {"db": _database(parts, query), **_user(parts, query)}
    if parts.scheme == "unix":
        return _socket(parts, options)
    host = _decoded(parts.hostname or "localhost")
    if re.search(r"[\s/@?#\\\x00-\x1f\x7f-\x9f]", host):
        raise _malformed(f"has no valid host; {_LIKE}, and {_ENCODE}")
    options |= {"host": host, "port": port or _PORT, **_tls(parts.scheme == "rediss", query)}
    shown = f"[{host}]" if ":" in host else host
    where = f"{shown}:{port or _PORT}/{options['db']}"
    return RedisAddress(where, host, parts.scheme == "rediss", options)


def _query(parts: SplitResult) -> dict[str, str]:
    known = _OPTIONS[parts.scheme]
    try:
        query = parts.query.replace("+", "%2B")
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        raise _malformed(f"has something after a ? that is no option; {_ENCODE}") from None
    if any(name not in known for name, _ in pairs):
        takes = ", ".join(sorted(known))
        raise _malformed(f"has an option that is not known; {parts.scheme}:// takes {takes}, and {_ENCODE}")
    if len(dict(pairs)) < len(pairs):
        raise _malformed("gives an option twice; give each of them once")
    return dict(pairs)


def _user(parts: SplitResult, query: Mapping[str, str]) -> dict[str, str]:
    given = {
        "username": query.get("username") or _decoded(parts.username or ""),
        "password": query.get("password") or _decoded(parts.password or ""),
    }
    return {name: value for name, value in given.items() if value}


def _database(parts: SplitResult, query: Mapping[str, str]) -> int:
    in_path = "" if parts.scheme == "unix" else parts.path.removeprefix("/").removesuffix("/")
    given = {text for text in (in_path, query.get("db", "")) if text}
    if not given:
        return 0
    text = given.pop()
    if given or not (text.isascii() and text.isdigit()) or int(text[:9]) > _MOST_DATABASES:
        raise _malformed(f"names a database that is no number; {_LIKE}, and {_ENCODE}")
    return int(text)


def _socket(parts: SplitResult, options: dict[str, Any]) -> RedisAddress:
    path = _decoded(parts.path)
    if parts.netloc.rpartition("@")[2] not in ("", "localhost") or path in ("", "/") or "\0" in path:
        raise _malformed(_SOCKET)
    shown = "".join(char if char.isprintable() else "?" for char in path)
    return RedisAddress(f"{shown} (database {options['db']})", "", False, {"path": path, **options})


def _tls(is_tls: bool, query: Mapping[str, str]) -> dict[str, Any]:
    """What a certificate is checked by: against its name too, unless the address says otherwise."""
    if not is_tls:
        return {}
    required = query.get("ssl_cert_reqs", "required").casefold()
    if required not in ("required", "optional", "none"):
        raise _malformed("has an ssl_cert_reqs that is none of required, optional and none")
    checks = query.get("ssl_check_hostname", "true").casefold()
    if checks not in _FLAGS:
        raise _malformed("has an ssl_check_hostname that is neither true nor false")
    files = {name: query[name] for name in _TLS_FILES if query.get(name)}
    for name, file in files.items():
        if not (Path(file).is_file() and os.access(file, os.R_OK)):
            raise _malformed(f"names a file by {name} that cannot be read; correct it")
    return {**files, "ssl_cert_reqs": required, "ssl_check_hostname": _FLAGS[checks] and required != "none"}


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _malformed(
            "has percent-encoded bytes that are not UTF-8; encode the characters' UTF-8"
        ) from None


def _malformed(why: str) -> RedisUnusable:
    return RedisUnusable(f"REDIS_URL {why}.")
