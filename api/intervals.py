"""Intervals of a customer: Bayou's object, or the same as CSV, lines of JSON, Parquet or Green Button."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from meterfarm.api.accepted import accepted
from meterfarm.api.auth import Company
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.models.intervals import CustomerIntervals
from meterfarm.api.references import CustomerId, find_holder
from meterfarm.api.timestamps import timestamp
from meterfarm.formats.errors import FormatError
from meterfarm.services.intervals import (
    MINUTES,
    FoundIntervals,
    IntervalQuery,
    TooFine,
    UnknownMeter,
    find_intervals,
    lacks_intervals,
)
from meterfarm.services.intervals.files import as_green_button, as_parquet
from meterfarm.services.intervals.text import as_csv, as_json, as_ndjson
from meterfarm.support.instants import stamp
from meterfarm.support.tasks import made_in

router = APIRouter(tags=["Intervals"])
_MAKING = ThreadPoolExecutor(2, thread_name_prefix="intervals")
_OVERLAP = 300
"""Seconds: a transaction that was under way when this answer was read is in the next one."""


UPDATED_UNTIL = "X-Updated-Until"


@dataclass(frozen=True, slots=True)
class _Format:
    """A form in which intervals are handed out."""

    media_type: str
    suffix: str
    write: Callable[[FoundIntervals], Iterator[bytes]]


_FORMATS: Mapping[str, _Format] = {
    "csv": _Format("text/csv", "csv", as_csv),
    "ndjson": _Format("application/x-ndjson", "ndjson", as_ndjson),
    "parquet": _Format("application/vnd.apache.parquet", "parquet", as_parquet),
    "green-button": _Format("application/atom+xml", "xml", as_green_button),
}
_BY_MEDIA_TYPE = {each.media_type: name for name, each in _FORMATS.items()} | {
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/json": "json",
    "application/xml": "green-button",
    "text/xml": "green-button",
}
_GRANULARITY = Query(
    description="Minutes of a clean grid: 15, 30, 60, or 1440 for local days. Made from complete data alone; "
    "the gaps of each meter say what is missing, and why.",
    json_schema_extra={"enum": [str(minutes) for minutes in MINUTES]},
)
_FORMAT = Query(description="Goes before Accept.", json_schema_extra={"enum": ["json", *_FORMATS]})
_NOT_JSON: dict[str, Any] = {each.media_type: {"schema": {"type": "string"}} for each in _FORMATS.values()}


def _instant(description: str) -> Any:
    return Query(
        description=description, json_schema_extra={"format": "date-time"}, examples=["2022-11-01T00:00:00Z"]
    )


@router.get(
    "/customers/{customer_id}/intervals",
    response_model=None,
    responses={
        200: {
            "model": CustomerIntervals,
            "content": _NOT_JSON,
            "headers": {
                UPDATED_UNTIL: {
                    "description": "What to ask for as updated_after the next time.",
                    "schema": {"type": "string", "format": "date-time"},
                }
            },
        },
        **errors(
            *("start_timestamp_invalid", "end_timestamp_invalid", "timestamps_out_of_order"),
            *("utility_lacks_intervals", "customer_id_invalid_format", "external_id_invalid_format"),
            *("customer_id_invalid", "external_id_invalid", "interval_meter_id_invalid"),
        ),
    },
)
def get_intervals(
    request: Request,
    store: Company,
    customer_id: CustomerId,
    start: Annotated[str | None, _instant("Only intervals that begin then or later.")] = None,
    end: Annotated[str | None, _instant("Only intervals that begin before then.")] = None,
    meter_id: Annotated[str | None, Query(description="Only intervals of this meter.")] = None,
    granularity: Annotated[str | None, _GRANULARITY] = None,
    updated_after: Annotated[str | None, _instant("Only intervals that came or changed since.")] = None,
    format: Annotated[str | None, _FORMAT] = None,
) -> Response:
    """Get a customer's intervals, by meter and start: energy in Wh, demand in W, gas in therms."""
    customer = find_holder(store, customer_id)
    first, last = _bound(start, "start"), _bound(end, "end")
    if first is not None and last is not None and last < first:
        raise ApiError("timestamps_out_of_order")
    if lacks_intervals(store, customer):
        raise ApiError("utility_lacks_intervals")
    asked = IntervalQuery(first, last, meter_id, _minutes(granularity), _since(updated_after))
    form = _form(format, request.headers.get("accept", ""))
    until = int(time.time()) - _OVERLAP
    try:
        found = find_intervals(store, customer, asked)
    except UnknownMeter as exc:
        raise ApiError("interval_meter_id_invalid", known=", ".join(exc.meters) or "none") from None
    except TooFine as exc:
        raise ApiError("parameter_invalid", parameter="granularity", reason=_clause(exc)) from None
    headers = {UPDATED_UNTIL: stamp(until), "Cache-Control": "private, no-cache", "Vary": "Accept"}
    if form is None:
        shown = until if updated_after is not None else None
        as_text = store.farm.companies.settings(store.company_id).gas_as_text
        parts = as_json(found, gas_as_text=as_text, updated_until=shown)
        return _streamed(parts, "application/json", headers)
    headers["Content-Disposition"] = f'attachment; filename="intervals-{customer.id}.{form.suffix}"'
    try:
        return _streamed(form.write(found), form.media_type, headers)
    except FormatError as exc:
        raise ApiError("parameter_invalid", parameter="format", reason=_clause(exc)) from None


def _streamed(parts: Iterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    """The first part is made at once: what cannot be made is refused, not broken off."""
    return StreamingResponse(made_in(_MAKING, chain([next(parts, b"")], parts)), 200, headers, media_type)


def _bound(text: str | None, name: str) -> int | None:
    at = None if text is None else timestamp(text)
    if text is not None and at is None:
        raise ApiError(f"{name}_timestamp_invalid")
    return at


def _since(text: str | None) -> int | None:
    at = None if text is None else timestamp(text)
    if text is not None and at is None:
        reason = "it takes an instant like 2022-11-01T00:00:00Z"
        raise ApiError("parameter_invalid", parameter="updated_after", reason=reason)
    return at


def _minutes(text: str | None) -> int | None:
    if text is None:
        return None
    if text not in map(str, MINUTES):
        reason = f"it takes {', '.join(map(str, MINUTES[:-1]))} or {MINUTES[-1]}"
        raise ApiError("parameter_invalid", parameter="granularity", reason=reason)
    return int(text)


def _form(name: str | None, accept: str) -> _Format | None:
    """None is JSON, which whoever accepts nothing that there is gets too."""
    if name is None:
        return _FORMATS.get(accepted(accept, _BY_MEDIA_TYPE))
    if name != "json" and name not in _FORMATS:
        raise ApiError(
            "parameter_invalid", parameter="format", reason=f"it takes {', '.join(['json', *_FORMATS])}"
        )
    return _FORMATS.get(name)


def _clause(exc: Exception) -> str:
    """A sentence as the end of another."""
    text = str(exc)
    return f"{text[:1].lower()}{text[1:]}".removesuffix(".")
