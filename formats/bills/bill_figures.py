"""Amounts, quantities and rates of bills as people read them, and whether two quantities are the same."""

from __future__ import annotations

from decimal import Decimal

from meterfarm.records import Quantity, Unit

_PLURALS = {Unit.THERM: "therms"}
_POWERS = {Unit.WH: ("kWh", 3)}
"""What people know a unit by, and the power of ten from it."""


def money(cents: int, symbol: str = "") -> str:
    """An amount in the currency's main unit, with a sign before the symbol."""
    return f"{'-' if cents < 0 else ''}{symbol}{Decimal(abs(cents)).scaleb(-2):,.2f}"


def unit_name(unit: Unit) -> str:
    """As bills have it: watt-hours are kWh."""
    return _POWERS[unit][0] if unit in _POWERS else _PLURALS.get(unit, unit.value)


def in_known_unit(quantity: Quantity) -> Decimal:
    """The figure that goes with ``unit_name``."""
    return Decimal(quantity.mantissa).scaleb(quantity.exponent - _POWERS.get(quantity.unit, ("", 0))[1])


def amount(quantity: Quantity) -> str:
    """A quantity with all of its digits and the name of its unit."""
    return f"{in_known_unit(quantity):,f} {unit_name(quantity.unit)}"


def same_amount(billed: Quantity, counted: Quantity) -> bool:
    """Whether what was counted is what is billed, as far as the bill's digits go.

    A bill with coarser digits than the intervals rounds its reads, so it may be off by less than one of them.
    """
    finest = min(billed.exponent, counted.exponent)
    apart: int = abs(_in(finest, billed) - _in(finest, counted))
    return apart < (_in(finest, Quantity(1, billed.exponent, billed.unit)) if billed.exponent > finest else 1)


def _in(exponent: int, quantity: Quantity) -> int:
    """The mantissa with an exponent that is no higher than its own."""
    return quantity.mantissa * int(10 ** (quantity.exponent - exponent))
