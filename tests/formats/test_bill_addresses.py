"""The address that a bill is sent to, apart from the one that is served, and never the utility's own."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.words import pages_of
from meterfarm.records import BillReading
from tests.formats.bills_made import MadeBill

BILL = """
14~PRAIRIE ELECTRIC || 120~Account Number: 330012345
14~Bill Date: 07/08/2024 || 120~Due Date: 07/29/2024
14~Account Name: JANE Q PUBLIC || 120~Billing Period: 06/03/2024 - 07/03/2024 (30 days)
14~Service Address: || 120~{label}
14~400 INDUSTRY RD || 120~{first}
14~OMAHA, NE 68102 || 120~{second}
14~ || 120~{third}
14~Total Current Charges || 160~$45.00
14~Total Amount Due || 160~$45.00
14~Account Number: 330012345 || 120~Total Amount Due $45.00
14~Please return this part with your payment
14~{window} || 120~PRAIRIE ELECTRIC
14~{street} || 120~PO BOX 9
14~{town} || 120~OMAHA, NE 68101
"""
NOTHING = dict.fromkeys(("label", "first", "second", "third", "window", "street", "town"), "")
WINDOW = {"window": "JANE Q PUBLIC", "street": "PO BOX 4410", "town": "LINCOLN, NE 68501"}
SERVED = ("400 INDUSTRY RD", "OMAHA", "NE", "68102")


def _read(**changed: str) -> BillReading:
    pages = BILL.format(**{**NOTHING, **changed})
    (reading,) = read_unknown(list(pages_of(MadeBill("addresses", pages, {}).pdf())))
    return reading


def _parts(address: object) -> tuple[object, ...] | None:
    if not isinstance(address, Mapping):
        return None
    return tuple(address[name] for name in ("line_1", "city", "state", "postal_code"))


@pytest.mark.parametrize(
    ("changed", "mailing"),
    [
        (WINDOW, ("PO BOX 4410", "LINCOLN", "NE", "68501")),
        (
            {
                "label": "Bill to:",
                "first": "ACME HOLDINGS LLC",
                "second": "12 ELM ST",
                "third": "AMES, IA 50010",
            },
            ("12 ELM ST", "AMES", "IA", "50010"),
        ),
        (
            {
                "label": "Bill to:",
                "first": "7-ELEVEN STORE 4512",
                "second": "12 ELM ST",
                "third": "AMES, IA 50010",
            },
            ("12 ELM ST", "AMES", "IA", "50010"),
        ),
        (
            {"label": "Bill to:", "first": "24 HOUR GYM", "second": "12 ELM ST", "third": "AMES, IA 50010"},
            None,
        ),
        (
            {"label": "Bill to:", "first": "12 ELM ST", "second": "STE 4", "third": "AMES, IA 50010"},
            ("12 ELM ST", "AMES", "IA", "50010"),
        ),
        (
            {
                "label": "Mailing Address:",
                "first": "PUBLIC, JANE Q",
                "second": "12 ELM ST",
                "third": "AMES, IA 50010",
            },
            ("12 ELM ST", "AMES", "IA", "50010"),
        ),
        ({"label": "Mailing Address:", "first": "PO BOX 12", "second": "OMAHA, NE 68101"}, None),
        (
            {"label": "Mail payments to:", "first": "ACME", "second": "PO BOX 9", "third": "OMAHA, NE 68101"},
            None,
        ),
        *(
            (
                {"label": "Billing address", "first": name, "second": "12 ELM ST", "third": "AMES, IA 50010"},
                mailing,
            )
            for name, mailing in (
                ("JANE Q PUBLIC", ("12 ELM ST", "AMES", "IA", "50010")),
                ("HARRY HOLDER", ("12 ELM ST", "AMES", "IA", "50010")),
                ("PRAIRIE ELECTRIC COMPANY", None),
                ("Midwest Utilities", None),
                ("", None),
            )
        ),
        ({"window": "PRAIRIE ELECTRIC", "street": "PO BOX 9", "town": "OMAHA, NE 68101"}, None),
        ({"window": "JANE Q PUBLIC", "street": "400 INDUSTRY RD", "town": "OMAHA, NE 68102"}, None),
        ({**WINDOW, "town": "LINCOLN, NE 10001"}, None),
        (
            {
                **WINDOW,
                "label": "Bill to:",
                "first": "JANE Q PUBLIC",
                "second": "12 ELM ST",
                "third": "AMES, IA 50010",
            },
            None,
        ),
    ],
)
def test_a_mailing_address_is_the_customers_or_left_out(
    changed: dict[str, str], mailing: tuple[str, ...] | None
) -> None:
    reading = _read(**changed)
    assert _parts(reading.fields["address"]) == SERVED
    assert _parts(reading.fields["mailing_address"]) == mailing


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"label": "Mailing Address:", "first": "PO BOX 12", "second": "OMAHA, NE 68101"},
            "the utility's own",
        ),
        ({"window": "JANE Q PUBLIC", "street": "400 INDUSTRY RD", "town": "OMAHA, NE 68102"}, "place served"),
    ],
)
def test_why_a_mailing_address_is_left_out_is_stated(changed: dict[str, str], reason: str) -> None:
    assert reason in _read(**changed).left_out["mailing_address"]
