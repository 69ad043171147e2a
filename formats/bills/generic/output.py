"""What was settled of a bill as a ``BillReading``: fields by Bayou's names, line items, checks, meters."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from meterfarm.formats.bills.bayou import address_json, has_bayou_field
from meterfarm.formats.bills.generic import GENERIC
from meterfarm.formats.bills.generic.amounts import unit_of
from meterfarm.formats.bills.generic.dates import dates_in
from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.labels import plain
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.generic.use.reads import MeterRead
from meterfarm.formats.bills.generic.use.settle import quantity
from meterfarm.records import (
    Address,
    Bill,
    BillCheck,
    BillMeter,
    BillReading,
    BillStatus,
    Commodity,
    LineItem,
    Unit,
)

_MATTERS = ("account_number", "total_amount")
_TIER = re.compile(
    r"\b(?:tier \d|block \d|first \d[\d,]*|next \d[\d,]*|over \d[\d,]*|on-?peak|off-?peak|mid-?peak|"
    r"part-?peak|super off-?peak|"
    r"baseline|p[1-6]|punta|llano|valle|f[1-3]|heures (?:pleines|creuses|douces)|ht|nt|hochtarif|"
    r"niedertarif|winter|summer)\b"
)
_BAYOU = (
    *("billed_on", "outstanding_balance", "billing_period_from", "billing_period_to", "account_number"),
    *("electricity_consumption", "electricity_amount", "delivery_charge", "supply_charge"),
    *("community_solar_bill_credit", "gas_consumption", "gas_consumption_unit", "gas_amount", "total_amount"),
)
_MORE = (
    *("due_on", "current_charges", "previous_balance", "payments", "adjustments"),
    *("late_fees", "deposits", "taxes"),
    *("currency", "invoice_number", "supplier", "delivery_company", "tariff"),
    *("water_consumption", "water_consumption_unit", "water_amount", "sewer_amount"),
    *("demand", "measured_demand", "power_factor", "mailing_address", "rebilled_periods"),
)
FIELDS = (*_BAYOU, *_MORE)
"""The fields of a bill that was read from a file, without ``utility``, ``address`` and ``meters``."""
_GAS_UNITS = {
    "kwh": "kWh",
    "therm": "therms",
    "therms": "therms",
    "ccf": "ccf",
    "mc": "m3",
    "m³": "m3",
    "smc": "Smc",
    "gj": "GJ",
}

_WATER_UNITS = {"mc": "m3", "m³": "m3"}


def reading_of(
    sheet: BillSheet, settled: Settled, items: Sequence[ChargeRow], reads: Sequence[MeterRead], *, ocr: bool
) -> BillReading:
    """The reading; ``unparsed`` if account or total is missing, or there is neither a date nor a period."""
    values = settled.values
    lacking = [name for name in _MATTERS if name not in values]
    if "billed_on" not in values and "billing_period_to" not in values:
        lacking.append("billed_on")
    meters = _meters(sheet, settled, reads)
    fields = _fields(values, meters)
    bill = None if lacking else _bill(values, meters)
    return BillReading(
        GENERIC,
        BillStatus.UNPARSED if lacking else BillStatus.UNLOCKED,
        fields,
        bill,
        [item_of(sheet, row) for row in items],
        list(_checks(settled, meters)),
        dict(settled.left_out),
        ocr,
    )


def _fields(values: Mapping[str, object], meters: Sequence[BillMeter]) -> dict[str, object]:
    fields: dict[str, object] = dict.fromkeys(FIELDS)
    for name in FIELDS:
        value = values.get(name)
        fields[name] = _as_json(value)
    electric, gas, water = (values.get(f"{name}_consumption") for name in ("electricity", "gas", "water"))
    if isinstance(electric, Decimal):
        made = quantity(electric, str(values["electricity_consumption_unit"]))
        fields["electricity_consumption"] = int(made.value.to_integral_value()) if made else None
    if isinstance(gas, Decimal):
        unit = str(values["gas_consumption_unit"])
        fields["gas_consumption"], fields["gas_consumption_unit"] = float(gas), _GAS_UNITS.get(unit, unit)
    if isinstance(water, Decimal):
        unit = str(values["water_consumption_unit"])
        fields["water_consumption"], fields["water_consumption_unit"] = (
            float(water),
            _WATER_UNITS.get(unit, unit),
        )
    fields["address"] = _as_json(values.get("address"))
    fields["meters"] = [_meter_json(meter, fields["address"]) for meter in meters]
    return fields


def _as_json(value: object) -> object:
    """Days as text, numbers such as kW as they are printed, addresses by their parts."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Address):
        return address_json(value)
    return float(value) if isinstance(value, Decimal) else value


def _meter_json(meter: BillMeter, address: object) -> dict[str, object]:
    electric = meter.commodity is Commodity.ELECTRIC
    value, attributes = meter.consumption.value, dict(meter.additional_attributes)
    if not electric:
        in_kwh = meter.consumption.unit is Unit.WH
        value = value / 1000 if in_kwh else value
        attributes["consumption_unit"] = "kWh" if in_kwh else meter.consumption.unit.value
    return {
        "id": meter.id,
        "type": "electric" if electric else meter.commodity.value,
        "billing_period_from": meter.billing_period_from.isoformat(),
        "billing_period_to": meter.billing_period_to.isoformat(),
        "consumption": int(value.to_integral_value()) if electric else float(value),
        "tariff": meter.tariff or None,
        "address": address,
        "previous_read": _number(meter.previous_read),
        "current_read": _number(meter.current_read),
        "additional_attributes": attributes,
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _meters(sheet: BillSheet, settled: Settled, reads: Sequence[MeterRead]) -> list[BillMeter]:
    """The meters that count what was used: the one there is, or those of the reads that make it."""
    first, last = settled.values.get("billing_period_from"), settled.values.get("billing_period_to")
    ids = settled.values.get("_meters")
    if not (isinstance(first, date) and isinstance(last, date) and isinstance(ids, list) and ids):
        return []
    kinds = [
        (kind, name)
        for kind, name in (
            (Commodity.ELECTRIC, "electricity_consumption"),
            (Commodity.GAS, "gas_consumption"),
            (Commodity.WATER, "water_consumption"),
        )
        if isinstance(settled.values.get(name), Decimal)
    ]
    present = settled.values.get("_kinds")
    known = {meter for meter, _ in ids} | {meter for read in reads if (meter := _id_in_row(sheet, read))}
    if len(known) == 1 and len(kinds) == 1 and isinstance(present, list) and len(present) == 1:
        kind, name = kinds[0]
        unit = str(settled.values[f"{name}_unit"])
        used = settled.values[name]
        made = quantity(used, unit) if isinstance(used, Decimal) else None
        if made is not None:
            own = [read for read in reads if not read.received and read.used == used]
            one = own[0] if len({(read.previous, read.current) for read in own}) == 1 else None
            tariff = settled.values.get("tariff")
            return [
                BillMeter(
                    ids[0][0],
                    kind,
                    first,
                    last,
                    made,
                    str(tariff) if tariff else "",
                    one.previous if one else None,
                    one.current if one else None,
                )
            ]
    found = _by_reads(sheet, ids, reads, kinds, settled, first, last)
    if not found:
        settled.leave("meters", "which meter counted what is not certain")
    return found


_METER_ID = re.compile(r"(?=(?:.*\d){5})[A-Z0-9][A-Z0-9-]{4,19}")


def _id_in_row(sheet: BillSheet, read: MeterRead) -> str:
    """The number of the meter at the beginning of a row of reads, "" if there is none."""
    figures = {read.previous, read.current, read.used}
    words = [word.text for cell in sheet.lines[read.line].cells[:2] for word in cell.words]
    found = [word for word in words if _METER_ID.fullmatch(word) and not _is_in(word, figures)]
    return found[0] if len(found) == 1 else ""


def _is_in(word: str, figures: Container[Decimal]) -> bool:
    return word.isdecimal() and Decimal(word) in figures


def _by_reads(
    sheet: BillSheet,
    ids: Sequence[tuple[str, int]],
    reads: Sequence[MeterRead],
    kinds: Sequence[tuple[Commodity, str]],
    settled: Settled,
    first: date,
    last: date,
) -> list[BillMeter]:
    """Meters by the label that stands next above each read; only those commodities of which all adds up."""
    found: list[BillMeter] = []
    for kind, name in kinds:
        total, unit = settled.values[name], str(settled.values[f"{name}_unit"])
        if not isinstance(total, Decimal):
            continue
        groups: dict[str, list[MeterRead]] = {}
        unique = {(read.previous, read.current, read.used): read for read in reads if _is_of(read, unit)}
        own_id, own_line = "", -1
        for read in sorted(unique.values(), key=lambda each: each.line):
            in_row = _id_in_row(sheet, read)
            if in_row:
                own_id, own_line = in_row, read.line
            before = [(line, meter) for meter, line in ids if own_line < line <= read.line]
            if before and not in_row:
                own_line, own_id = before[-1]
            if own_id:
                groups.setdefault(own_id, []).append(read)
        if not groups or sum((read.used for read in unique.values()), Decimal()) != total:
            continue
        for meter, own in groups.items():
            made = quantity(sum((read.used for read in own), Decimal()), unit)
            if made is not None:
                one = own[0] if len(own) == 1 else None
                found.append(
                    BillMeter(
                        meter,
                        kind,
                        first,
                        last,
                        made,
                        "",
                        one.previous if one else None,
                        one.current if one else None,
                    )
                )
    return found


def _is_of(read: MeterRead, unit: str) -> bool:
    return not read.received and unit_of(read.unit) == unit_of(unit) and unit_of(unit) is not None


def _bill(values: Mapping[str, object], meters: Sequence[BillMeter]) -> Bill | None:
    """A bill as the store has them; None unless all that those state is there."""
    account, billed, first, last, total, forward = (
        values.get(name)
        for name in (
            "account_number",
            "billed_on",
            "billing_period_from",
            "billing_period_to",
            "total_amount",
            "outstanding_balance",
        )
    )
    if not (isinstance(account, str) and isinstance(billed, date) and isinstance(total, int)):
        return None
    if not (isinstance(first, date) and isinstance(last, date)):
        return None
    due, address = values.get("due_on"), values.get("address")

    def cents(name: str) -> int | None:
        value = values.get(name)
        return value if isinstance(value, int) else None

    return Bill(
        account_number=account,
        billed_on=billed,
        due_on=due if isinstance(due, date) else None,
        billing_period_from=first,
        billing_period_to=last,
        total_amount=total,
        outstanding_balance=forward if isinstance(forward, int) else None,
        electricity_amount=cents("electricity_amount"),
        delivery_charge=cents("delivery_charge"),
        supply_charge=cents("supply_charge"),
        community_solar_bill_credit=cents("community_solar_bill_credit"),
        gas_amount=cents("gas_amount"),
        meters=[meter for meter in meters if has_bayou_field(meter)],
        address=address if isinstance(address, Address) else None,
    )


def item_of(sheet: BillSheet, row: ChargeRow) -> LineItem:
    """A row of charges as a record."""
    text = plain(row.text)
    days = [day for found in dates_in(text) if found.year and (day := sheet.dates.date(found)) is not None]
    tier = _TIER.search(plain(row.name))
    known = row.volume is not None and "product" in row.proved
    return LineItem(
        row.name,
        row.cents,
        row.volume.value if known and row.volume else None,
        row.volume.unit if known and row.volume else "",
        row.rate if known else None,
        days[0] if len(days) == 2 and days[0] <= days[1] else None,
        days[1] if len(days) == 2 and days[0] <= days[1] else None,
        tier[0] if tier else "",
        sorted(row.proved & {"sum", "product"}),
    )


def _checks(settled: Settled, meters: Sequence[BillMeter]) -> Iterator[BillCheck]:
    """Every proof of a value that was kept, as a check that passed."""
    for name, proofs in settled.proofs.items():
        for proof in proofs:
            yield BillCheck(name, True, f"{proof[:1].upper()}{proof[1:]}.")
    if meters:
        yield BillCheck("meters", True, "The meters' use adds up to the bill's.")
