"""Where webhooks may go: public addresses by https, and what the operator allows beyond these.

An endpoint's address is a stranger's. A host is looked up once for an attempt, all that it leads to is
checked, and only there is connected to: no answer of a name server that comes later counts.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

_LONGEST = 2048
_LOOKUP_SECONDS = 5.0
_ALLOW = (
    "the operator can allow it with METERFARM_WEBHOOKS_PRIVATE=1, or for one endpoint by "
    "`webhooks endpoint add --private`"
)
_SHARED = IPv4Network("100.64.0.0/10")
_UNIQUE_LOCAL = IPv6Network("fc00::/7")
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_METADATA = frozenset(map(ip_address, ("100.100.100.200", "168.63.129.16", "fd00:ec2::254", "192.0.0.192")))
"""Where clouds answer their machines with secrets, beside 169.254.169.254, which is link-local."""
_TUNNELS = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
"""IPv6 addresses that lead to an IPv4 address within them."""
_Address = IPv4Address | IPv6Address


class AddressRefused(Exception):
    """A webhook may not go there; a sentence says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was checked, with all that its host leads to now: nothing if it is unknown."""

    url: URL
    addresses: Sequence[_Address]


def parsed(text: str) -> URL:
    """The address of an endpoint, as it is posted to.

    Raises:
        AddressRefused: it is none by http or https, or has a user name or password in it.
    """
    if len(text) > _LONGEST or not text.isprintable():
        raise AddressRefused(f"A webhook's address has at most {_LONGEST} characters, all of them printable.")
    try:
        url = URL(text.strip())
        usable = url.scheme in {"http", "https"} and bool(url.host) and bool(url.port)
    except ValueError:
        usable = False
    if not usable:
        raise AddressRefused(
            f"“{text[:100]}” is no address to post to; write one like https://example.com/hook."
        )
    if url.user is not None or url.password is not None:
        raise AddressRefused(
            "A webhook's address has no user name or password in it; a receiver checks the signature."
        )
    return url.with_fragment(None)


async def look_up(url: URL) -> Sequence[_Address]:
    """All that the address's host leads to, empty if it is not known.

    Odd spellings of an address, as 127.1 or 0x7f000001, are read as the system reads them.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await loop.getaddrinfo(url.raw_host or "", url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return ()
    return list(dict.fromkeys(ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found))


async def checked(url: URL, *, allows_private: bool) -> Target:
    """The address with all that its host leads to.

    Raises:
        AddressRefused: a webhook may not go there. What is not known is not refused.
    """
    found = await look_up(url)
    for address in found:
        _check(address, allows_private=allows_private)
    on_this_machine = bool(found) and all(_unmapped(address).is_loopback for address in found)
    if url.scheme == "http" and not on_this_machine:
        raise AddressRefused("Webhooks go by https: plain http is for this machine alone.")
    return Target(url, found)


def _check(address: _Address, *, allows_private: bool) -> None:
    where = _unmapped(address)
    if where in _METADATA or where.is_link_local or where.is_multicast or where.is_unspecified:
        raise AddressRefused(f"No webhook goes to {address}.")
    if isinstance(where, IPv6Address) and not where.is_loopback and any(where in net for net in _TUNNELS):
        raise AddressRefused(f"No webhook goes to {address}, which stands for another address.")
    if where.is_global and not where.is_reserved:
        return
    if not (where.is_loopback or _is_private(where)):
        raise AddressRefused(f"No webhook goes to {address}, which is no public address.")
    if not allows_private:
        what = "on this machine" if where.is_loopback else "in a private network"
        raise AddressRefused(f"{address} is {what}, and webhooks go to public addresses; {_ALLOW}.")


def _is_private(address: _Address) -> bool:
    if isinstance(address, IPv6Address):
        return address in _UNIQUE_LOCAL
    return address in _SHARED or any(address in network for network in _PRIVATE)


def _unmapped(address: _Address) -> _Address:
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


class Pinned(AbstractResolver):
    """Leads every name to the addresses of a target, and asks nobody.

    Raises:
        AddressRefused: it has none.
    """

    def __init__(self, target: Target) -> None:
        if not target.addresses:
            raise AddressRefused(f"The host {target.url.host} is not known to any name server.")
        self._target = target

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See ``AbstractResolver``."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._target.addresses
        ]

    async def close(self) -> None:
        """See ``AbstractResolver``."""
