"""Demand and power factor as the generic reader states them: right, or left out with the reason."""

from __future__ import annotations

import pytest

from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.words import pages_of
from meterfarm.records import BillReading
from tests.formats.bills_made import MadeBill
from tests.formats.bills_made_business import BUSINESS, LINES


def _read(**changed: str) -> BillReading:
    pages = BUSINESS.format(**{**LINES, **changed})
    (reading,) = read_unknown(list(pages_of(MadeBill("business", pages, {}).pdf())))
    return reading


def test_what_was_measured_and_what_was_billed_are_kept_apart() -> None:
    """With a multiplier on the bill, a measured figure needs one that agrees."""
    reading = _read(measured="Measured Demand || 90~64.0 kW")
    assert reading.fields["electricity_consumption"] == 18_000_000
    assert (reading.fields["demand"], reading.fields["measured_demand"]) == (64.0, 64.0)
    assert reading.fields["power_factor"] == 0.935
    reading = _read()
    assert (reading.fields["demand"], reading.fields["measured_demand"]) == (64.0, None)
    assert reading.left_out["measured_demand"] == "nothing else on the bill agrees with it"


def test_a_measured_demand_of_a_bill_without_a_multiplier_counts_by_its_label() -> None:
    pages = BUSINESS.format(**LINES).replace("120~Multiplier 40 || ", "").replace("10,690", "28,240")
    (reading,) = read_unknown(list(pages_of(MadeBill("business", pages, {}).pdf())))
    assert reading.fields["electricity_consumption"] == 18_000_000
    assert (reading.fields["demand"], reading.fields["measured_demand"]) == (64.0, 61.6)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"billed": "Billed Demand || 90~60.0 kW"}, "several demands"),
        *(
            ({"measured": "", "billed": line, "charge": "Demand Charge || 160~$800.00"}, reason)
            for line, reason in (
                ("Billed Demand (kW) || 90~64.0 || 120~72.5", "in its row or column"),
                ("Billed Demand kW || 90~Jan 15 || 120~64.0", "no figure"),
                ("Meter || 60~Billed kW\n14~A1 || 60~64.0\n14~B1 || 60~72.5", "in its row or column"),
            )
        ),
        ({"charge": "On-Peak Demand 64.0 kW @ $12.50000 || 160~$800.00"}, "times of day"),
        (
            {
                "measured": "",
                "billed": "Billed Demand || 90~1.6 kW",
                "charge": "Demand Charge || 160~$800.00",
            },
            "needs a higher demand",
        ),
        (
            {"measured": "", "billed": "Demand || 90~64.0", "charge": "Demand Charge || 160~$800.00"},
            None,
        ),
        (
            {"billed": "Minimum Billed Demand || 90~50.0 kW", "charge": "Grid Access || 160~$800.00"},
            "nothing says which",
        ),
        (
            {
                "billed": "Contract demand 50.0 kW",
                "charge": "Demand Charge, contract 64.0 kW @ $12.50000 || 160~$800.00",
            },
            "nothing says which",
        ),
    ],
)
def test_a_billed_demand_of_which_something_differs_is_left_out(
    changed: dict[str, str], reason: str | None
) -> None:
    reading = _read(**changed)
    assert reading.fields["demand"] is None
    assert reading.fields["electricity_consumption"] == 18_000_000
    if reason is None:
        assert "demand" not in reading.left_out  # it was not seen
    else:
        assert reason in reading.left_out["demand"]


@pytest.mark.parametrize(
    ("line", "factor"),
    [
        ("Power Factor: 0.935", 0.935),
        ("Power Factor || 90~.94 lagging", 0.94),
        ("Power factor || 90~95.20", 0.952),
        ("Power factor 1", None),
        ("Power Factor Adjustment || 90~0.95", None),
        ("Power factor below 90% is charged", None),
        ("Minimum power factor: 0.90", None),
        ("Load Factor || 90~0.41", None),
        ("Power factor || 90~0.94 || 120~0.97", 0.94),
        ("Power Factor || 90~$12.50", None),
        ("Power factor || 90~07/03/2024", None),
    ],
)
def test_a_power_factor_is_what_its_label_names_alone(line: str, factor: float | None) -> None:
    assert _read(factor=line).fields["power_factor"] == factor


def test_two_power_factors_are_none() -> None:
    reading = _read(factor="Power Factor: 0.94", measured="Power Factor: 0.91")
    assert (reading.fields["power_factor"], reading.left_out["power_factor"]) == (
        *(None, "the bill shows several"),
    )
