"""A company of this kind, from its brand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.stroopwafel_energy.brand import Brand
from meterfarm.fake_utility.stroopwafel_energy.customers import make_book
from meterfarm.fake_utility.stroopwafel_energy.figures import figures
from meterfarm.fake_utility.stroopwafel_energy.quirks import QUIRKS

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from meterfarm.fake_utility.kit.state import PortalContext, PortalState


def portal(brand: Brand, shown: Sequence[str]) -> FakePortal:
    """The portal of a company with this brand; ``shown`` are the customers of a demonstration."""
    book = make_book(brand.domain)

    def make(context: PortalContext) -> tuple[ASGIApp, PortalState[Any]]:
        from meterfarm.fake_utility.stroopwafel_energy.app import make_app
        from meterfarm.fake_utility.stroopwafel_energy.portal import Company

        company = Company(context, brand, book)
        return make_app(company), company

    return FakePortal(
        id=brand.id,
        name=brand.name,
        book=book,
        make=make,
        figures=figures,
        stranger=f"nobody@{brand.domain}",
        hosts=brand.hosts,
        shown=[f"{name}@{brand.domain}" for name in shown],
        quirks=QUIRKS,
    )
