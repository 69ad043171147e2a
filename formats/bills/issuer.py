"""Who issued a bill, as far as it says itself, and whether two bills are of one utility. Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from meterfarm.formats.bills.generic import GENERIC
from meterfarm.formats.bills.shape import are_alike
from meterfarm.records import Address, Bill, BillReading

_COMPANIES = ("supplier", "delivery_company")


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issued a bill, as far as it says itself: its declared layout, the companies and meters on it.

    ``shape`` and ``address`` are for one that names neither.
    """

    layout: str
    companies: Set[str]
    meters: Set[str]
    shape: Sequence[str]
    address: Address | None

    @classmethod
    def of(cls, layout: str, reading: BillReading | None, bill: Bill | None) -> Issuer:
        """By the layout that read it; the generic one is nobody's."""
        named = [reading.fields.get(name) for name in _COMPANIES] if reading is not None else []
        names = ("".join(filter(str.isalnum, name.casefold())) for name in named if isinstance(name, str))
        meters = frozenset(meter.id for meter in bill.meters) if bill is not None else frozenset()
        shape = reading.shape if reading is not None else ()
        address = bill.address if bill is not None else None
        return cls(
            "" if layout == GENERIC else layout, frozenset(filter(None, names)), meters, shape, address
        )

    @property
    def is_named(self) -> bool:
        """Whether something on the bill is its utility's alone."""
        return bool(self.layout or self.companies or self.meters)

    def is_also_of(self, other: Issuer) -> bool:
        """Whether something shows that both bills are of one utility. An account's number alone does not."""
        if self.layout and self.layout == other.layout:
            return True
        if self.companies & other.companies or self.meters & other.meters:
            return True
        both_name = (self.companies and other.companies) or (self.meters and other.meters)
        moved = None not in (self.address, other.address) and self.address != other.address
        return not both_name and not moved and are_alike(self.shape, other.shape)
