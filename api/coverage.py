"""What of each meter is in store, and what is not and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.responses import Response

from meterfarm.api.answers import instant, json_answer
from meterfarm.api.auth import Company
from meterfarm.api.error_responses import errors
from meterfarm.api.models.coverage import CustomerCoverage
from meterfarm.api.references import CustomerId, find_holder
from meterfarm.formats.bills.bayou import meter_type
from meterfarm.services.meter_reports import MeterReport, meter_reports
from meterfarm.storage.data import SeriesCoverage
from meterfarm.support.instants import stamp

router = APIRouter(tags=["Intervals"])


@router.get(
    "/customers/{customer_id}/coverage",
    response_model=None,
    responses={
        200: {"model": CustomerCoverage},
        **errors(
            *("customer_id_invalid_format", "external_id_invalid_format"),
            *("customer_id_invalid", "external_id_invalid"),
        ),
    },
)
def get_coverage(store: Company, customer_id: CustomerId) -> Response:
    """Get what bills and intervals of each meter cover, what is missing and why, and how fresh it is."""
    reports = meter_reports(store, find_holder(store, customer_id))
    return json_answer({"meters": [_meter(each) for each in reports]})


def _meter(report: MeterReport) -> Mapping[str, object]:
    main = report.main
    return {
        "id": report.id,
        "account_number": report.account_number,
        "type": meter_type(report.commodity),
        "interval_count": main.readings if main else 0,
        "interval_coverage": _times(main.ranges if main else ()),
        "interval_gaps": _times(main.gaps if main else ()),
        "bill_count": report.bills,
        "bill_coverage": [[first.isoformat(), last.isoformat()] for first, last in report.bill_coverage],
        "notes": list(report.notes),
        "last_looked_at": instant(report.freshness.last_looked),
        "last_new_value_at": instant(report.freshness.last_new_value),
        "next_look_at": instant(report.freshness.next_look),
        "series": [_series(each) for each in report.series],
    }


def _series(series: SeriesCoverage) -> Mapping[str, object]:
    return {
        "measure": series.measure,
        "direction": series.direction,
        "unit": series.unit,
        "granularities": [seconds // 60 for seconds in series.seconds],
        "interval_count": series.readings,
        "interval_coverage": _times(series.ranges),
        "interval_gaps": _times(series.gaps),
    }


def _times(ranges: Sequence[tuple[int, int]]) -> Sequence[Sequence[str]]:
    return [[stamp(first), stamp(last)] for first, last in ranges]
