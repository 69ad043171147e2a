"""Where a side's events are posted: endpoints, their secrets, and what became of each delivery."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from pydantic import SecretStr
from starlette.responses import Response

from meterfarm.records import EventKind
from meterfarm.services.errors import InvalidRequest, ServiceError
from meterfarm.services.webhooks import (
    BOTH_GOOD_FOR,
    EndpointChange,
    add_endpoint,
    change_endpoint,
    find_endpoint,
    list_deliveries,
    list_endpoints,
    remove_endpoint,
    replay,
    resend_event,
    rotate_secret,
    send_test,
)
from meterfarm.storage.customers import Role
from meterfarm.storage.webhooks import (
    DELIVERED_KINDS,
    AttemptResult,
    DeliveryState,
    EndpointState,
    WebhookDelivery,
    WebhookEndpoint,
)
from meterfarm.web.dashboard.access import Form, FormFields, Visiting, Visitor, changes, in_thread, to
from meterfarm.web.dashboard.pages import shown_page
from meterfarm.web.dashboard.people import Number

router = APIRouter(prefix="/{side}/settings/webhooks", include_in_schema=False)
_NEWEST = 50
_MOST_DIGITS = 9
KIND_WORDS = {
    EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS: "A customer gave their login",
    EventKind.NEW_BILL: "A bill came, and is read",
    EventKind.NEW_UNPARSED_BILL: "A bill came that no layout reads yet",
    EventKind.UPDATED_BILL: "A bill was read anew, unlocked or corrected",
    EventKind.BILLS_READY: "The first bills of a customer are all here",
    EventKind.INTERVALS_READY: "The first intervals of a customer are all here",
    EventKind.NEW_INTERVALS: "More intervals came",
    EventKind.CUSTOMER_MUST_REAUTHENTICATE: "A customer must come back",
    EventKind.TRUST_EXPIRING: "A portal will soon ask a customer for a code",
    EventKind.RUN_FAILED: "A run failed, and we have to act",
    EventKind.MAILBOX_FAILED: "A mailbox that receives codes cannot be read",
    EventKind.CONSENT_EXPIRING_SOON: "A customer's consent ends soon",
    EventKind.CONSENT_REVOKED: "A customer has withdrawn their consent",
}
_TONES: dict[Any, str] = {
    EndpointState.ACTIVE: "good",
    EndpointState.GONE: "bad",
    DeliveryState.DELIVERED: "good",
    DeliveryState.PARKED: "bad",
}
_STATES = {
    EndpointState.ACTIVE: "active",
    EndpointState.PAUSED: "turned off",
    EndpointState.GONE: "turned off: the receiver answered 410",
}


@router.get("")
async def endpoints(request: Request, asking: Visiting, failed: str = "") -> Response:
    """The endpoints of this side, and the newest deliveries of all."""
    return await in_thread(_page, request, asking, is_failed=bool(failed))


@router.post("", dependencies=[changes(Role.OWNER)])
async def add(request: Request, asking: Visiting, form: FormFields) -> Response:
    """An endpoint for the events from now on; its secret is shown once."""
    allowed = asking.web.webhooks_private
    given = partial(add_endpoint, asking.store, form.get("url", ""), farm_allows_private=allowed)
    try:
        endpoint, secret = await in_thread(given, _kinds(form))
    except ServiceError as refused:
        return await in_thread(_page, request, asking, str(refused), form, 422)
    return _secret_page(request, asking, endpoint, secret)


@router.get("/{number}")
async def endpoint(request: Request, asking: Visiting, number: Number, failed: str = "") -> Response:
    """One endpoint with its deliveries."""
    return await in_thread(_endpoint_page, request, asking, number, is_failed=bool(failed))


@router.post("/{number}", dependencies=[changes(Role.OWNER)])
async def change(request: Request, asking: Visiting, number: Number, form: FormFields) -> Response:
    """Another address, or other kinds of events."""
    allowed = asking.web.webhooks_private
    given = partial(change_endpoint, asking.store, number, farm_allows_private=allowed)
    try:
        await in_thread(given, EndpointChange(form.get("url", ""), _kinds(form)))
    except InvalidRequest as refused:
        shown = partial(_endpoint_page, error=str(refused), form=form, status=422)
        return await in_thread(shown, request, asking, number)
    return _back(asking, number, "saved")


@router.post("/{number}/active", dependencies=[changes(Role.OWNER)])
async def turn(asking: Visiting, number: Number, form: FormFields) -> Response:
    """Turn the endpoint on or off; what is waiting for it stays."""
    is_on = form.get("active") == "yes"
    allowed = asking.web.webhooks_private
    given = partial(change_endpoint, asking.store, number, farm_allows_private=allowed)
    await in_thread(given, EndpointChange(active=is_on))
    return _back(asking, number, "turned_on" if is_on else "turned_off")


@router.post("/{number}/remove", dependencies=[changes(Role.OWNER)])
async def removal(asking: Visiting, number: Number) -> Response:
    """Forget the endpoint with its secrets and deliveries."""
    await in_thread(remove_endpoint, asking.store, number)
    return to(f"{asking.path}/settings/webhooks", done="endpoint_removed")


@router.post("/{number}/secret", dependencies=[changes(Role.OWNER)])
async def another_secret(request: Request, asking: Visiting, number: Number) -> Response:
    """A new secret, shown once; the one before it signs beside it for a while."""
    secret, _ = await in_thread(rotate_secret, asking.store, number)
    there = await in_thread(find_endpoint, asking.store, number)
    return _secret_page(request, asking, there, secret, is_new=False)


@router.post("/{number}/test", dependencies=[changes(Role.OWNER)])
async def test(request: Request, asking: Visiting, number: Number, form: FormFields) -> Response:
    """Post a made-up event now, and show how that went."""
    if wait := asking.web.limits.tests.take(f"webhooks of {asking.company.id}"):
        shown = partial(_endpoint_page, error=f"That was too often. Try again in {wait} s.", status=429)
        return await in_thread(shown, request, asking, number)
    kind = next((each for each in DELIVERED_KINDS if each.value == form.get("kind")), EventKind.NEW_BILL)
    allowed = asking.web.webhooks_private
    result = await send_test(asking.store, number, kind, farm_allows_private=allowed)
    return await in_thread(partial(_endpoint_page, tested=(kind, result)), request, asking, number)


@router.post("/{number}/replay", dependencies=[changes(Role.OWNER)])
async def again(asking: Visiting, number: Number, form: FormFields) -> Response:
    """Deliver what is parked once more, or every event from one on."""
    since = form.get("from", "").strip()
    is_number = since.isascii() and since.isdigit() and len(since) <= _MOST_DIGITS
    if since and not is_number:
        raise InvalidRequest("Give the number of an event, as the deliveries show it.")
    count = await in_thread(replay, asking.store, number, max(int(since) - 1, 0) if since else None)
    return _back(asking, number, "resent" if count else "nothing_resent")


@router.post("/{number}/events/{event}/resend", dependencies=[changes(Role.OWNER)])
async def resend(asking: Visiting, number: Number, event: Number) -> Response:
    """Deliver an event to this endpoint once more."""
    await in_thread(resend_event, asking.store, event, number)
    return _back(asking, number, "resent")


def _kinds(form: Form) -> Sequence[EventKind]:
    """Those that are ticked.

    Raises:
        InvalidRequest: none is.
    """
    chosen = [kind for kind in EventKind if form.get(f"kind_{kind.value}") == "yes"]
    if not chosen:
        raise InvalidRequest("Tick at least one kind of event.")
    return chosen


def _page(
    request: Request,
    asking: Visitor,
    error: str = "",
    form: Form | None = None,
    status: int = 200,
    *,
    is_failed: bool = False,
) -> Response:
    form = form or {}
    chosen = [kind for kind in EventKind if form.get(f"kind_{kind.value}")] if form else DELIVERED_KINDS
    values = {
        "endpoints": list_endpoints(asking.store),
        "error": error,
        "url": form.get("url", ""),
        "chosen": chosen,
        **_deliveries(list_deliveries(asking.store, failed=is_failed, limit=_NEWEST), is_failed=is_failed),
    }
    return shown_page(request, asking, "settings/webhooks", values, status)


def _endpoint_page(
    request: Request,
    asking: Visitor,
    number: int,
    *,
    error: str = "",
    form: Form | None = None,
    tested: tuple[EventKind, AttemptResult] | None = None,
    status: int = 200,
    is_failed: bool = False,
) -> Response:
    there = find_endpoint(asking.store, number)
    found = list_deliveries(asking.store, failed=is_failed, endpoint_id=number, limit=_NEWEST)
    values = {
        "endpoint": there,
        "error": error,
        "url": form.get("url", "") if form else there.url,
        "chosen": [kind for kind in EventKind if form.get(f"kind_{kind.value}")] if form else there.kinds,
        "testable": DELIVERED_KINDS,
        "tested": tested,
        **_deliveries(found, is_failed=is_failed),
    }
    return shown_page(request, asking, "settings/webhook", values, status)


def _deliveries(found: Sequence[WebhookDelivery], *, is_failed: bool) -> dict[str, Any]:
    """What both pages show."""
    return {
        "here": "webhooks",
        "deliveries": found,
        "failed": is_failed,
        "kind_words": KIND_WORDS,
        "tones": _TONES,
        "states": _STATES,
    }


def _secret_page(
    request: Request, asking: Visitor, there: WebhookEndpoint, secret: SecretStr, *, is_new: bool = True
) -> Response:
    values = {
        "here": "webhooks",
        "endpoint": there,
        "secret": secret.get_secret_value(),
        "is_new": is_new,
        "both_hours": round(BOTH_GOOD_FOR.total_seconds() / 3600),
    }
    return shown_page(request, asking, "settings/new_secret", values)


def _back(asking: Visitor, number: int, done: str) -> Response:
    return to(f"{asking.path}/settings/webhooks/{number}", done=done)
