"""Bayou's bill fields: names, units, and numbers that come out of JSON as they stood on the bill."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterfarm.formats.bills.bayou import bill_json
from meterfarm.formats.bills.stored_reading import items_from_json
from meterfarm.formats.errors import FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, LineItem, Quantity, Unit

FROM, TO = date(2026, 9, 1), date(2026, 9, 30)
ELECTRIC = BillMeter(
    "E1234567",
    Commodity.ELECTRIC,
    FROM,
    TO,
    Quantity(612_345, 0, Unit.WH),
    "Residential - Electric",
    additional_attributes={"service_number": "77"},
)
GAS = BillMeter(
    "G1234567", Commodity.GAS, FROM, TO, Quantity(45_123, -3, Unit.THERM), "Residential - Gas Heating"
)
BILL = Bill(
    account_number="123456789012345",
    billed_on=date(2026, 10, 3),
    due_on=date(2026, 10, 24),
    billing_period_from=FROM,
    billing_period_to=TO,
    total_amount=15_000,
    outstanding_balance=0,
    electricity_amount=9_000,
    delivery_charge=5_000,
    supply_charge=4_000,
    community_solar_bill_credit=-1_234,
    gas_amount=6_000,
    meters=(ELECTRIC, GAS),
    address=Address("1 Elm St", "Troy", "NY", "12180-1234", line_2="Apt 2"),
)


def worded(bill: Bill | None, status: str = "unlocked") -> dict[str, object]:
    return bill_json(
        bill,
        utility="speculoos_power",
        bill_id=12,
        customer_id=34,
        account_number="123456789012345",
        billed_on=date(2026, 10, 3),
        file_url="https://example.org/12.pdf",
        status=status,
    )


def test_a_bill_has_exactly_the_fields_of_bayou() -> None:
    address = {
        "line_1": "1 Elm St",
        "line_2": "Apt 2",
        "city": "Troy",
        "state": "NY",
        "postal_code": "12180",
        "postal_code_suffix": "1234",
        "country": "US",
    }
    period = {"billing_period_from": "2026-09-01", "billing_period_to": "2026-09-30"}
    assert worded(BILL) == {
        "external_id": None,
        "id": 12,
        "status": "unlocked",
        "customer_id": 34,
        "customer_external_id": None,
        "billed_on": "2026-10-03",
        "outstanding_balance": 0,
        **period,
        "utility": "speculoos_power",
        "account_number": "123456789012345",
        "electricity_consumption": 612_345,
        "electricity_amount": 9_000,
        "delivery_charge": 5_000,
        "supply_charge": 4_000,
        "community_solar_bill_credit": -1_234,
        "gas_consumption": 45.123,
        "gas_consumption_unit": "therms",
        "gas_amount": 6_000,
        "total_amount": 15_000,
        "meters": [
            {
                "id": "E1234567",
                "status": "unlocked",
                "type": "electric",
                **period,
                "consumption": 612_345,
                "tariff": "Residential - Electric",
                "address": address,
                "additional_attributes": {"service_number": "77"},
            },
            {
                "id": "G1234567",
                "status": "unlocked",
                "type": "gas",
                **period,
                "consumption": 45.123,
                "tariff": "Residential - Gas Heating",
                "address": address,
                "additional_attributes": {},
            },
        ],
        "file_url": "https://example.org/12.pdf",
    }


def test_an_unread_bill_has_the_same_fields_and_what_the_portal_listed() -> None:
    unread = worded(None)
    assert list(unread) == list(worded(BILL))
    assert {name: value for name, value in unread.items() if value not in (None, [])} == {
        "id": 12,
        "status": "unparsed",
        "customer_id": 34,
        "billed_on": "2026-10-03",
        "utility": "speculoos_power",
        "account_number": "123456789012345",
        "file_url": "https://example.org/12.pdf",
    }


@pytest.mark.parametrize(("tenths", "watt_hours"), [(25, 2), (35, 4), (26, 3), (24, 2), (-25, -2)])
def test_watt_hours_are_rounded_half_even(tenths: int, watt_hours: int) -> None:
    meter = replace(ELECTRIC, consumption=Quantity(tenths, -1, Unit.WH))
    assert worded(replace(BILL, meters=[meter]))["electricity_consumption"] == watt_hours


def test_a_sum_of_meters_is_rounded_once() -> None:
    meter = replace(ELECTRIC, consumption=Quantity(14, -1, Unit.WH))
    assert worded(replace(BILL, meters=[meter, meter]))["electricity_consumption"] == 3


def test_kilowatt_hours_come_out_as_watt_hours() -> None:
    meter = replace(ELECTRIC, consumption=Quantity(612, 3, Unit.WH))
    assert worded(replace(BILL, meters=[meter]))["electricity_consumption"] == 612_000


@given(st.lists(st.integers(0, 9_999_999), min_size=1, max_size=4), st.integers(-4, 1))
def test_gas_is_written_as_the_exact_decimal(mantissas: list[int], exponent: int) -> None:
    meters = [replace(GAS, consumption=Quantity(each, exponent, Unit.THERM)) for each in mantissas]
    read = json.loads(json.dumps(worded(replace(BILL, meters=meters))), parse_float=Decimal)
    assert read["gas_consumption"] == Decimal(sum(mantissas)).scaleb(exponent)
    assert [each["consumption"] for each in read["meters"]] == [each.consumption.value for each in meters]


def test_ccf_is_named_and_never_added_to_therms() -> None:
    ccf = replace(GAS, consumption=Quantity(31, 0, Unit.CCF))
    assert worded(replace(BILL, meters=[ccf]))["gas_consumption_unit"] == "ccf"
    mixed = worded(replace(BILL, meters=[ccf, GAS]))
    assert (mixed["gas_consumption"], mixed["gas_consumption_unit"]) == (None, None)


@pytest.mark.parametrize(
    ("meter", "sentence"),
    [
        (replace(ELECTRIC, consumption=GAS.consumption), "E1234567 is billed in therm"),
        (replace(GAS, consumption=ELECTRIC.consumption), "G1234567 is billed in Wh"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused(meter: BillMeter, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        worded(replace(BILL, meters=[meter]))


def test_a_kept_line_without_a_later_field_is_read() -> None:
    assert items_from_json({"line_items": [{"name": "Delivery", "cost": 5, "later": 1}]}) == (
        LineItem("Delivery", 5),
    )
