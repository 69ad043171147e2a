"""Bills: listed, found, named, unlocked, uploaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from meterfarm.api.accepted import accepted
from meterfarm.api.answers import json_answer
from meterfarm.api.auth import Company
from meterfarm.api.bodies import JsonObject, OptionalObject, described
from meterfarm.api.context import context_of
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.models.bills import Bill, BillUpdate, Unlocked, UnlockedMeters
from meterfarm.api.references import BillId, CustomerId, find_bill, find_holder, find_record
from meterfarm.services.bill_text import bills_csv, bills_ndjson
from meterfarm.services.bills import (
    BillQuery,
    ExternalIdTaken,
    NoSuchBills,
    check_bills_of,
    list_bills,
    name_bill,
    unlock_bill,
)
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.store import CompanyStore

router = APIRouter(tags=["Bills"])
_FORMS = {"text/csv": "csv", "application/x-ndjson": "ndjson", "application/ndjson": "ndjson"}
_FORMS |= {"application/jsonl": "ndjson", "application/json": "json"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FROM_1: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_NUMBER = re.compile(r"0*([1-9]\d{0,8})", re.ASCII)
_PAGE = 100
"""Bills on a page, for who asks for a page and sets no limit."""
_BILL_ID = ("bill_id_invalid_format", "external_id_invalid_format", "bill_id_invalid", "external_id_invalid")


def _wanted(description: str, **schema: Any) -> Any:
    return Query(description=description, json_schema_extra=schema)


@router.get(
    "/customers/{customer_id}/bills",
    response_model=None,
    responses={
        200: {
            "model": list[Bill],
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
            "headers": {
                "Link": {"description": "The next page, if there is one.", "schema": {"type": "string"}}
            },
        },
        **errors(
            *("customer_id_invalid_format", "external_id_invalid_format", "customer_id_invalid"),
            *("external_id_invalid", "bill_account_number_invalid", "bill_meter_id_invalid"),
            *("start_date_invalid", "end_date_invalid", "dates_out_of_order", "limit_invalid"),
        ),
    },
)
def get_bills(
    request: Request,
    store: Company,
    customer_id: CustomerId,
    account_number: Annotated[str | None, _wanted("Only bills of this account.")] = None,
    meter_id: Annotated[str | None, _wanted("Only bills of this meter.")] = None,
    start: Annotated[str | None, _wanted("Only bills issued on this day or later.", format="date")] = None,
    end: Annotated[str | None, _wanted("Only bills issued on this day or before.", format="date")] = None,
    limit: Annotated[str | None, _wanted("How many bills at most.", **_FROM_1)] = None,
    page: Annotated[str | None, _wanted("Which page of limit bills.", **_FROM_1)] = None,
) -> Response:
    """List a customer's bills, by day of issue, the newest first."""
    asker = find_record(store, customer_id)
    customer = find_holder(store, customer_id)
    rendering = context_of(request).bills
    try:
        check_bills_of(store, customer, account_number, meter_id, rendering)
    except NoSuchBills as exc:
        raise ApiError(f"bill_{exc.what}_invalid", known=", ".join(exc.known) or "none") from None
    first, last = _day(start, "start"), _day(end, "end")
    if first is not None and last is not None and last < first:
        raise ApiError("dates_out_of_order")
    most, number = _most(limit), _page(page)
    if number is not None and most is None:
        most = _PAGE
    offset = ((number or 1) - 1) * (most or 0)
    asked = BillQuery(account_number, meter_id, first, last, most, min(offset, 2**40))
    found, more = list_bills(store, customer, asked, rendering)
    headers = {"Vary": "Accept"}
    if more:
        headers["Link"] = f'<{_next_page(request, most or 0, (number or 1) + 1)}>; rel="next"'
    bills = rendering.of_all(store, found)
    if asker.id != customer.id:
        asker_ids = {"customer_id": asker.id, "customer_external_id": asker.external_id}
        bills = [{**bill, **asker_ids} for bill in bills]
    form = accepted(request.headers.get("accept", ""), _FORMS)
    if form == "json":
        return json_answer(bills, headers=headers)
    headers |= {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="bills-{customer.id}.{form}"',
    }
    if form == "csv":
        return Response(bills_csv(bills), 200, headers, "text/csv")
    return Response(bills_ndjson(bills), 200, headers, "application/x-ndjson")


@router.get("/bills/{id}", response_model=None, responses={200: {"model": Bill}, **errors(*_BILL_ID)})
def get_bill(request: Request, store: Company, id: BillId) -> Response:
    """Get a bill, with a fresh address of its file."""
    bill = find_bill(store, id)
    return json_answer(context_of(request).bills.of(store, bill))


@router.patch(
    "/bills/{id}",
    response_model=None,
    responses={
        200: {"model": Bill},
        **errors(
            *_BILL_ID,
            *("external_id_not_unique", "request_body_invalid", "request_too_large"),
            "unsupported_content_type",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": BillUpdate.model_json_schema()}},
        }
    },
)
def update_bill(request: Request, store: Company, id: BillId, body: JsonObject) -> Response:
    """Give a bill an id of your own, or take it away with null."""
    bill = find_bill(store, id)
    if "external_id" in body:
        external_id = body["external_id"]
        if external_id is not None and not isinstance(external_id, str):
            raise ApiError("external_id_invalid_format")
        try:
            bill = name_bill(store, bill, external_id)
        except ExternalIdTaken:
            raise taken(store, external_id) from None
        except InvalidRequest:
            raise ApiError("external_id_invalid_format") from None
    return json_answer(context_of(request).bills.of(store, bill))


@router.post(
    "/bills/{id}/unlock",
    response_model=None,
    responses={
        200: {"model": Unlocked},
        **errors(
            *_BILL_ID,
            *("bill_meter_id_invalid", "request_body_invalid", "request_too_large"),
            "unsupported_content_type",
        ),
    },
    openapi_extra=described(UnlockedMeters, required=False),
)
def unlock(request: Request, store: Company, id: BillId, body: OptionalObject) -> Response:
    """Unlock a bill, or some of its meters, for good. What they say can be read from then on."""
    try:
        wanted = UnlockedMeters.model_validate(body)
    except ValidationError:
        reason = "meter_id takes a string, and type electric or gas"
        raise ApiError("request_body_invalid", reason=reason) from None
    meter_ids = [wanted.meter_id] if wanted.meter_id is not None else None
    by = f"API key {request.state.key_id}"
    try:
        unlock_bill(store, find_bill(store, id), by, meter_ids=meter_ids, meter_type=wanted.type)
    except NoSuchBills as exc:
        raise ApiError("bill_meter_id_invalid", known=", ".join(exc.known) or "none") from None
    return json_answer({"status": "ok", "details": "Bill was unlocked"})


def _day(text: str | None, name: str) -> date | None:
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ApiError(f"{name}_date_invalid")


def _most(text: str | None) -> int | None:
    if text is None:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ApiError("limit_invalid")
    return int(found[1])


def _page(text: str | None) -> int | None:
    if text is None:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ApiError("parameter_invalid", parameter="page", reason="it takes a whole number from 1")
    return int(found[1])


def _next_page(request: Request, limit: int, page: int) -> str:
    """The address of this list's next page."""
    given = {**request.query_params, "limit": str(limit), "page": str(page)}
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
    return f"{context_of(request).public_url}{path}?{urlencode(given)}"


def taken(store: CompanyStore, external_id: str | None) -> ApiError:
    """Another bill has the external id, or had it a moment ago."""
    other = store.bills.by_external_id(external_id or "")
    return ApiError("external_id_not_unique", other=f"the bill {other.id}" if other else "another bill")
