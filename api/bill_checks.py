"""How a customer's bills agree with each other, with the intervals and with last year."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from meterfarm.api.answers import json_answer
from meterfarm.api.auth import Company
from meterfarm.api.error_responses import errors
from meterfarm.api.models.bill_checks import CustomerBillChecks
from meterfarm.api.references import CustomerId, find_holder
from meterfarm.services.bill_history import history_checks

router = APIRouter(tags=["Bills"])


@router.get(
    "/customers/{customer_id}/bill_checks",
    response_model=None,
    responses={
        200: {"model": CustomerBillChecks},
        **errors(
            *("customer_id_invalid_format", "external_id_invalid_format"),
            *("customer_id_invalid", "external_id_invalid"),
        ),
    },
)
def get_bill_checks(store: Company, customer_id: CustomerId) -> Response:
    """Get how bills agree with each other, with the meters' intervals and with last year's."""
    found = history_checks(store, find_holder(store, customer_id))
    bills = [
        {
            "bill_id": bill_id,
            "checks": [{"name": each.name, "verdict": each.verdict, "what": each.what} for each in checks],
        }
        for bill_id, checks in found.items()
    ]
    return json_answer({"bills": bills})
