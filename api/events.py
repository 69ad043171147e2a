"""What happened, as webhooks have it, with each delivery; and once more on demand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from meterfarm.api.answers import instant, json_answer
from meterfarm.api.auth import Company
from meterfarm.api.bodies import OptionalObject, described
from meterfarm.api.context import ApiContext, context_of
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.fields import flag, whole
from meterfarm.api.models import webhooks as models
from meterfarm.api.references import Number, number
from meterfarm.records import EventKind
from meterfarm.services.webhooks import EventWithDeliveries, find_event, list_events, resend_event
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import WebhookDelivery

router = APIRouter(tags=["Events"])
_MOST = 1000
_DEFAULT = 100
_DIGITS = 18
_BODY = ("request_body_invalid", "request_too_large", "unsupported_content_type")
_AFTER = Query(
    description="Only events with greater ids.",
    json_schema_extra={"type": "integer", "minimum": 0, "maximum": 10**_DIGITS - 1},
)
_KIND = Query(
    description="Only events of this kind; several times.",
    json_schema_extra={"items": {"type": "string", "enum": [kind.value for kind in EventKind]}},
)
_UNDELIVERED = Query(
    description="`true`: only those that some endpoint has not got.",
    json_schema_extra={"enum": ["true", "false"]},
)
_LIMIT = Query(
    description=f"At most so many, up to {_MOST:,}.",
    json_schema_extra={"type": "integer", "minimum": 1, "maximum": _MOST, "default": _DEFAULT},
)


@router.get("/events", response_model=None, responses={200: {"model": list[models.ListedEvent]}, **errors()})
def get_events(
    request: Request,
    store: Company,
    after: Annotated[str | None, _AFTER] = None,
    kind: Annotated[list[str] | None, _KIND] = None,
    undelivered: Annotated[str | None, _UNDELIVERED] = None,
    limit: Annotated[str | None, _LIMIT] = None,
) -> Response:
    """List events by id, each with its deliveries and their attempts."""
    if not set(kind or ()) <= set(EventKind):
        reason = f"kinds are {', '.join(EventKind)}"
        raise ApiError("parameter_invalid", parameter="kind", reason=reason)
    found = list_events(
        store,
        _whole(after, "after", 0, 0, None),
        [EventKind(each) for each in kind or ()],
        _whole(limit, "limit", _DEFAULT, 1, _MOST),
        undelivered=flag(undelivered, "undelivered"),
    )
    return json_answer([_rendered(context_of(request), store, each) for each in found])


@router.get(
    "/events/{id}",
    response_model=None,
    responses={200: {"model": models.ListedEvent}, **errors("object_not_found")},
)
def get_event(request: Request, store: Company, id: Number) -> Response:
    """Get an event with its deliveries."""
    return json_answer(_rendered(context_of(request), store, find_event(store, number(id, "event"))))


@router.post(
    "/events/{id}/resend",
    response_model=None,
    responses={200: {"model": models.Resent}, **errors("object_not_found", *_BODY)},
    openapi_extra=described(models.Resend, required=False),
)
def resend(store: Company, id: Number, body: OptionalObject) -> Response:
    """Send an event once more, with the same webhook-id, before later ones of its customer."""
    endpoint_id = whole(body.get("webhook_id"))
    is_number = isinstance(endpoint_id, int) and not isinstance(endpoint_id, bool)
    if endpoint_id is not None and not is_number:
        raise ApiError("request_body_invalid", reason="webhook_id must be a number")
    return json_answer({"deliveries": resend_event(store, number(id, "event"), endpoint_id)})


def _whole(text: str | None, name: str, default: int, least: int, most: int | None) -> int:
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= _DIGITS:
        value = int(text)
        if value >= least and (most is None or value <= most):
            return value
    reason = f"it takes a whole number from {least}" + (f" to {most:,}" if most else " on")
    raise ApiError("parameter_invalid", parameter=name, reason=reason)


def _rendered(context: ApiContext, store: CompanyStore, found: EventWithDeliveries) -> dict[str, object]:
    event = found.event
    return {
        "id": event.id,
        "at": instant(event.at),
        "customer_id": event.customer_id,
        **context.events.of(store, event),
        "deliveries": [_delivery(each) for each in found.deliveries],
    }


def _delivery(delivery: WebhookDelivery) -> dict[str, object]:
    return {
        "webhook_id": delivery.endpoint_id,
        "url": delivery.url,
        "state": delivery.state.value,
        "next_at": instant(delivery.next_at),
        "ended_at": instant(delivery.ended_at),
        "attempts": [
            {
                "at": instant(attempt.at),
                "status": attempt.result.status,
                "answer": attempt.result.answer,
                "fault": attempt.result.fault,
                "milliseconds": attempt.result.milliseconds,
            }
            for attempt in delivery.attempts
        ],
    }
