"""Where aiohttp connects to: local names at their ports, all others as the system resolves them."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from meterfarm.support.local_hosts import LocalHosts


class LocalFirst(AbstractResolver):
    """The system's resolver is not asked for names of the map."""

    def __init__(self, local: LocalHosts) -> None:
        self._local = local
        self._others: AbstractResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See ``AbstractResolver``."""
        target = self._local.target(host, port)
        if target is None:
            self._others = self._others or DefaultResolver()
            return await self._others.resolve(host, port, family)
        address, here = target
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=here,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """See ``AbstractResolver``."""
        if self._others is not None:
            await self._others.close()
