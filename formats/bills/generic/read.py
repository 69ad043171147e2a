"""Reads a bill of an unknown layout: what independent checks agree on; the rest is left out, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from meterfarm.formats.bills.generic.charges import ChargeRow, charge_rows, is_item
from meterfarm.formats.bills.generic.days import settle_days
from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.ids import (
    meter_ids,
    settle_account,
    settle_address,
    settle_invoice,
    settle_names,
    settle_tariff,
)
from meterfarm.formats.bills.generic.money import settle_money
from meterfarm.formats.bills.generic.sheet import Sheet
from meterfarm.formats.bills.generic.usage import (
    ELECTRIC_UNITS,
    GAS_UNITS,
    WATER_UNITS,
    commodities,
    figures,
    reads_of,
    settle_usage,
)
from meterfarm.formats.bills.words import PageText
from meterfarm.records import Commodity


def read_sheet(pages: Sequence[PageText]) -> tuple[Settled, list[ChargeRow], Sheet]:
    """What is certain of the bill on these pages, and its rows of charges."""
    sheet = Sheet(pages)
    settled = Settled()
    if sheet.currency:
        settled.keep("currency", sheet.currency, "by its sign and the country of the addresses")
    rows = charge_rows(sheet)
    settle_days(sheet, settled)
    settle_money(sheet, rows, settled)
    settle_account(sheet, settled)
    settle_invoice(sheet, settled)
    settle_address(sheet, settled)
    settle_names(sheet, settled)
    settle_tariff(sheet, settled)
    kinds = commodities(sheet)
    reads = reads_of(sheet)
    for kind, units, name in (
        (Commodity.ELECTRIC, ELECTRIC_UNITS, "electricity_consumption"),
        (Commodity.GAS, GAS_UNITS, "gas_consumption"),
        (Commodity.WATER, WATER_UNITS, "water_consumption"),
    ):
        if kind not in kinds:
            continue
        shared = len(kinds & {Commodity.GAS, Commodity.WATER}) > 1
        own = units
        figs = figures(sheet, rows, reads, own, _days_long(settled), kind if shared else None)
        found = settle_usage(figs, reads, name, own, settled, _meters_of(sheet, kinds))
        if found is not None:
            settled.values[f"{name}_unit"] = found[1]
    settled.values["_meters"] = meter_ids(sheet)
    settled.values["_kinds"] = sorted(kinds)
    return settled, [row for row in rows if is_item(row)], sheet


def _days_long(settled: Settled) -> list[int]:
    first, last = settled.values.get("billing_period_from"), settled.values.get("billing_period_to")
    if isinstance(first, date) and isinstance(last, date):
        return [(last - first).days, (last - first).days + 1]
    return []


def _meters_of(sheet: Sheet, kinds: frozenset[Commodity]) -> int:
    """How many meters a commodity has at least, as far as their numbers are labelled."""
    return max(1, len(meter_ids(sheet)) - len(kinds) + 1)


def decimal(value: object) -> Decimal:
    """As a number."""
    return value if isinstance(value, Decimal) else Decimal(str(value))
