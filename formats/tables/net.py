"""A table's own net, compared with what it says was delivered and received."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from meterfarm.formats.tables.cells import NotANumber, Number
from meterfarm.formats.tables.claims import ClaimedPart
from meterfarm.formats.tables.head import BoundValue
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.records import Commodity, Direction, Measure

_FLOWS = (Direction.DELIVERED, Direction.RECEIVED, Direction.NET)


class NetOfColumns:
    """Of tables with a column for each; ``places`` is empty if they have not."""

    def __init__(self, values: Sequence[BoundValue], remarks: Remarks) -> None:
        self._remarks = remarks
        self.places = _places(values)
        self._rows = 0
        self._apart = 0
        self._added = Decimal()
        self._step = Decimal()
        self._first: tuple[int, Decimal, Decimal] | None = None

    def look(self, line: int, cells: Sequence[str], read: Callable[[str], Number]) -> None:
        """A row without net or delivered shows nothing; without received the net cannot be the larger."""
        taken, sent, net = (_decimal(cells[place], read, power) for place, power in self.places)
        if taken is None or net is None or (sent is None and net <= taken):
            return
        sent = taken - taken if sent is None else sent
        self._rows += 1
        if net == taken - sent:
            return
        self._step = max(self._step, *(Decimal(1).scaleb(_exponent(each)) for each in (taken, sent, net)))
        self._added += net - (taken - sent)
        if abs(net - (taken - sent)) > self._step:
            self._apart += 1
            self._first = self._first or (line, net, taken - sent)
        elif self._first is None:
            self._first = (line, net, taken - sent)

    def report(self) -> None:
        """Rounding moves a row by a last digit, and many rows this way and that."""
        if self._first and (self._apart or self._added**2 > max(self._rows, 4) * self._step**2):
            line, net, made = self._first
            what = f"the net is {net:f}, but delivered minus received is {made:f}"
            self._remarks.add(f"{what}; they differ in {self._apart or 'many'} rows", f"line {line}")
        self._first, self._apart = None, 0


def check_net(parts: Sequence[ClaimedPart], remarks: Remarks) -> None:
    """Of tables that have a row for each, per meter and length of intervals."""
    sums: dict[tuple[object, ...], dict[Direction, list[ClaimedPart]]] = {}
    for each in parts:
        what = each.channel.what
        if what.measure is Measure.ENERGY and what.direction in _FLOWS and not what.mean:
            key = each.channel.meter_id, what.unit, what.power, each.channel.length
            sums.setdefault(key, {}).setdefault(what.direction, []).append(each)
    for (meter, *_), flows in sums.items():
        one = [flows[each][0] for each in _FLOWS if len(flows.get(each, ())) == 1]
        if len(one) < len(_FLOWS) or len({each.column for each in one}) > 1:
            continue
        taken, sent, net = (each.channel for each in one)
        step = Decimal(1).scaleb(-max(taken.decimals, sent.decimals, net.decimals))
        made = taken.total - sent.total
        if taken.count == net.count and (net.total - made) ** 2 > max(net.count, 4) * step**2:
            remark = f"the total net is {net.total:f}, but delivered minus received is {made:f}"
            remarks.add(remark, f"meter {meter!r}")


def check_charges(parts: Sequence[ClaimedPart], remarks: Remarks) -> None:
    """Of lists of bills that have a column for all charges beside those of each commodity."""
    costs = [each for each in parts if each.channel.what.measure is Measure.COST]
    whole = [each for each in costs if each.channel.what.commodity is Commodity.OTHER]
    some = [each for each in costs if each.channel.what.commodity is not Commodity.OTHER]
    if len(whole) != 1 or len(some) < 2 or len({each.column for each in costs}) < len(costs):
        return
    total, made = whole[0].channel.total, sum((each.channel.total for each in some), Decimal())
    step = Decimal(1).scaleb(-max(each.channel.decimals for each in costs))
    if (total - made) ** 2 > max(whole[0].channel.count, 4) * step**2:
        remarks.add(
            f"total charges are {total:f}, but those of each commodity add up to {made:f}", "the rows"
        )


def _places(values: Sequence[BoundValue]) -> Sequence[tuple[int, int]]:
    """Of energy delivered, received and net, if each has one column, with the power of ten to net's unit."""
    columns = [
        each for each in values if each.what.direction in _FLOWS and each.what.measure is not Measure.COST
    ]
    found = {each.what.direction: (each.place, each.what.power or 0) for each in columns}
    units = {each.what.unit for each in columns}
    alike = len(columns) == len(found) == len(_FLOWS) and len(units) == 1
    if not alike:
        return ()
    power_of_net = found[Direction.NET][1]
    return [(place, power - power_of_net) for place, power in (found[each] for each in _FLOWS)]


def _decimal(cell: str, read: Callable[[str], Number], power: int) -> Decimal | None:
    try:
        number = read(cell)
    except NotANumber:
        return None
    return Decimal(number.mantissa).scaleb(power - number.decimals)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
