"""Bills as people read them, and as tab-separated lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import RenderableType

from meterfarm.console.terminal.listing import Column, Facts, Listing, Shown, styled
from meterfarm.records import BillStatus
from meterfarm.storage.data import FoundBill
from meterfarm.support.instants import shown

_COLOURS = {
    BillStatus.UNLOCKED: "green",
    BillStatus.LOCKED: "yellow",
    BillStatus.UNPARSED: "magenta",
    BillStatus.NOT_SUPPORTED: "red",
}
LISTED = (
    *("bill", "external_id", "customer", "utility", "account_number", "billed_on"),
    *("status", "total_amount", "source"),
)
METERS = ("meter", "type", "status", "billing_period_from", "billing_period_to", "consumption", "tariff")


def bills_table(found: Sequence[FoundBill], fields: Sequence[Mapping[str, Any]]) -> Listing:
    """A row a bill; ``fields`` are what the API shows of each."""
    columns = [
        Column("bill", right=True),
        Column("issued"),
        Column("account"),
        Column("status"),
        Column("total", right=True),
        Column("customer", right=True),
        Column("utility", if_room=True),
        Column("external id", if_room=True),
    ]
    table = Listing(columns, LISTED)
    for bill, of_bill in zip(found, fields, strict=True):
        status = BillStatus(of_bill["status"])
        cells: list[Shown] = [
            str(bill.id),
            of_bill["billed_on"] or "",
            bill.account_number or "",
            styled(status.value, _COLOURS[status]),
            _money(of_bill.get("total_amount")),
            str(bill.customer_id or ""),
            bill.utility,
            bill.external_id or "",
        ]
        record = {
            "bill": bill.id,
            "external_id": bill.external_id,
            "customer": bill.customer_id,
            "utility": bill.utility,
            "account_number": bill.account_number,
            "billed_on": of_bill["billed_on"],
            "status": status,
            "total_amount": of_bill.get("total_amount"),
            "source": bill.source,
        }
        table.add(cells, record)
    return table


def bill_card(bill: FoundBill, fields: Mapping[str, Any]) -> list[RenderableType]:
    """All that may be known of a bill, and its meters."""
    customer = f"{bill.customer_id or ''}"
    if bill.customer_external_id:
        customer += f" (external id {bill.customer_external_id})"
    period = " to ".join(filter(None, (fields["billing_period_from"], fields["billing_period_to"])))
    status = BillStatus(fields["status"])
    facts = Facts(
        [
            ("bill", str(bill.id)),
            ("external id", bill.external_id or ""),
            ("customer", customer),
            ("utility", bill.utility),
            ("account", bill.account_number or ""),
            ("status", styled(status.value, _COLOURS[status])),
            ("unlocked", shown(bill.unlocked_at)),
            ("source", bill.source.value),
            ("issued", fields["billed_on"] or ""),
            ("period", period),
            ("total", _money(fields.get("total_amount"))),
            ("outstanding", _money(fields.get("outstanding_balance"))),
            ("electricity", _money(fields.get("electricity_amount"))),
            ("gas", _money(fields.get("gas_amount"))),
        ]
    )
    meters = fields["meters"] or ()
    return [facts, "", _meters(meters, fields.get("gas_consumption_unit"))] if meters else [facts]


def _meters(meters: Sequence[Mapping[str, Any]], gas_unit: str | None) -> Listing:
    columns = [
        Column("meter"),
        Column("type"),
        Column("consumption", right=True),
        Column("from"),
        Column("to"),
        Column("status", if_room=True),
        Column("tariff", if_room=True),
    ]
    table = Listing(columns, METERS)
    for meter in meters:
        used, unit = meter.get("consumption"), gas_unit if meter["type"] == "gas" else "Wh"
        cells = [
            meter["id"],
            meter["type"] or "",
            f"{used} {unit or ''}".strip() if used is not None else "",
            meter["billing_period_from"] or "",
            meter["billing_period_to"] or "",
            meter["status"],
            meter["tariff"] or "",
        ]
        table.add(cells, {**meter, "meter": meter["id"]})
    return table


def _money(cents: int | None) -> str:
    return "" if cents is None else f"{Decimal(cents).scaleb(-2):,.2f}"
