"""Accounts and meters, derived from a customer's name so that they are the same in every process."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b
from typing import Literal

Commodity = Literal["electric", "gas"]
Direction = Literal["delivered", "received"]

TARIFFS: dict[Commodity, str] = {"electric": "Residential - Electric", "gas": "Residential - Gas Heating"}

_STREETS = (
    "14 Cinnamon Hill Road",
    "208 Lakeview Avenue",
    "77 Old Mill Lane",
    "1120 Genesee Street",
    "35 Windmill Court",
    "402 Canal Street",
    "9 Orchard Terrace",
    "618 Ridge Road",
    "51 Ferry Street",
    "290 Elm Street",
    "83 Biscuit Lane",
    "1745 Delaware Avenue",
)
_TOWNS = (
    ("Albany", "12207"),
    ("Syracuse", "13202"),
    ("Ithaca", "14850"),
    ("Rochester", "14607"),
    ("Saratoga Springs", "12866"),
    ("Kingston", "12401"),
    ("Poughkeepsie", "12601"),
    ("Utica", "13501"),
    ("Binghamton", "13901"),
    ("Troy", "12180"),
    ("Oneonta", "13820"),
    ("Hudson", "12534"),
)
_READ_DAYS = (5, 9, 12, 16, 1)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an account's meters are."""

    line1: str
    city: str
    state: str
    zip: str

    def __str__(self) -> str:
        return f"{self.line1}, {self.city}, {self.state} {self.zip}"


@dataclass(frozen=True, slots=True)
class Meter:
    """`new`: installed today, so it has no readings yet.

    `replaced`: it was there until the month began; `replaces`, `young`: since then. `swapped_on`: since this
    day instead, which does not move on with the months.
    """

    id: str
    commodity: Commodity
    service_number: str
    directions: tuple[Direction, ...] = ("delivered",)
    new: bool = False
    replaced: bool = False
    replaces: bool = False
    young: bool = False
    swapped_on: date | None = None

    def __hash__(self) -> int:
        return hash(self.id)

    def within(self, span: tuple[date, date]) -> tuple[date, date]:
        """The days of a span on which it was there; the last of them is today's yesterday.

        On the day of a swap there is none yet: then the last is before the first.
        """
        first, last = span
        since = self.swapped_on or (last + timedelta(days=1)).replace(day=1)
        return (since if self.replaces or self.young else first), (
            since - timedelta(days=1) if self.replaced else last
        )

    def billed(self, start: date, end: date) -> tuple[date, date]:
        """Between which midnights of these it is billed: all, but if it was swapped on a day in between."""
        if self.swapped_on is None:
            return start, end
        if self.replaced:
            return start, min(end, self.swapped_on)
        return max(start, self.swapped_on), end

    @property
    def tariff(self) -> str:
        """The tariff's name."""
        return TARIFFS[self.commodity]


@dataclass(frozen=True, slots=True)
class Account:
    """`read_day`: the day of the month on which meters are read, the first day of each billing period.

    `closed`: nobody lives there any more, whatever a portal makes of that. `renumbered`: it has got another
    number, where a portal can do so; `renumbered_on`: bills from this day on show it, else none does yet.
    """

    number: str
    name: str
    address: Address
    read_day: int
    meters: tuple[Meter, ...]
    community_solar: bool = False
    closed: bool = False
    renumbered: bool = False
    renumbered_on: date | None = None

    def __hash__(self) -> int:
        return hash(self.number)

    @property
    def new(self) -> bool:
        """Whether nothing was metered yet."""
        return all(meter.new for meter in self.meters)

    def meter(self, meter_id: str) -> Meter | None:
        """The meter with this id."""
        return next((meter for meter in self.meters if meter.id == meter_id), None)


def digits(seed: str, count: int) -> str:
    """`count` decimal digits drawn from `seed`, not starting with 0."""
    number = int.from_bytes(blake2b(seed.encode(), digest_size=16).digest())
    return str(10 ** (count - 1) + number % (9 * 10 ** (count - 1)))


def make_account(
    username: str,
    name: str,
    place: int = 0,
    *,
    commodities: tuple[Commodity, ...] = ("electric", "gas"),
    read_day: int | None = None,
    solar: bool = False,
    community_solar: bool = False,
    new: bool = False,
) -> Account:
    """The account in the given place (0 is the first) of a customer's list."""
    seed = f"{username}/{place}"
    pick = int(digits(f"{seed}/pick", 6))
    city, zip_code = _TOWNS[(pick + place) % len(_TOWNS)]
    return Account(
        number=digits(f"{seed}/account", 15),
        name=name,
        address=Address(_STREETS[(pick // 12 + 5 * place) % len(_STREETS)], city, "NY", zip_code),
        read_day=read_day if read_day is not None else _READ_DAYS[pick // 144 % len(_READ_DAYS)],
        meters=tuple(_make_meter(seed, commodity, solar=solar, new=new) for commodity in commodities),
        community_solar=community_solar,
    )


def with_young_meters(account: Account) -> Account:
    """With meters that are there since the month began."""
    return replace(account, meters=tuple(replace(meter, young=True) for meter in account.meters))


def with_meter_swapped(account: Account, on: date | None = None) -> Account:
    """With its first meter replaced by another on a day, or when the month began."""
    old, *others = account.meters
    new = replace(old, id=old.id[0] + digits(f"{old.id}/new", 7), replaces=True, swapped_on=on)
    return replace(account, meters=(replace(old, replaced=True, swapped_on=on), new, *others))


def with_another_number(account: Account, since: date | None = None) -> Account:
    """Renumbered, with bills from a day on that show it."""
    return replace(account, renumbered=True, renumbered_on=since)


def _make_meter(seed: str, commodity: Commodity, *, solar: bool, new: bool) -> Meter:
    both_ways: tuple[Direction, ...] = ("delivered", "received")
    return Meter(
        id=commodity[0].upper() + digits(f"{seed}/{commodity}/meter", 7),
        commodity=commodity,
        service_number=digits(f"{seed}/{commodity}/service", 10),
        directions=both_ways if solar and commodity == "electric" else ("delivered",),
        new=new,
    )
