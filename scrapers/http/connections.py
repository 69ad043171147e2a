"""Which client sends a visit's requests, as the portal declares it (``Portal.refresh_transport``)."""

from __future__ import annotations

from functools import partial

from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.exchange import Connect
from meterfarm.scrapers.http.own_client import OwnClient


def connection(declared: str, chromium: Chromium) -> Connect:
    """What gives the client."""
    return partial(OwnClient, local_hosts=chromium.local_hosts)
