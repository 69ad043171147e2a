"""What Bayou's OpenAPI of April 2025 and its documentation demand of ours, as a table.

A shape is a dict (an object's properties), a list of one (an array) or a text: a JSON type or format, with a
question mark where null may stand. Bayou's document has defects, which are put right here: properties
that are `{"schema": ...}`, `nullable` beside OpenAPI 3.1, no type for total_amount, numbers as examples of
strings, the spelling of utility_lacks_intervals, errors that only its error page names, and an upload
that answers an external_id which no field of the request can set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = Any
"""A dict of shapes, a list of one shape, or a text."""

_CODES = """
AL AK AS AZ AR CA CO CT DE DC FM FL GA GU HI ID IL IN IA KS KY LA ME MH MD MA MI MN MS MO MT NE NV NH NJ NM NY
NC ND MP OH OK OR PW PA PR RI SC SD TN TX UT VT VI VA WA WV WI WY
"""
STATES = tuple(_CODES.split())


ADDRESS = {
    "line_1": "string",
    "line_2": "string?",
    "city": "string",
    "state": "string",
    "postal_code": "string",
    "postal_code_suffix": "string?",
    "country": "string",
}
CUSTOMER = {
    "external_id": "string?",
    "email": "string?",
    "first_name": "string?",
    "last_name": "string?",
    "phone_number": "string?",
    "address_line_1": "string?",
    "address_line_2": "string?",
    "city": "string?",
    "state": "string?",
    "zipcode": "string?",
    "utility": "string?",
}
EXISTING_CUSTOMER = CUSTOMER | {
    "id": "integer",
    "onboarding_link": "string",
    "onboarding_token": "string",
    "tags": ["string"],
    "has_accepted_terms_on": "date-time?",
    "has_filled_credentials": "boolean",
    "bills_are_ready": "boolean",
    "utility_has_intervals": "boolean",
    "account_has_intervals": "boolean",
    "intervals_are_ready": "boolean",
    "first_interval_discovered": "date-time?",
    "last_interval_discovered": "date-time?",
    "account_numbers": [
        {
            "id": "string",
            "tags": ["string"],
            "meters": [
                {
                    "id": "string",
                    "type": "string",
                    "tariffs": [{"tariff": "string", "period_from": "date", "period_to": "date?"}],
                    "tags": ["string"],
                    "address": ADDRESS,
                    "additional_attributes": {"*": "string"},
                }
            ],
        }
    ],
}
BILL = {
    "external_id": "string?",
    "id": "integer",
    "status": "string",
    "customer_id": "integer?",
    "customer_external_id": "string?",
    "billed_on": "date?",
    "utility": "string?",
    "account_number": "string?",
    "outstanding_balance": "integer?",
    "billing_period_from": "date?",
    "billing_period_to": "date?",
    "electricity_consumption": "integer?",
    "electricity_amount": "integer?",
    "delivery_charge": "integer?",
    "supply_charge": "integer?",
    "community_solar_bill_credit": "integer?",
    "gas_consumption_unit": "string?",
    "gas_consumption": "number?",
    "gas_amount": "integer?",
    "total_amount": "integer?",
    "meters": [
        {
            "id": "string",
            "type": "string",
            "status": "string",
            "billing_period_from": "date",
            "billing_period_to": "date",
            "consumption": "number?",
            "address": ADDRESS,
            "tariff": "string?",
            "additional_attributes": {"*": "string"},
        }
    ],
    "file_url": "string?",
}
INTERVALS = {
    "first_interval_discovered": "date-time?",
    "last_interval_discovered": "date-time?",
    "granularities": ["integer"],
    "meters": [
        {
            "id": "string",
            "granularities": ["integer"],
            "intervals": [
                {
                    "start": "date-time",
                    "end": "date-time",
                    "electricity_consumption": "integer?",
                    "net_electricity_consumption": "integer?",
                    "generated_electricity": "integer?",
                    "electricity_demand": "integer?",
                    "gas_consumption": "number?",
                    "created_at": "date-time",
                    "updated_at": "date-time?",
                }
            ],
        }
    ],
}
ERROR = {"error_type": "string", "error_code": "string", "error_message": "string", "docs_url": "string"}


@dataclass(frozen=True)
class Call:
    """One of the ten operations. ``query`` has the parameters' types, none of which is required.

    ``errors`` are the codes by status, by section 4 of what Bayou documents.
    """

    tag: str
    answer: Shape
    errors: Mapping[int, str]
    status: int = 200
    path: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    body_type: str = "application/json"
    body_needs: tuple[str, ...] = ()


_CUSTOMER_FIELDS = " ".join(
    f"customer_{name}_invalid" for name in CUSTOMER if name not in {"external_id", "utility"}
)
_CUSTOMER_FORMAT = "customer_id_invalid_format external_id_invalid_format"
_BILL_FORMAT = "bill_id_invalid_format external_id_invalid_format"
_NO_CUSTOMER = "customer_id_invalid external_id_invalid"
_NO_BILL = "bill_id_invalid external_id_invalid"

CALLS: Mapping[str, Call] = {
    "POST /customers": Call(
        "Customers",
        EXISTING_CUSTOMER,
        {
            400: f"{_CUSTOMER_FIELDS} utility_code_input_invalid external_id_invalid_format",
            409: "external_id_not_unique",
        },
        status=201,
        body=CUSTOMER,
    ),
    "GET /customers": Call("Customers", [EXISTING_CUSTOMER], {}),
    "GET /customers/{id}": Call(
        "Customers", EXISTING_CUSTOMER, {400: _CUSTOMER_FORMAT, 404: _NO_CUSTOMER}, path=("id",)
    ),
    "PATCH /customers/{id}": Call(
        "Customers",
        EXISTING_CUSTOMER,
        {
            400: f"{_CUSTOMER_FIELDS} utility_code_input_invalid {_CUSTOMER_FORMAT}",
            404: _NO_CUSTOMER,
            409: "external_id_not_unique",
        },
        path=("id",),
        body=CUSTOMER,
    ),
    "GET /customers/{customer_id}/bills": Call(
        "Bills",
        [BILL],
        {
            400: f"dates_out_of_order end_date_invalid limit_invalid start_date_invalid {_CUSTOMER_FORMAT}",
            404: f"bill_account_number_invalid bill_meter_id_invalid {_NO_CUSTOMER}",
        },
        path=("customer_id",),
        query={
            "account_number": "string",
            "meter_id": "string",
            "start": "date",
            "end": "date",
            "limit": "integer",
        },
    ),
    "GET /bills/{id}": Call("Bills", BILL, {400: _BILL_FORMAT, 404: _NO_BILL}, path=("id",)),
    "PATCH /bills/{id}": Call(
        "Bills",
        BILL,
        {400: _BILL_FORMAT, 404: _NO_BILL, 409: "external_id_not_unique"},
        path=("id",),
        body={"external_id": "string?"},
    ),
    "POST /bills": Call(
        "Bills",
        {"id": "integer", "external_id": "string?"},
        {
            400: f"no_file_provided {_CUSTOMER_FORMAT}",
            404: "customer_id_invalid",
            409: "external_id_not_unique",
            415: "unsupported_file_format",
        },
        body={"file": "binary", "customer_id": "string", "external_id": "string"},
        body_type="multipart/form-data",
        body_needs=("file",),
    ),
    "POST /bills/{id}/unlock": Call(
        "Bills", {"status": "string", "details": "string"}, {400: _BILL_FORMAT, 404: _NO_BILL}, path=("id",)
    ),
    "GET /customers/{customer_id}/intervals": Call(
        "Intervals",
        INTERVALS,
        {
            400: "start_timestamp_invalid end_timestamp_invalid timestamps_out_of_order "
            f"utility_lacks_intervals {_CUSTOMER_FORMAT}",
            404: f"interval_meter_id_invalid {_NO_CUSTOMER}",
        },
        path=("customer_id",),
        query={"start": "date-time", "end": "date-time", "meter_id": "string"},
    ),
}

ENUMS: Mapping[str, tuple[str, ...]] = {
    "ExistingCustomer.state": STATES,
    "Bill.status": ("unparsed", "not_supported", "locked", "unlocked"),
    "Bill.meters.status": ("unparsed", "not_supported", "locked", "unlocked"),
    "Bill.meters.type": ("gas", "electric"),
    "Bill.gas_consumption_unit": ("therms", "ccf"),
    "ExistingCustomer.account_numbers.meters.type": ("gas", "electric"),
}
"""The values that a property has, by the name of its schema."""

_METERS = [{"id": "string", "type": "string", "periods": [{"period_from": "string", "period_to": "string"}]}]
_AVAILABLE = {"account_numbers": [{"id": "string", "meters": _METERS}]}
_NEW_BILL = BILL | {"past_due": "boolean"}
_CUSTOMER_IDS = {
    "id": "integer",
    "external_id": "string?",
    "customer_id": "integer",
    "customer_external_id": "string?",
}
EVENTS: Mapping[str, Shape] = {
    "customer_has_filled_credentials": _CUSTOMER_IDS
    | {
        "utility": "string",
        "utility_data_velocity": "string",
        "has_filled_credentials": "boolean",
        "has_filled_credentials_on": "date-time",
    },
    "customer_must_reauthenticate": _CUSTOMER_IDS
    | {"reason": "string", "onboarding_token": "string", "onboarding_link": "string"},
    "new_unparsed_bill": {
        "external_id": "string?",
        "id": "integer",
        "status": "string",
        "customer_id": "integer",
        "customer_external_id": "string?",
        "utility": "string",
        "utility_data_velocity": "string",
        "file_url": "string",
    },
    "new_bill": _NEW_BILL,
    "updated_bill": _NEW_BILL,
    "bills_ready": _CUSTOMER_IDS
    | {"bills_parsed": [_NEW_BILL], "bills_unparsed": [{"id": "integer"}], "available_data": _AVAILABLE},
    "intervals_ready": _CUSTOMER_IDS
    | {
        "first_interval_discovered": "date-time?",
        "last_interval_discovered": "date-time?",
        "available_data": _AVAILABLE,
    },
}
"""The object of each webhook."""
