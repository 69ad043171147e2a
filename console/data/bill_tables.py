"""Bills as people read them, and as tab-separated lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import RenderableType

from meterfarm.console.terminal.listing import Column, Facts, Listing, Shown, styled
from meterfarm.records import BillStatus, CheckVerdict, HistoryCheck
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
LINE_ITEMS = (
    *("name", "cost", "volume", "unit", "rate", "period_from", "period_to", "tier", "section", "currency"),
    "proved_by",
)
HISTORY = ("bill", "check", "verdict", "what")
_MOST_FAILED = 10
_VERDICTS = {
    CheckVerdict.FAILED: "failed",
    CheckVerdict.NOTE: "note",
    CheckVerdict.NO_VERDICT: "no verdict",
    CheckVerdict.PASSED: "passed",
}
_VERDICT_COLOURS = {CheckVerdict.FAILED: "red", CheckVerdict.NOTE: "yellow", CheckVerdict.PASSED: "green"}
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


def bill_card(
    bill: FoundBill, fields: Mapping[str, Any], history: Sequence[HistoryCheck] = ()
) -> list[RenderableType]:
    """All that may be known of a bill, its meters, and what it was held against, what failed first."""
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
            ("read by", _read_by(fields)),
            ("own figures", _checks(fields)),
            ("against others", counted(history)),
        ]
    )
    card: list[RenderableType] = [facts]
    if failed := [check for check in fields.get("checks", ()) if not check["passed"]]:
        card += ["", _failed(failed)]
    if history:
        card += ["", history_table([(bill.id, check) for check in history])]
    if meters := fields["meters"]:
        card += ["", _meters(meters, fields.get("gas_consumption_unit"))]
    if items := fields.get("line_items"):
        card += ["", _line_items(items)]
    if left_out := fields.get("left_out"):
        card += ["", _left_out(left_out)]
    return card


def _read_by(fields: Mapping[str, Any]) -> str:
    return f"{fields.get('reader') or ''}{', in pictures (ocr)' if fields.get('ocr') else ''}"


def _checks(fields: Mapping[str, Any]) -> Shown:
    checks = fields.get("checks") or ()
    failed = sum(not check["passed"] for check in checks)
    if failed:
        return styled(f"{failed} of {len(checks)} failed", "red")
    return f"all {len(checks)} passed" if checks else ""


def _line_items(items: Sequence[Mapping[str, Any]]) -> Listing:
    columns = [
        Column("charge"),
        Column("volume", right=True),
        Column("rate", right=True),
        Column("cost", right=True),
        Column("heading", if_room=True),
    ]
    table = Listing(columns, LINE_ITEMS)
    for item in items:
        volume = _volume(item)
        rate = "" if item["rate"] is None else f"{Decimal(str(item['rate'])):f}"
        cells = [item["name"], volume, rate, _money(item["cost"]), item["section"] or ""]
        table.add(cells, {**item, "proved_by": " ".join(item["proved_by"])})
    return table


def _volume(item: Mapping[str, Any]) -> str:
    if item["volume"] is None:
        return ""
    return f"{Decimal(str(item['volume'])).normalize():,f} {item['unit'] or ''}".strip()


def _failed(checks: Sequence[Mapping[str, Any]]) -> Listing:
    """Each with its sentence on a line of its own."""
    table = Listing([Column("check that failed")], ("check", "what"))
    for check in checks:
        table.add([check["name"]], {"check": check["name"], "what": check["what"]}, [check["what"]])
    return table


def counted(checks: Sequence[HistoryCheck]) -> Shown:
    """How many of which verdict, as in 1 failed, 12 passed."""
    verdicts = [check.verdict for check in checks]
    found = [
        f"{count} {word}{'s' if verdict is CheckVerdict.NOTE and count > 1 else ''}"
        for verdict, word in _VERDICTS.items()
        if (count := verdicts.count(verdict))
    ]
    return styled(", ".join(found), "red" if CheckVerdict.FAILED in verdicts else "")


def checked_bills(checks: Mapping[int, Sequence[HistoryCheck]]) -> list[RenderableType]:
    """How the bills agree with each other and with intervals: in a line, and the newest that do not."""
    every = [check for of_bill in checks.values() for check in of_bill]
    if not every:
        return []
    shown: list[RenderableType] = ["", Facts([("bills held against", counted(every))])]
    failed = [
        (bill_id, check)
        for bill_id, of_bill in reversed(list(checks.items()))
        for check in of_bill
        if check.verdict is CheckVerdict.FAILED
    ]
    if failed:
        shown += ["", history_table(failed[:_MOST_FAILED])]
    if len(failed) > _MOST_FAILED:
        shown.append(f"{len(failed) - _MOST_FAILED} older ones are left out here; `report` has all.")
    return shown


def history_table(checks: Sequence[tuple[int, HistoryCheck]]) -> Listing:
    """Checks with the bills that they are of, each with its sentence on a line of its own."""
    several = len({bill_id for bill_id, _ in checks}) > 1
    columns = [Column("held against"), Column("verdict")]
    table = Listing([Column("bill", right=True), *columns] if several else columns, HISTORY)
    for bill_id, check in checks:
        name = check.name.replace("_", " ")
        verdict = styled(_VERDICTS[check.verdict], _VERDICT_COLOURS.get(check.verdict, ""))
        record = {"bill": bill_id, "check": check.name, "verdict": check.verdict, "what": check.what}
        table.add([*([str(bill_id)] if several else []), name, verdict], record, [check.what])
    return table


def _left_out(left_out: Mapping[str, str]) -> Listing:
    table = Listing([Column("left out")], ("left_out", "why"))
    for name, why in left_out.items():
        table.add([name], {"left_out": name, "why": why}, [why])
    return table


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
