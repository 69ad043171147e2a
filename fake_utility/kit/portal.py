"""What a folder of `fake_utility/` offers as `PORTAL`: a portal's declaration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.figures import AccountFigures
from meterfarm.fake_utility.kit.numbered import CustomerBook
from meterfarm.fake_utility.kit.quirks import Quirk

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from meterfarm.fake_utility.kit.state import PortalContext, PortalState


@dataclass(frozen=True, slots=True)
class FakePortal:
    """`id` is that of the folder, and of the utility's in `utilities/`.

    `hosts` are its https names; without any it is served by http, on a port of its own. `make` gives its
    application and state; it may import what takes long. `figures` are a customer's data by its own account,
    as of a day that it is there. `stranger` is a user name that nobody has. `says_tries`: it says how many
    tries of a code are left. `shown` are those who come home in a demonstration; none: all who do. `quirks`
    are those that it can have.
    """

    id: str
    name: str
    book: CustomerBook[Any]
    make: Callable[[PortalContext], tuple[ASGIApp, PortalState[Any]]]
    figures: Callable[[Customer, date], Sequence[AccountFigures]]
    stranger: str
    hosts: Sequence[str] = ()
    says_tries: bool = False
    shown: Sequence[str] = ()
    quirks: Sequence[Quirk] = ()

    @property
    def home(self) -> str:
        """Its public address; "" if it has no name."""
        return f"https://{self.hosts[0]}" if self.hosts else ""
