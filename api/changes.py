"""What changed of all customers since a cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from meterfarm.api.answers import instant, json_answer
from meterfarm.api.auth import Company
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.models.changes import ChangesPage
from meterfarm.services.changes import CURSOR, MOST_CHANGES, DataChange, changes_since
from meterfarm.services.errors import InvalidRequest

router = APIRouter(tags=["Changes"])
_DEFAULT = 100
_LIMIT = Query(
    description=f"At most so many, up to {MOST_CHANGES:,}.",
    json_schema_extra={"type": "integer", "minimum": 1, "maximum": MOST_CHANGES, "default": _DEFAULT},
)


@router.get("/changes", response_model=None, responses={200: {"model": ChangesPage}, **errors()})
def get_changes(
    store: Company,
    cursor: Annotated[
        str | None,
        Query(
            description="The cursor of the answer before; without it from the beginning.",
            json_schema_extra={"pattern": f"^({CURSOR.pattern})?$"},
        ),
    ] = None,
    limit: Annotated[str | None, _LIMIT] = None,
) -> Response:
    """Get what came or changed since: bills and intervals of all customers, and customers who are gone."""
    most = str(_DEFAULT) if limit is None else limit
    if not (most.isascii() and most.isdecimal() and len(most) <= 4 and 1 <= int(most) <= MOST_CHANGES):
        reason = f"it takes a whole number from 1 to {MOST_CHANGES:,}"
        raise ApiError("parameter_invalid", parameter="limit", reason=reason)
    try:
        found = changes_since(store, cursor or "", int(most))
    except InvalidRequest:
        reason = "it is no cursor that was handed out"
        raise ApiError("parameter_invalid", parameter="cursor", reason=reason) from None
    return json_answer(
        {
            "changes": [_change(each) for each in found.changes],
            "cursor": found.cursor,
            "has_more": found.has_more,
        }
    )


def _change(change: DataChange) -> Mapping[str, object]:
    return {
        "kind": change.kind,
        "at": instant(change.at),
        "customer_id": change.customer_id,
        "customer_external_id": change.customer_external_id,
        "account_number": change.account_number,
        "bill_id": change.bill_id,
        "meter_ids": list(change.meters),
        "start": instant(change.start),
        "end": instant(change.end),
    }
