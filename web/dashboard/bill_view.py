"""A bill's fields, as the API has them, in words and figures for people. What is withheld is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from meterfarm.formats.bills.bill_figures import money
from meterfarm.formats.bills.places import MONEY_FIELDS
from meterfarm.records import BillStatus, CheckVerdict, HistoryCheck
from meterfarm.services.currencies import symbol_of

BILL_STATUS = {
    BillStatus.UNLOCKED: "unlocked",
    BillStatus.LOCKED: "locked",
    BillStatus.UNPARSED: "not read yet",
    BillStatus.NOT_SUPPORTED: "cannot be read",
}
_TONES = {BillStatus.UNLOCKED: "good", BillStatus.LOCKED: "warn"}
_AMOUNTS = {
    "electricity_amount": "Electricity",
    "delivery_charge": "including delivery",
    "supply_charge": "including supply",
    "community_solar_bill_credit": "Community solar credit",
    "gas_amount": "Gas",
    "outstanding_balance": "Owed before",
}
_CHECKS = {
    "periods": "Periods follow each other",
    "reads": "Meter reads follow each other",
    "intervals": "Use agrees with the intervals",
    "tariff": "Tariff",
    "meters": "Meters",
    "last_year": "Last year",
}
_VERDICTS = {
    CheckVerdict.FAILED: ("does not agree", "bad"),
    CheckVerdict.NOTE: ("worth knowing", "warn"),
    CheckVerdict.NO_VERDICT: ("cannot be checked", ""),
    CheckVerdict.PASSED: ("agrees", "good"),
}
_COMMODITIES = {"electric": "Electricity", "gas": "Gas", "water": "Water"}
_SHOWN_ELSEWHERE = ("currency", "due_on", *_AMOUNTS)


@dataclass(frozen=True, slots=True)
class BillLine:
    """A row of the list of bills, as text; "" where there is nothing, or it is withheld."""

    id: int
    period: str
    issued: str
    account: str
    total: str
    electricity: str
    gas: str
    status: str
    tone: str
    is_locked: bool


@dataclass(frozen=True, slots=True)
class MeterLine:
    """A meter on a bill. ``is_locked``: what it used is withheld."""

    id: str
    commodity: str
    days: str
    used: str
    tariff: str
    is_locked: bool


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """A line item; ``heading`` is the section that it is the first of."""

    heading: str
    name: str
    detail: str
    cost: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check, its verdict in words, and the class of its badge."""

    title: str
    verdict: str
    tone: str
    what: str


@dataclass(frozen=True, slots=True)
class BillView:
    """All that a bill's page shows of it."""

    line: BillLine
    facts: Sequence[tuple[str, str]]
    amounts: Sequence[tuple[str, str]]
    meters: Sequence[MeterLine]
    charges: Sequence[ChargeLine]
    checks: Sequence[CheckLine]
    passed: Sequence[CheckLine]
    left_out: Sequence[tuple[str, str]]
    others: Sequence[tuple[str, str]]
    is_ocr: bool


def bill_line(fields: Mapping[str, Any], currency: str) -> BillLine:
    """A row of the list; ``currency`` (ISO 4217) is the account's, for a bill that names none."""
    status = BillStatus(fields["status"])
    return BillLine(
        fields["id"],
        span(fields["billing_period_from"], fields["billing_period_to"]),
        day(fields["billed_on"]),
        fields["account_number"] or "",
        _cents(fields.get("total_amount"), symbol(fields, currency)),
        _kwh(fields.get("electricity_consumption"), ".1f"),
        _gas(fields.get("gas_consumption"), fields.get("gas_consumption_unit"), ".1f"),
        BILL_STATUS[status],
        _TONES.get(status, ""),
        status is BillStatus.LOCKED,
    )


def bill_view(
    fields: Mapping[str, Any], history: Sequence[HistoryCheck], currency: str, source: str
) -> BillView:
    """The page of a bill; ``history``: what it was held against, what failed first."""
    sign = symbol(fields, currency)
    own = [
        CheckLine(_words(each["name"]), *_VERDICTS[_verdict(each["passed"])], each["what"])
        for each in fields.get("checks", ())
    ]
    others = [CheckLine(_CHECKS.get(c.name, c.name), *_VERDICTS[c.verdict], c.what) for c in history]
    every = sorted([*own, *others], key=lambda each: _ORDER.index(each.verdict))
    passed = _VERDICTS[CheckVerdict.PASSED][0]
    return BillView(
        bill_line(fields, currency),
        list(_facts(fields, source)),
        list(_amounts(fields, sign)),
        [_meter(each, fields.get("gas_consumption_unit")) for each in fields["meters"]],
        list(_charges(fields.get("line_items", ()), sign)),
        [each for each in every if each.verdict != passed],
        [each for each in every if each.verdict == passed],
        [(_words(name), why) for name, why in fields.get("left_out", {}).items()],
        list(_others(fields.get("other_fields", {}), sign)),
        bool(fields.get("ocr")),
    )


_ORDER = [words for words, _ in _VERDICTS.values()]


def symbol(fields: Mapping[str, Any], currency: str) -> str:
    """What stands before the bill's amounts."""
    named = fields.get("other_fields", {}).get("currency")
    return symbol_of(str(named) if named else currency)


def day(text: str | None) -> str:
    """As in 5 Dec 2025; "" of None."""
    if not text:
        return ""
    of = date.fromisoformat(text)
    return f"{of.day} {of:%b %Y}"


def span(first: str | None, last: str | None) -> str:
    """Days, both included, with what they have in common once."""
    if not first or not last:
        return day(first or last)
    begins, ends = date.fromisoformat(first), date.fromisoformat(last)
    if begins.year != ends.year:
        return f"{day(first)} – {day(last)}"  # noqa: RUF001 - a range
    month = "" if begins.month == ends.month else f" {begins:%b}"
    return f"{begins.day}{month} – {day(last)}"  # noqa: RUF001


def _facts(fields: Mapping[str, Any], source: str) -> Iterator[tuple[str, str]]:
    due_on = fields.get("other_fields", {}).get("due_on")
    yield "Issued", day(fields["billed_on"])
    if due_on:
        yield "Due", day(str(due_on))
    yield "Account", fields["account_number"] or ""
    if fields.get("external_id"):
        yield "Your id", fields["external_id"]
    yield "Came by", source
    if fields.get("reader"):
        yield "Read by", _words(fields["reader"])


def _amounts(fields: Mapping[str, Any], sign: str) -> Iterator[tuple[str, str]]:
    for name, label in _AMOUNTS.items():
        if fields.get(name) is not None:
            yield label, _cents(fields[name], sign)


def _meter(meter: Mapping[str, Any], gas_unit: str | None) -> MeterLine:
    kind, used = meter["type"], meter.get("consumption")
    return MeterLine(
        meter["id"],
        _COMMODITIES.get(kind, kind or ""),
        span(meter["billing_period_from"], meter["billing_period_to"]),
        _kwh(used) if kind == "electric" else _gas(used, gas_unit),
        meter["tariff"] or "",
        meter["status"] == BillStatus.LOCKED.value,
    )


def _charges(items: Sequence[Mapping[str, Any]], sign: str) -> Iterator[ChargeLine]:
    section = ""
    for item in items:
        here = item["section"] or ""
        detail = _volume(item, sign)
        tier = item["tier"] or ""
        yield ChargeLine(
            here if here != section else "",
            item["name"],
            ", ".join(filter(None, (detail, tier))),
            _cents(item["cost"], sign),
        )
        section = here


def _volume(item: Mapping[str, Any], sign: str) -> str:
    if item["volume"] is None:
        return ""
    volume = f"{Decimal(str(item['volume'])):,f} {item['unit'] or ''}".strip()
    return f"{volume} × {sign}{Decimal(str(item['rate'])):f}" if item["rate"] is not None else volume  # noqa: RUF001


def _others(fields: Mapping[str, Any], sign: str) -> Iterator[tuple[str, str]]:
    """What Bayou has no field for; lists and mappings are not for people."""
    for name, value in fields.items():
        if name in _SHOWN_ELSEWHERE or value is None or isinstance(value, Mapping | list | tuple):
            continue
        if name in MONEY_FIELDS and isinstance(value, int):
            yield _words(name), _cents(value, sign)
        else:
            yield _words(name), str(value)


def _verdict(passed: object) -> CheckVerdict:
    return CheckVerdict.PASSED if passed else CheckVerdict.FAILED


def _words(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _cents(cents: int | None, sign: str) -> str:
    return "" if cents is None else money(cents, sign)


def _kwh(watt_hours: int | None, digits: str = "f") -> str:
    return "" if watt_hours is None else f"{Decimal(watt_hours) / 1000:,{digits}} kWh"


def _gas(used: object, unit: str | None, digits: str = "f") -> str:
    return "" if used is None else f"{Decimal(str(used)):,{digits}} {unit or ''}".strip()
