"""How the utilities do: velocity, outcomes, trouble; and which ones customers asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import accumulate

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.records import WhoActs
from meterfarm.services.errors import InvalidRequest, ServiceError
from meterfarm.services.onboarding import search_utilities, utility_wishes
from meterfarm.services.troubles import end_trouble, post_trouble, when
from meterfarm.services.utilities import UtilityStatus
from meterfarm.services.utility_status import UtilityStanding, counted_wishes, utility_standings
from meterfarm.storage.customers import Role
from meterfarm.support.instants import lasted
from meterfarm.web.dashboard.access import (
    Form,
    FormFields,
    Refused,
    Visiting,
    Visitor,
    changes,
    in_thread,
    to,
)
from meterfarm.web.dashboard.customer_list import Text
from meterfarm.web.dashboard.pages import shown_page
from meterfarm.web.dashboard.people import Number
from meterfarm.web.dashboard.words import outcome_words

router = APIRouter(prefix="/{side}/utilities", include_in_schema=False)
_WIDTH = 300
"""Of a bar, in units of its own."""
_TONES = {
    WhoActs.NOBODY: ("good", "fine"),
    WhoActs.CUSTOMER: ("warn", "the customer must act"),
    WhoActs.PORTAL: ("portal", "the portal's fault"),
    WhoActs.US: ("bad", "whoever runs this farm must act"),
}
_STATUS = {
    UtilityStatus.VERIFIED: ("good", "works"),
    UtilityStatus.UNVERIFIED: ("", "not verified yet"),
    UtilityStatus.TROUBLE: ("warn", "trouble"),
    UtilityStatus.BROKEN: ("bad", "broken here"),
    UtilityStatus.NOT_SUPPORTED: ("", "not supported yet"),
}


@router.get("")
async def utilities(request: Request, asking: Visiting, q: Text = "") -> Response:
    """All with a script; others by their name."""
    return await in_thread(_page, request, asking, q)


@router.post("/troubles", dependencies=[changes(Role.READER)])
async def announce(request: Request, asking: Visiting, form: FormFields) -> Response:
    """An operator announces trouble at a utility."""
    _must_be_operator(asking)
    try:
        begins, ends = (_instant(form.get(name, "")) for name in ("begins", "ends"))
        given = (form.get("utility", ""), form.get("text", ""), asking.user.email)
        await in_thread(post_trouble, asking.web.store, *given, begins, ends)
    except ServiceError as refused:
        return await in_thread(_page, request, asking, "", str(refused), form, 422)
    return to(f"{asking.path}/utilities", done="trouble")


@router.post("/troubles/{number}/end", dependencies=[changes(Role.READER)])
async def over(asking: Visiting, number: Number) -> Response:
    """The trouble is over."""
    _must_be_operator(asking)
    await in_thread(end_trouble, asking.web.store, number)
    return to(f"{asking.path}/utilities", done="trouble_over")


def _must_be_operator(asking: Visitor) -> None:
    if not asking.user.is_operator:
        raise Refused(403, "You may not change this", "Operators of the farm announce trouble.")


def _instant(text: str) -> datetime | None:
    """A time in UTC as browsers give it."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text.strip() else None
    except ValueError:
        raise InvalidRequest("Give times as 2026-12-24T18:00, in UTC.") from None


def _page(
    request: Request,
    asking: Visitor,
    search: str = "",
    error: str = "",
    form: Form | None = None,
    status: int = 200,
) -> Response:
    farm, now = asking.web.store, datetime.now(UTC)
    standings = utility_standings(farm, live=asking.company.live)
    is_operator = asking.user.is_operator
    wishes = farm.companies.utility_wishes() if is_operator else utility_wishes(asking.store)
    search = search.strip()
    found = search_utilities(asking.store, search, live=asking.company.live) if search else ()
    values = {
        "standings": standings,
        "others": [each for each in found if not each.is_active],
        "shown_ids": {each.entry.id for each in found} if search else None,
        "search": search,
        "wishes": counted_wishes(wishes),
        "is_operator": is_operator,
        "error": error,
        "given": form or {},
        "now": now,
        "when": when,
        "lasted": lasted,
        "bar": _bar,
        "tones": _TONES,
        "statuses": _STATUS,
        "width": _WIDTH,
        "outcome_words": outcome_words,
    }
    return shown_page(request, asking, "utilities", values, status)


def _bar(standing: UtilityStanding) -> list[tuple[str, float, float]]:
    """The parts of a bar, by who must act: tone, where it begins, how wide it is. None is too thin to see."""
    counts = [(tone, standing.by_actor[acts]) for acts, (tone, _) in _TONES.items()]
    thick = [(tone, max(count, sum(each for _, each in counts) / 60)) for tone, count in counts if count]
    total = sum(size for _, size in thick) or 1
    widths = [round(_WIDTH * size / total, 1) for _, size in thick]
    return [
        (tone, round(end - width, 1), width)
        for (tone, _), width, end in zip(thick, widths, accumulate(widths), strict=True)
    ]
