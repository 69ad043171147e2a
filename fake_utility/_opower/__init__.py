"""Stand-ins for portals of real companies whose data is Opower's, under the companies' own host names.

They are served only where one is asked for by its id (``registry.stand_ins``): a name that leads to this
machine must lead there for nobody who means the company.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from meterfarm.fake_utility._opower.customers import COMED, COMMONWEALTH_EDISON, CON_EDISON, CONED
from meterfarm.fake_utility._opower.figures import figures
from meterfarm.fake_utility.kit.portal import FakePortal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from meterfarm.fake_utility.kit.state import PortalContext, PortalState


def _con_edison(context: PortalContext) -> tuple[ASGIApp, PortalState[Any]]:
    from meterfarm.fake_utility._opower.con_edison import ConEdison, make_app

    state = ConEdison(context)
    return make_app(state), state


def _commonwealth_edison(context: PortalContext) -> tuple[ASGIApp, PortalState[Any]]:
    from meterfarm.fake_utility._opower.exelon import Company, Exelon, make_app

    company = Company(
        "ComEd", COMED, *_OF_COMED, "euazurecomed.onmicrosoft.com", "cec", ZoneInfo("America/Chicago")
    )
    state = Exelon(context, company, COMMONWEALTH_EDISON)
    return make_app(state), state


_OF_COMED = ("secure.comed.com", "secure1.comed.com", "eudapi.comed.com", "cec.opower.com")
STAND_INS: Sequence[FakePortal] = (
    FakePortal(
        id="con_edison",
        name="Con Edison",
        book=CON_EDISON,
        make=_con_edison,
        figures=partial(figures, ZoneInfo("America/New_York")),
        stranger=f"nobody@{CONED}",
        hosts=("www.coned.com", "coned.okta.com", "cned.opower.com"),
    ),
    FakePortal(
        id="commonwealth_edison",
        name="ComEd",
        book=COMMONWEALTH_EDISON,
        make=_commonwealth_edison,
        figures=partial(figures, ZoneInfo("America/Chicago")),
        stranger=f"nobody@{COMED}",
        hosts=_OF_COMED,
    ),
)
