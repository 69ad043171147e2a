"""What a visit must never do: leave the utility's hosts. An address is judged as it will be sent.

Only one way to write a host is taken: what two parsers could read differently (a backslash, a user before an
``@``, encoded dots, ``127.1``) is nobody's address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urljoin, urlsplit

if TYPE_CHECKING:  # pages are read where nothing is sent
    from yarl import URL

_LETTERS = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LETTERS}(?:\.{_LETTERS})*")
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)$")
_ADDRESS = re.compile(
    r"(?P<scheme>https?|wss?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>\d{1,5}))?(?=[/?#]|$)",
    re.IGNORECASE,
)
_HIDING = re.compile(r"^[^?#]*\\|[\x00-\x1f\x7f]")
"""A backslash, which some take for a slash, and what some leave out."""
_STRIPPED = "".join(map(chr, range(0x21)))
"""What browsers take off both ends of an address."""
_AS_IT_STANDS = "!#$%&'()*+,/:;=?@[]~"
_LONGEST_HOST = 254
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def host_of(url: str) -> str:
    """The host a browser would speak to, "" for none; browsers take a backslash for a slash."""
    try:
        return urlsplit(url.replace("\\", "/")).hostname or ""
    except ValueError:
        return ""


def authority_of(url: str) -> str:
    """Host and port of a plain address, like ``portal.example:443``; "" for any other."""
    found = None if _HIDING.search(url) else _ADDRESS.match(url)
    if found is None:
        return ""
    host, port = found["host"].lower(), int(found["port"] or _PORTS[found["scheme"].lower()])
    return f"{host}:{port}" if 0 < port < 65536 and _is_host(host) else ""


def is_allowed(url: str, hosts: Sequence[str]) -> bool:
    """Whether ``url`` is on one of ``hosts``, and encrypted or on this machine.

    A host may begin with ``*.``, and may name its port; else it is the scheme's own. Data and blob addresses
    are allowed: they lead nowhere.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in {"data", "blob", "about"}:
        return True
    host, _, port = authority_of(url).rpartition(":")
    if not host or (scheme not in {"https", "wss"} and not is_loopback(host)):
        return False
    return any(_fits(host, port, str(_PORTS[scheme]), pattern.lower()) for pattern in hosts)


def own_hosts(base_url: str, declared: Sequence[str]) -> Sequence[str]:
    """The hosts of a portal: where it is, with the port, and what its script declares.

    Of a portal on this machine, another of the machine's names without a port has the same.
    """
    own = authority_of(base_url)
    if not own:
        return tuple(declared)
    port = own.rpartition(":")[2]
    return own, *(f"{host}:{port}" if is_loopback(host) else host for host in declared)


def origins_of(hosts: Sequence[str]) -> Sequence[str]:
    """The origins of the hosts, as browsers write them, but for those of ``*.`` hosts: they are not known."""
    found = []
    for host in hosts:
        name, has_port, port = host.lower().rpartition(":")
        if not has_port or not port.isdigit():
            name, port = host.lower(), ""
        scheme = "http" if is_loopback(name) else "https"
        usual = port in {"", str(_PORTS[scheme])}
        if not name.startswith("*."):
            found.append(f"{scheme}://{name}" if usual else f"{scheme}://{name}:{port}")
    return found


def to_send(base: str, target: str, params: Mapping[str, str] | None = None) -> URL | None:
    """``target``, as a page at ``base`` may link to it, exactly as it is sent; None for no plain address.

    What a path may not contain is percent-encoded. The host that the sender's own parser sees must be the
    one that is judged here.
    """
    from yarl import URL

    target = target.strip(_STRIPPED)
    try:
        if _HIDING.search(target):
            return None
        joined = urljoin(base, target).partition("#")[0]
        if params:
            joined += ("&" if "?" in joined else "?") + urlencode(params)
        url = URL(quote(joined, safe=_AS_IT_STANDS, errors="surrogateescape"), encoded=True)
        host = f"[{url.raw_host}]" if ":" in (url.raw_host or "") else url.raw_host
        is_plain = url.scheme in {"http", "https"} and f"{host}:{url.port}".lower() == authority_of(joined)
    except ValueError:
        return None
    return url if is_plain and url.raw_user is None and url.raw_password is None else None


def led_to(url: str, hosts: Sequence[str]) -> str:
    """What to call a place that is not one of ``hosts``: the host, with its port if only that is foreign."""
    host = host_of(url)
    if not host:
        return "an address that is none"
    if not any(host in {pattern, pattern.rpartition(":")[0].strip("[]")} for pattern in hosts):
        return host
    return authority_of(url) or "an address that hides its host"


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    return len(host) < _LONGEST_HOST and _is_loopback(host)


@lru_cache
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _is_host(host: str) -> bool:
    """Whether it is a name or an address in the one form that no parser turns into another."""
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1]).compressed == host[1:-1]
        if _ENDS_IN_NUMBER.search(host):
            return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False
    return len(host) < _LONGEST_HOST and _NAME.fullmatch(host) is not None


def _fits(host: str, port: str, usual: str, pattern: str) -> bool:
    name, _, its_port = pattern.rpartition(":")
    if not name or not its_port.isdigit():
        name, its_port = pattern, usual
    if port != its_port:
        return False
    return host.endswith(name[1:]) and len(host) >= len(name) if name.startswith("*.") else host == name
