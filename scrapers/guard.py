"""What a visit must never do: leave the utility's hosts."""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """The host a browser would speak to, "" for none; browsers take a backslash for a slash."""
    try:
        return urlsplit(url.replace("\\", "/")).hostname or ""
    except ValueError:
        return ""


def is_allowed(url: str, hosts: Sequence[str]) -> bool:
    """Whether ``url`` is on one of ``hosts``, which may begin with ``*.``, and encrypted or on this machine.

    Data and blob addresses are allowed: they lead nowhere.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in {"data", "blob", "about"}:
        return True
    host = host_of(url)
    if not host or (scheme not in {"https", "wss"} and not is_loopback(host)):
        return False
    return any(fnmatch.fnmatchcase(host, pattern) for pattern in hosts)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
