"""Pepernoot Co-op: an electric cooperative at a SmartHub, a single page with data that comes as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.pepernoot_coop.customers import BOOK, DOMAIN, STRANGER
from meterfarm.fake_utility.pepernoot_coop.figures import figures
from meterfarm.fake_utility.pepernoot_coop.quirks import QUIRKS

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from meterfarm.fake_utility.kit.state import PortalContext, PortalState


def _make(context: PortalContext) -> tuple[ASGIApp, PortalState[Any]]:
    from meterfarm.fake_utility.pepernoot_coop.app import make_app
    from meterfarm.fake_utility.pepernoot_coop.portal import Coop

    coop = Coop(context)
    return make_app(coop), coop


PORTAL = FakePortal(
    id="pepernoot_coop",
    name="Pepernoot Co-op",
    book=BOOK,
    make=_make,
    figures=figures,
    stranger=STRANGER,
    hosts=("pepernoot.smarthub.example",),
    shown=[f"{name}@{DOMAIN}" for name in ("iamvalid", "multi-account", "totp", "export-failed")],
    quirks=QUIRKS,
)
