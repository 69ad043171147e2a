"""What ESPI's codes mean, in the words of the records.

Source of all codes: NAESB REQ.21 (ESPI), espi.xsd, by the element that each table names.

The unit decides what was measured. Watts and volt-amperes are demand whether they are the average of their
interval or its peak (``dataQualifier``), and are never turned into energy. A code without a word is an
issue, and the readings come out with an unknown unit; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from meterfarm.records import Commodity, Direction, Measure, Unit

UNITS = {  # ReadingType.uom
    "72": Unit.WH,
    "31": Unit.JOULE,
    "132": Unit.BTU,
    "169": Unit.THERM,
    "42": Unit.M3,
    "166": Unit.M3,  # uncompensated
    "167": Unit.M3,  # compensated
    "119": Unit.FT3,
    "120": Unit.FT3,  # compensated
    "128": Unit.US_GALLON,
    "130": Unit.IMPERIAL_GALLON,
    "134": Unit.LITRE,
    "156": Unit.LITRE,  # uncompensated
    "157": Unit.LITRE,  # compensated
    "73": Unit.VARH,
    "71": Unit.VAH,
    "38": Unit.W,
    "63": Unit.VAR,
    "61": Unit.VA,
    "29": Unit.V,
    "5": Unit.A,
    "33": Unit.HZ,
    "23": Unit.CELSIUS,
    "279": Unit.FAHRENHEIT,
    "6": Unit.KELVIN,
}
MONEY = "80"
"""ReadingType.uom of amounts in ReadingType.currency."""
CURRENCIES = {  # ReadingType.currency: ISO 4217, numeric
    "840": Unit.USD,
    "124": Unit.CAD,
    "978": Unit.EUR,
    "826": Unit.GBP,
    "36": Unit.AUD,
    "036": Unit.AUD,
    "554": Unit.NZD,
    "756": Unit.CHF,
    "208": Unit.DKK,
    "578": Unit.NOK,
    "752": Unit.SEK,
    "392": Unit.JPY,
    "156": Unit.CNY,
    "356": Unit.INR,
}
MEASURES = (
    dict.fromkeys((Unit.WH, Unit.JOULE, Unit.BTU, Unit.THERM), Measure.ENERGY)
    | dict.fromkeys(
        (Unit.M3, Unit.FT3, Unit.CCF, Unit.US_GALLON, Unit.IMPERIAL_GALLON, Unit.LITRE), Measure.VOLUME
    )
    | dict.fromkeys((Unit.W, Unit.VA), Measure.DEMAND)
    | dict.fromkeys((Unit.CELSIUS, Unit.FAHRENHEIT, Unit.KELVIN), Measure.TEMPERATURE)
)
COMMODITIES = {  # ReadingType.commodity
    **dict.fromkeys(("1", "2", "26"), Commodity.ELECTRIC),
    "7": Commodity.GAS,
    "9": Commodity.WATER,
    "14": Commodity.WATER,
}
# UsagePoint.ServiceCategory.kind
SERVICES = {"0": Commodity.ELECTRIC, "1": Commodity.GAS, "2": Commodity.WATER}
# ReadingType.flowDirection: forward, reverse, net
DIRECTIONS = {"1": Direction.DELIVERED, "19": Direction.RECEIVED, "4": Direction.NET}
NOT_STATED = ("", "0")
COST_EXPONENT = -5
"""IntervalReading.cost is in hundred-thousandths of the currency."""
_AMOUNTS = (*NOT_STATED, "4")  # ReadingType.accumulationBehaviour: not stated, or delta data
_REGISTERS = ("1", "2", "3", "9", "13", "14")  # the same: bulk quantities, cumulative, and the like
_ADDING_UP = (*NOT_STATED, "12", "26")  # ReadingType.dataQualifier: normal, sum; else extremes, averages
_MULTIPLIERS = range(-12, 13)  # ReadingType.powerOfTenMultiplier


@dataclass(frozen=True, slots=True)
class ReadingKind:
    """What readings of a reading type are; ``doubts`` are sentences without their subject."""

    commodity: Commodity
    measure: Measure
    direction: Direction
    unit: Unit
    exponent: int
    currency: Unit
    doubts: tuple[str, ...] = ()


def kind_of(codes: Mapping[str, str] | None, service_kind: str) -> ReadingKind:
    """By a reading type's codes, None if there is none, and the usage point's service category."""
    if codes is None:
        commodity = SERVICES.get(service_kind, Commodity.OTHER)
        doubt = "the file does not state their unit (no reading type)"
        return ReadingKind(
            commodity, Measure.OTHER, Direction.UNKNOWN, Unit.UNKNOWN, 0, Unit.UNKNOWN, (doubt,)
        )
    currency = CURRENCIES.get(codes.get("currency", ""), Unit.UNKNOWN)
    kind = _measured(codes, currency)
    kind = _with_multiplier(kind, codes.get("powerOfTenMultiplier", ""))
    kind = _with_commodity(kind, codes.get("commodity", ""), service_kind)
    return _with_direction(kind, codes.get("flowDirection", ""))


def _measured(codes: Mapping[str, str], currency: Unit) -> ReadingKind:
    code = codes.get("uom", "")
    kind = ReadingKind(Commodity.OTHER, Measure.OTHER, Direction.UNKNOWN, Unit.UNKNOWN, 0, currency)
    if code == MONEY:
        return replace(kind, measure=Measure.COST, unit=currency)
    unit = UNITS.get(code)
    if unit is None:
        return _doubting(kind, f"their unit code {shown(code)} is unknown")
    kind = replace(kind, unit=unit, measure=MEASURES.get(unit, Measure.OTHER))
    if kind.measure not in (Measure.ENERGY, Measure.VOLUME):
        return kind
    qualifier = codes.get("dataQualifier", "")
    if qualifier not in _ADDING_UP:
        other = replace(kind, measure=Measure.OTHER)
        return _doubting(other, f"they are not amounts that add up (data qualifier {shown(qualifier)})")
    accumulation = codes.get("accumulationBehaviour", "")
    if accumulation in _REGISTERS:
        return replace(kind, measure=Measure.REGISTER)
    if accumulation in _AMOUNTS:
        return kind
    other = replace(kind, measure=Measure.OTHER)
    what = "they are neither amounts per interval nor register readings"
    return _doubting(other, f"{what} (accumulation {shown(accumulation)})")


def _with_multiplier(kind: ReadingKind, text: str) -> ReadingKind:
    try:
        multiplier = int(text[:8] or "0")
    except ValueError:
        multiplier = _MULTIPLIERS.stop
    if multiplier in _MULTIPLIERS:
        return replace(kind, exponent=multiplier)
    kind = replace(kind, unit=Unit.UNKNOWN, measure=Measure.OTHER)
    return _doubting(kind, f"their power-of-ten multiplier {shown(text)} is not a small whole number")


def _with_commodity(kind: ReadingKind, code: str, service_kind: str) -> ReadingKind:
    service = SERVICES.get(service_kind)
    commodity = COMMODITIES.get(code) or (service if code in NOT_STATED else None) or Commodity.OTHER
    kind = replace(kind, commodity=commodity)
    if service is not None and code in COMMODITIES and service is not commodity:
        return _doubting(kind, f"they are of {commodity}, but the usage point is of {service}")
    if commodity is Commodity.OTHER and code in NOT_STATED and service_kind == "":
        return _doubting(kind, "the file does not state their commodity")
    if commodity is Commodity.ELECTRIC and kind.measure is Measure.VOLUME:
        return _doubting(kind, f"electricity is not measured in {kind.unit}")
    return kind


def _with_direction(kind: ReadingKind, code: str) -> ReadingKind:
    kind = replace(kind, direction=DIRECTIONS.get(code, Direction.UNKNOWN))
    if code in DIRECTIONS or code in NOT_STATED:
        return kind
    return _doubting(kind, f"their flow direction {shown(code)} is not delivered, received or net")


def _doubting(kind: ReadingKind, doubt: str) -> ReadingKind:
    return replace(kind, doubts=(*kind.doubts, doubt))


def shown(text: str) -> str:
    """As a problem may show it: quoted, and short."""
    return repr(text if len(text) <= 40 else text[:40] + "...")
