"""Test tools, for test keys: fire an event, break a login, end a session, take a fake portal down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from meterfarm.api.answers import instant, json_answer
from meterfarm.api.auth import Company
from meterfarm.api.bodies import JsonObject, OptionalObject, described
from meterfarm.api.context import context_of
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.fields import whole
from meterfarm.api.models.testing import EventToFire, FiredEvent, LoginToBreak, PortalToFail, ToolAnswer
from meterfarm.api.references import CustomerId, find_customer
from meterfarm.services import testing
from meterfarm.services.fake_portals import FakePortals, NoFakePortals
from meterfarm.storage.store import CompanyStore

_OF_A_CUSTOMER = (
    *("api_key_not_permitted", "customer_id_invalid", "external_id_invalid", "request_invalid", "conflict"),
    *("customer_id_invalid_format", "external_id_invalid_format", "request_body_invalid"),
    "object_not_found",
)


def _test_side(request: Request, store: Company) -> CompanyStore:
    if request.state.company.live:
        raise ApiError("api_key_not_permitted", reason="test tools take a test key")
    return store


def _portals(request: Request) -> FakePortals:
    return FakePortals(context_of(request).settings.fake_controls)


TestSide = Annotated[CompanyStore, Depends(_test_side)]
Portals = Annotated[FakePortals, Depends(_portals)]
router = APIRouter(prefix="/test", tags=["Test tools"])


def _documented(model: type[BaseModel], body: type[BaseModel] | None, *codes: str) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "response_model": None,
        "responses": {200: {"model": model}, **errors(*codes)},
    }
    if body is not None:
        shape["openapi_extra"] = described(body, required=body is EventToFire)
    return shape


@router.post("/events", **_documented(FiredEvent, EventToFire, *_OF_A_CUSTOMER))
def fire_event(store: TestSide, body: JsonObject) -> Response:
    """Send an event as if it had happened. The customer stays as they are."""
    customer = find_customer(store, str(_value(body, "customer_id", int | str, "")))
    event = _value(body, "event", str, "")
    fired = testing.fire_event(store, customer, event, _value(body, "bill_id", int | None, None))
    return json_answer(
        {
            "id": fired.id,
            "event": fired.kind.value,
            "customer_id": fired.customer_id,
            "created_at": instant(fired.at),
            "test": True,
        }
    )


@router.post("/customers/{id}/break_login", **_documented(ToolAnswer, LoginToBreak, *_OF_A_CUSTOMER))
def break_login(store: TestSide, portals: Portals, id: CustomerId, body: OptionalObject) -> Response:
    """Have the portal refuse a customer's password, at once or after so many more documents."""
    customer, after = find_customer(store, id), _value(body, "after_documents", int, 0)
    with _answering():
        run = testing.break_login(store, portals, customer, after)
    return _done(f"The login breaks after {after} more documents" if after else "The login is broken", run)


@router.post("/customers/{id}/mend_login", **_documented(ToolAnswer, None, *_OF_A_CUSTOMER))
def mend_login(store: TestSide, portals: Portals, id: CustomerId) -> Response:
    """Have the portal take a customer's password again; they still have to give it once more."""
    customer = find_customer(store, id)
    with _answering():
        testing.mend_login(store, portals, customer)
    return _done("The portal takes the password again")


@router.post("/customers/{id}/expire_session", **_documented(ToolAnswer, None, *_OF_A_CUSTOMER))
def expire_session(store: TestSide, portals: Portals, id: CustomerId) -> Response:
    """End a customer's sessions at the portal; the password is still taken."""
    customer = find_customer(store, id)
    with _answering():
        run = testing.expire_session(store, portals, customer)
    return _done("The sessions have ended", run)


@router.post("/customers/{id}/expire_mfa", **_documented(ToolAnswer, None, *_OF_A_CUSTOMER))
def expire_mfa(store: TestSide, portals: Portals, id: CustomerId) -> Response:
    """End a customer's sessions, and the portal's trust in our device: it asks for MFA again."""
    customer = find_customer(store, id)
    with _answering():
        run = testing.expire_session(store, portals, customer, mfa=True)
    return _done("The sessions have ended, and MFA is due again", run)


@router.post(
    "/utilities/{id}/portal",
    **_documented(
        ToolAnswer,
        PortalToFail,
        *("api_key_not_permitted", "object_not_found", "request_invalid", "conflict", "request_body_invalid"),
    ),
)
def fail_portal(store: TestSide, portals: Portals, id: str, body: OptionalObject) -> Response:
    """Take a fake portal down, slow it, or have it refuse requests; with an empty body it is well again.

    It is the portal of every company's test customers.
    """
    with _answering():
        done = testing.fail_portal(
            store,
            portals,
            unquote(id),
            down=_value(body, "down", bool, False),
            slow_seconds=_value(body, "slow_seconds", int | float, 0),
            retry_after=_value(body, "retry_after", int | None, None),
        )
    return _done(f"T{done[1:]}")


@contextmanager
def _answering() -> Iterator[None]:
    """The boundary around a request to the fake portals."""
    try:
        yield
    except NoFakePortals as exc:
        raise ApiError("conflict", reason=str(exc)) from exc


def _value(body: Mapping[str, Any], name: str, kind: Any, otherwise: Any) -> Any:
    """A field of the body, of this type."""
    value = whole(body.get(name, otherwise))
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ApiError("request_body_invalid", reason=f"{name} is of the wrong type")
    return value


def _done(details: str, run: int | None = None) -> Response:
    return json_answer({"status": "ok", "details": details, "run_id": run})
