"""A browser on another machine: a Playwright server, named in ``BROWSER_ENDPOINT``.

Each worker process has a browser of its own there, for as long as it is connected. The flags that keep a
Chromium of ours to the portals' hosts cannot be given to it. So each context sends whatever is for another
host to a proxy that is not there: no name is looked up, no connection is made. A trace would be kept on that
machine until it is scrubbed; so none is made.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from playwright.async_api import Browser, Playwright, ProxySettings
from playwright.async_api import Error as PlaywrightError

_PATIENCE_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
_CONNECT_MS = 20_000
_NOWHERE = "http://127.0.0.1:9"
"""The discard port, on which nothing listens."""

NO_UDP = (
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)
"""Chromium's flags by which WebRTC sends nothing past a proxy: its STUN asks no route and no resolver."""
WITHOUT_UDP = "for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection']) delete globalThis[name];"
"""What a page of a browser does first that runs already, and cannot be given those flags."""

_REFUSED = re.compile(r"WebSocket error: \S+ (\d{3})\b")


def endpoint() -> str:
    """The address in ``BROWSER_ENDPOINT``, which may hold a secret path; "" for a browser of this machine."""
    return os.environ.get("BROWSER_ENDPOINT", "").strip()


def named(address: str) -> str:
    """The server without what is secret in its address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def fault(address: str) -> str:
    """What is wrong with the address, or ""."""
    try:
        parts = urlsplit(address)
        fits = parts.scheme in {"ws", "wss"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    return "" if fits else "BROWSER_ENDPOINT is not the address of a Playwright server: ws://host:port/path."


async def connect(driver: Playwright, address: str) -> Browser:
    """A browser there. Its server may be restarting: connecting is tried for half a minute.

    Raises:
        PlaywrightError: it cannot be had.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_SECONDS
    while True:
        try:
            return await driver.chromium.connect(address, timeout=_CONNECT_MS)
        except PlaywrightError as exc:
            if loop.time() > until or "ECONNREFUSED" not in str(exc):
                raise
        await asyncio.sleep(_AGAIN_SECONDS)


def advice(exc: PlaywrightError) -> str:
    """What to do about a browser that cannot be had."""
    text = str(exc)
    refused = _REFUSED.search(text)
    status = refused[1] if refused else ""
    if "Executable doesn't exist" in text or "playwright install" in text:
        return "it has no Chromium of its Playwright's version; run `playwright install chromium` there"
    if "version mismatch" in text.lower() or status == "428":
        return "its Playwright is of another version than here; both must be the same"
    if "ECONNREFUSED" in text or "ENOTFOUND" in text or "EAI_AGAIN" in text or "EHOSTUNREACH" in text:
        return "it does not answer; start it, or correct BROWSER_ENDPOINT"
    if status in {"400", "403", "404"}:
        return "it refuses the path in BROWSER_ENDPOINT; correct it"
    return "it gives no browser; see its log"


def proxy_to_nowhere(hosts: Sequence[str]) -> ProxySettings:
    """What keeps a context to ``hosts``, which may begin with ``*.``; loopback is no exception."""
    return {"server": _NOWHERE, "bypass": ",".join(["<-loopback>", *hosts])}
