"""The catalogue of utilities, with how well each is supported."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.api.answers import instant, json_answer
from meterfarm.api.auth import Company
from meterfarm.api.error_responses import errors
from meterfarm.api.models.utilities import UtilityModel
from meterfarm.records import Part
from meterfarm.services.utilities import UtilityInfo, find_utility_entry, list_utilities
from meterfarm.utilities.catalogue import INSTANT

router = APIRouter(tags=["Utilities"])


@router.get("/utilities", response_model=None, responses={200: {"model": list[UtilityModel]}, **errors()})
def list_(request: Request, store: Company) -> Response:
    """List all utilities that are known, by id. A live key is shown no fake ones."""
    infos = list_utilities(store.farm, live=request.state.company.live)
    return json_answer([_rendered(info) for info in infos])


@router.get(
    "/utilities/{id}",
    response_model=None,
    responses={200: {"model": UtilityModel}, **errors("object_not_found")},
)
def get(request: Request, store: Company, id: str) -> Response:
    """Get a utility, by its id or any other name it has."""
    return json_answer(
        _rendered(find_utility_entry(unquote(id), store.farm, live=request.state.company.live))
    )


def _rendered(info: UtilityInfo) -> dict[str, Any]:
    entry = info.entry
    attributes = [{"name": name, "meters": "all"} for name in entry.meter_attributes]
    attributes += [{"name": name, "meters": "electric"} for name in entry.electric_meter_attributes]
    return {
        "id": entry.id,
        "api_identifier": entry.id,
        "identifier": entry.id,
        "name": entry.name,
        "aliases": list(entry.aliases),
        "group": entry.group or None,
        "is_active": info.is_active,
        "bill_availability": _availability(info, Part.BILLS),
        "interval_availability": _availability(info, Part.INTERVALS),
        "parts": sorted(entry.parts),
        "velocity": entry.velocity or None,
        "status": info.status.value,
        "status_since": _since(info),
        "status_evidence": info.evidence,
        "mfa": {"asked": entry.mfa or None, "factors": sorted(entry.factors)},
        "meter_attributes": attributes,
        "account_meter_id": entry.account_meter or None,
        "last_success": instant(info.last_success),
        "success_rate": info.success_rate,
        "median_seconds": info.median_seconds,
    }


def _availability(info: UtilityInfo, part: Part) -> str:
    return INSTANT if info.is_active and part in info.entry.parts else "none"


def _since(info: UtilityInfo) -> str | None:
    since = info.since
    if since is None or isinstance(since, datetime):
        return instant(since)
    return instant(datetime.combine(since, time(), UTC))
