"""One attempt: a body posted to an address that may be anybody's, within its time and its size."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import aiohttp

from meterfarm.farm.webhooks.addresses import AddressRefused, Pinned, Target, checked, parsed
from meterfarm.scrapers.outcomes import retry_seconds
from meterfarm.storage.webhooks import AttemptResult
from meterfarm.support.foreign_text import one_line

_SECONDS = 15.0
_ANSWER_SECONDS = 1.0
"""The status counts; for what comes after it nobody waits longer."""
_ANSWER_BYTES = 1024
_SHOWN = 200
_GONE = 410


@dataclass(frozen=True, slots=True)
class Posted:
    """How an attempt went; ``retry_after`` seconds the receiver asks to be left alone for."""

    result: AttemptResult
    retry_after: int | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more of them."""
        return self.result.status == _GONE


class Poster:
    """Posts webhooks. ``seconds`` is what an attempt may take in all."""

    def __init__(self, *, allows_private: bool, seconds: float = _SECONDS) -> None:
        self._allows_private = allows_private
        self._seconds = seconds
        self._tls = ssl.create_default_context()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, allows_private: bool = False
    ) -> Posted:
        """Post ``body``; ``allows_private``: this endpoint may be in a private network. Nothing is raised."""
        began = time.monotonic()
        status, answer, fault, retry_after = None, "", "", None
        try:
            async with asyncio.timeout(self._seconds):
                private = allows_private or self._allows_private
                target = await checked(parsed(url), allows_private=private)
                status, answer, retry_after = await self._send(target, headers, body)
        except AddressRefused as exc:
            fault = str(exc)
        except TimeoutError:
            fault = f"There was no answer within {self._seconds:g} s."
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            fault = _fault_of(exc)
        else:
            fault = _fault_of_status(status)
        took = round((time.monotonic() - began) * 1000)
        return Posted(AttemptResult(status, answer, fault, took), retry_after)

    async def _send(
        self, target: Target, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str, int | None]:
        connector = aiohttp.TCPConnector(
            resolver=Pinned(target), ssl=self._tls, use_dns_cache=False, force_close=True
        )
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as client,
            client.post(
                target.url,
                data=body,
                headers={
                    "content-type": "application/json",
                    "user-agent": "Meterfarm",
                    "accept-encoding": "identity",
                    **headers,
                },
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as response,
        ):
            first = await _first_bytes(response)
            response.close()
            retry_after = retry_seconds(response.headers.get("Retry-After", ""))
            return response.status, one_line(first.decode("utf-8", "replace"), _SHOWN), retry_after


async def _first_bytes(response: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            while len(found) < _ANSWER_BYTES and (some := await response.content.read(_ANSWER_BYTES)):
                found += some
    return bytes(found[:_ANSWER_BYTES])


def _fault_of_status(status: int | None) -> str:
    if status is not None and 200 <= status < 300:
        return ""
    if status is not None and 300 <= status < 400:
        return f"It redirects (HTTP {status}), which is not followed; give the address that it leads to."
    if status == _GONE:
        return "It wants no more webhooks (HTTP 410)."
    return f"It answered with HTTP {status}."


def _fault_of(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "Its TLS certificate is not one that is trusted here, or its TLS is too old."
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"It cannot be reached ({os.strerror(error.errno) if error.errno else 'no connection'})."
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return "It closed the connection without an answer."
    return "What it answered is no HTTP."
