"""A made-up event of each kind that is delivered, for testing a receiver: no customer is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meterfarm.records import EventKind

_CUSTOMER = {"id": 0, "external_id": "TEST-1", "customer_id": 0, "customer_external_id": "TEST-1"}
_UTILITY = {"utility": "speculoos_power", "utility_data_velocity": "instant"}
_FILE = "https://example.com/files/bills/test"
_ADDRESS = {
    "line_1": "1 Waffle Way",
    "line_2": None,
    "city": "Ghent",
    "state": "NY",
    "postal_code": "12075",
    "postal_code_suffix": None,
    "country": "US",
}
_METER = {
    "id": "E1000001",
    "status": "unlocked",
    "type": "electric",
    "billing_period_from": "2026-01-01",
    "billing_period_to": "2026-01-31",
    "consumption": 412000,
    "tariff": "Residential",
    "address": _ADDRESS,
    "additional_attributes": {"service_number": "77"},
}
_BILL = {
    "external_id": None,
    "id": 0,
    "status": "unlocked",
    "customer_id": 0,
    "customer_external_id": "TEST-1",
    "billed_on": "2026-02-03",
    "past_due": False,
    "outstanding_balance": 0,
    "billing_period_from": "2026-01-01",
    "billing_period_to": "2026-01-31",
    "utility": "speculoos_power",
    "account_number": "1234567",
    "electricity_consumption": 412000,
    "electricity_amount": 9060,
    "delivery_charge": 5060,
    "supply_charge": 4000,
    "community_solar_bill_credit": 0,
    "gas_consumption": None,
    "gas_consumption_unit": None,
    "gas_amount": None,
    "total_amount": 9060,
    "meters": [_METER],
    "file_url": _FILE,
}


def _available(period_from: str, period_to: str) -> Mapping[str, Any]:
    period = {"period_from": period_from, "period_to": period_to}
    meter = {"id": "E1000001", "type": "electric", "periods": [period]}
    return {"account_numbers": [{"id": "1234567", "meters": [meter]}]}


_INTERVALS = {
    **_CUSTOMER,
    "first_interval_discovered": "2026-01-01T05:00:00Z",
    "last_interval_discovered": "2026-02-01T04:45:00Z",
    "available_data": _available("2026-01-01T05:00:00Z", "2026-02-01T05:00:00Z"),
}
_SAMPLES: Mapping[EventKind, Mapping[str, Any]] = {
    EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS: {
        **_CUSTOMER,
        **_UTILITY,
        "has_filled_credentials": True,
        "has_filled_credentials_on": "2026-02-01T14:05:00Z",
    },
    EventKind.NEW_BILL: _BILL,
    EventKind.UPDATED_BILL: _BILL,
    EventKind.NEW_UNPARSED_BILL: {
        "external_id": None,
        "id": 0,
        "status": "unparsed",
        "customer_id": 0,
        "customer_external_id": "TEST-1",
        **_UTILITY,
        "file_url": _FILE,
    },
    EventKind.BILLS_READY: {
        **_CUSTOMER,
        "bills_parsed": [_BILL],
        "bills_unparsed": [{"id": 1}],
        "available_data": _available("2026-01-01", "2026-01-31"),
    },
    EventKind.INTERVALS_READY: _INTERVALS,
    EventKind.NEW_INTERVALS: {**_INTERVALS, "utility": "speculoos_power"},
    EventKind.CUSTOMER_MUST_REAUTHENTICATE: {
        **_CUSTOMER,
        "reason": "credentials_are_invalid",
        "onboarding_token": "TEST_TEST_TEST",
        "onboarding_link": "https://example.com/companies/0/sign_up?key=TEST_TEST_TEST",
    },
}


def sample(kind: EventKind) -> dict[str, Any]:
    """An event of a kind that is delivered, with made-up values."""
    return {"event": kind.value, "object": dict(_SAMPLES[kind])}
