"""Which client sends a visit's requests, as the portal declares it (``Portal.refresh_transport``)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.exchange import Connect
from meterfarm.scrapers.http.own_client import OwnClient
from meterfarm.scrapers.http.through_browser import ThroughBrowser
from meterfarm.support.extras import require


def connection(declared: str, chromium: Chromium, hosts: Sequence[str]) -> Connect:
    """What gives the client; ``hosts`` are all that a visit may speak to.

    Raises:
        ExtraMissing: one that is impersonated needs an extra.
    """
    if declared == "browser":
        return partial(ThroughBrowser, chromium=chromium, hosts=hosts)
    if declared == "impersonated":
        require("impersonate", "A portal that wants the TLS hello of a browser")
        from meterfarm.scrapers.http.impersonated import Impersonated

        return partial(Impersonated, local_hosts=chromium.local_hosts)
    return partial(OwnClient, local_hosts=chromium.local_hosts)
