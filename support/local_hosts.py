"""Host names that stand for ports of this machine: one map for the browser and every other transport.

A portal that is tried out here keeps its https addresses, and the system's resolver is not asked for them.
Only loopback addresses are accepted: no map leads a password to another machine.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from meterfarm.support.errors import MachineError

SETTING = "METERFARM_LOCAL_HOSTS"
_HTTPS = 443
_LONGEST_NAME = 253
_LARGEST = 1024 * 1024
_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z][a-z0-9-]{0,61}[a-z0-9]")
_TARGET = re.compile(r"(?P<host>\[[0-9a-f:]{2,39}\]|[0-9.]{7,15}):(?P<port>[0-9]{1,5})")
_KEY_HASH = re.compile(r"[A-Za-z0-9+/]{43}=")


@dataclass(frozen=True, slots=True)
class LocalHosts:
    """``addresses`` has ``ip:port`` by host name, for https; a name may begin with ``*.``.

    ``authority`` is a PEM file with the certificates that are trusted for these names alone; without one they
    need a certificate as all others. ``spki`` are SHA-256 hashes (base64) of the servers' public keys, which
    is how Chromium is given the same trust.
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    authority: Path | None = None
    spki: Sequence[str] = ()

    def target(self, host: str, port: int = _HTTPS) -> tuple[str, int] | None:
        """IP address and port on this machine that stand for ``host``; None for a name that is not here."""
        found = self._at(host) if port == _HTTPS else ""
        if not found:
            return None
        address, _, here = found.rpartition(":")
        return address.strip("[]"), int(here)

    def within(self, pattern: str) -> Mapping[str, str]:
        """The part of ``addresses`` for a host, or for all hosts below ``*.``; whole names come first."""
        if pattern.startswith("*."):
            found = {name: at for name, at in self.addresses.items() if name.endswith(pattern[1:])}
            return dict(sorted(found.items(), key=lambda item: item[0].startswith("*.")))
        target = self._at(pattern)
        return {pattern: target} if target else {}

    def _at(self, host: str) -> str:
        host = host.lower()
        found = self.addresses.get(host)
        while found is None and host:
            host = host.partition(".")[2]
            found = self.addresses.get(f"*.{host}")
        return found or ""

    def tls(self) -> ssl.SSLContext:
        """What a connection to one of these names is verified by.

        Raises:
            MachineError: the authority's certificates cannot be read.
        """
        try:
            return ssl.create_default_context(cafile=self.authority)
        except (OSError, ssl.SSLError) as exc:
            raise MachineError(
                f"The certificate authority {self.authority} that {SETTING} names cannot be read "
                f"({type(exc).__name__}); restart the local portals."
            ) from exc


NOTHING_LOCAL = LocalHosts()


def read_local_hosts(path: Path | None) -> LocalHosts:
    """The map in a JSON file; without a file there are no such names.

    ``{"hosts": {"my.portal.example": "127.0.0.1:40123"}, "authority": "ca.pem", "spki": ["..."]}``: the
    authority's path may be relative to the file's folder; it and ``spki`` may be left out.

    Raises:
        MachineError: it is not there, or not such a map.
    """
    if path is None:
        return NOTHING_LOCAL
    try:
        with path.open("rb") as file:
            given = _File.model_validate_json(file.read(_LARGEST))
    except OSError as exc:
        raise MachineError(
            f"The map of local host names {path} cannot be read ({exc.strerror}); correct {SETTING}."
        ) from exc
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        raise MachineError(
            f"The map of local host names {path} cannot be used: {first['msg']}; correct the file."
        ) from None
    return LocalHosts(given.hosts, path.parent / given.authority if given.authority else None, given.spki)


class _File(BaseModel):
    """As ``read_local_hosts`` describes it."""

    hosts: dict[str, str]
    authority: str = ""
    spki: list[str] = []

    @field_validator("hosts")
    @classmethod
    def _are_here(cls, hosts: dict[str, str]) -> dict[str, str]:
        for name, target in hosts.items():
            about = {"name": name[:80]}
            if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
                raise PydanticCustomError("host", "“{name}” is no host name in lower case", about)
            if not _is_here(target):
                raise PydanticCustomError(
                    "target", "{name} must stand for a port of this machine, like 127.0.0.1:8443", about
                )
        return hosts

    @field_validator("spki")
    @classmethod
    def _are_hashes(cls, keys: list[str]) -> list[str]:
        if not all(map(_KEY_HASH.fullmatch, keys)):
            raise PydanticCustomError("spki", "spki must list SHA-256 hashes in base64")
        return keys


def _is_here(target: str) -> bool:
    found = _TARGET.fullmatch(target)
    if found is None or not 0 < int(found["port"]) < 65536:
        return False
    try:
        return ipaddress.ip_address(found["host"].strip("[]")).is_loopback
    except ValueError:
        return False
