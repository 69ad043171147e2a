"""Speculoos Power: one plain server-rendered portal in New York State, electricity and gas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.speculoos_power.customers import BOOK
from meterfarm.fake_utility.speculoos_power.figures import figures
from meterfarm.fake_utility.speculoos_power.quirks import QUIRKS

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from meterfarm.fake_utility.kit.state import PortalContext, PortalState


def _make(context: PortalContext) -> tuple[ASGIApp, PortalState[Any]]:
    from meterfarm.fake_utility.speculoos_power.app import make_app
    from meterfarm.fake_utility.speculoos_power.portal import Portal

    portal = Portal(context)
    return make_app(portal), portal


PORTAL = FakePortal(
    id="speculoos_power",
    name="Speculoos Power",
    book=BOOK,
    make=_make,
    figures=figures,
    stranger="nobody@speculoos.example",
    says_tries=True,
    shown=[
        *("iamvalid@bayou.energy", "multi-account@bayou.energy"),
        *(name for name in BOOK.listed if name.startswith("ineedmfa+")),
    ],
    quirks=QUIRKS,
)
