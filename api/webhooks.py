"""Webhook endpoints: added, listed, changed, removed, tested; their secrets replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.api.answers import instant, json_answer
from meterfarm.api.auth import Company
from meterfarm.api.bodies import JsonObject, OptionalObject, described
from meterfarm.api.context import context_of
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.fields import text_field
from meterfarm.api.models import webhooks as models
from meterfarm.api.references import Number, number
from meterfarm.records import EventKind
from meterfarm.services.webhooks import (
    EndpointChange,
    add_endpoint,
    change_endpoint,
    find_endpoint,
    list_endpoints,
    remove_endpoint,
    rotate_secret,
    send_test,
)
from meterfarm.storage.webhooks import DELIVERED_KINDS, WebhookEndpoint

router = APIRouter(tags=["Webhooks"])
_BODY = ("request_invalid", "request_body_invalid", "request_too_large", "unsupported_content_type")
_ONE = ("parameter_invalid", "object_not_found")


@router.post(
    "/webhooks",
    status_code=201,
    response_model=None,
    responses={201: {"model": models.EndpointWithSecret}, **errors(*_BODY, "conflict")},
    openapi_extra=described(models.NewEndpoint),
)
def create_webhook(request: Request, store: Company, body: JsonObject) -> Response:
    """Have events from now on posted to an address. The secret is shown once."""
    endpoint, secret = add_endpoint(
        store,
        text_field(body, "url"),
        _kinds(body) or (),
        farm_allows_private=context_of(request).settings.webhooks_private,
    )
    return json_answer({**_rendered(endpoint), "secret": secret.get_secret_value()}, 201)


@router.get("/webhooks", response_model=None, responses={200: {"model": list[models.Endpoint]}, **errors()})
def list_webhooks(store: Company) -> Response:
    """List endpoints, with how many deliveries are pending and parked."""
    return json_answer([_rendered(each) for each in list_endpoints(store)])


@router.get(
    "/webhooks/{id}", response_model=None, responses={200: {"model": models.Endpoint}, **errors(*_ONE)}
)
def get_webhook(store: Company, id: Number) -> Response:
    """Get an endpoint."""
    return json_answer(_rendered(find_endpoint(store, number(id, "webhook"))))


@router.patch(
    "/webhooks/{id}",
    response_model=None,
    responses={200: {"model": models.Endpoint}, **errors(*_ONE, *_BODY)},
    openapi_extra=described(models.ChangedEndpoint),
)
def change_webhook(request: Request, store: Company, id: Number, body: JsonObject) -> Response:
    """Change what is named. An endpoint that is active again gets what waited for it."""
    active = body.get("active")
    if active is not None and not isinstance(active, bool):
        raise ApiError("request_body_invalid", reason="active must be true or false")
    url = text_field(body, "url") if body.get("url") is not None else None
    change = EndpointChange(url, _kinds(body), None, active)
    allowed = context_of(request).settings.webhooks_private
    found = change_endpoint(store, number(id, "webhook"), change, farm_allows_private=allowed)
    return json_answer(_rendered(found))


@router.delete("/webhooks/{id}", status_code=204, response_model=None, responses={**errors(*_ONE)})
def delete_webhook(store: Company, id: Number) -> Response:
    """Remove an endpoint, with what waits for it."""
    remove_endpoint(store, number(id, "webhook"))
    return Response(status_code=204)


@router.post(
    "/webhooks/{id}/rotate",
    response_model=None,
    responses={200: {"model": models.RotatedSecret}, **errors(*_ONE)},
)
def rotate_webhook(store: Company, id: Number) -> Response:
    """Make a new secret; for 48 hours the old one signs beside it."""
    endpoint_id = number(id, "webhook")
    secret, until = rotate_secret(store, endpoint_id)
    return json_answer({"id": endpoint_id, "secret": secret.get_secret_value(), "old_until": instant(until)})


@router.post(
    "/webhooks/{id}/test",
    response_model=None,
    responses={200: {"model": models.TestResult}, **errors(*_ONE, *_BODY)},
    openapi_extra=described(models.TestedEvent, required=False),
)
async def test_webhook(request: Request, store: Company, id: Number, body: OptionalObject) -> Response:
    """Post a made-up event to the endpoint now; what the receiver answered."""
    name = text_field(body, "event", EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS.value)
    (kind,) = _known([name], DELIVERED_KINDS)
    allowed = context_of(request).settings.webhooks_private
    result = await send_test(store, number(id, "webhook"), kind, farm_allows_private=allowed)
    return json_answer(
        {
            "delivered": not result.fault,
            "status": result.status,
            "answer": result.answer,
            "fault": result.fault,
            "milliseconds": result.milliseconds,
        }
    )


def _kinds(body: Mapping[str, Any]) -> Sequence[EventKind] | None:
    names = body.get("events")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ApiError("request_body_invalid", reason="events must be an array of strings")
    return _known(names, tuple(EventKind))


def _known(names: Sequence[str], kinds: Sequence[EventKind]) -> Sequence[EventKind]:
    if not set(names) <= set(kinds):
        raise ApiError("request_body_invalid", reason=f"events are {', '.join(kinds)}")
    return [EventKind(name) for name in names]


def _rendered(endpoint: WebhookEndpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": [kind.value for kind in endpoint.kinds],
        "state": endpoint.state.value,
        "pending": endpoint.pending or 0,
        "parked": endpoint.parked or 0,
        "fault": endpoint.fault,
        "since": instant(endpoint.since),
        "created_at": instant(endpoint.created_at),
    }
