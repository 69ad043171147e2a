"""HTTP in clear to this machine: no certificate authorities are loaded, which takes longer than to ask."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For ``verify``: none of https."""


def get(url: str, **more: Any) -> httpx.Response:
    return httpx.get(url, verify=PLAIN, **more)


def post(url: str, **more: Any) -> httpx.Response:
    return httpx.post(url, verify=PLAIN, **more)


def client(**more: Any) -> httpx.Client:
    return httpx.Client(verify=PLAIN, **more)
