"""What a period's usage costs: the lines of a bill, by service."""

from dataclasses import dataclass

from meterfarm.fake_utility.kit.accounts import Commodity
from meterfarm.fake_utility.kit.calendar import Period
from meterfarm.fake_utility.kit.money import chance, charge, quantity, rate_text

SOLAR_CREDIT_RATE = 4_200
"""In hundred-thousandths of a dollar a kWh, as all rates here (gas: a therm)."""

UNITS: dict[Commodity, str] = {"electric": "kWh", "gas": "therms"}


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line; `detail` says how the amount came about."""

    label: str
    detail: str
    cents: int


@dataclass(frozen=True, slots=True)
class Charges:
    """The lines of one service."""

    commodity: Commodity
    delivery: tuple[Line, ...]
    supply: tuple[Line, ...]

    @property
    def delivery_cents(self) -> int:
        """Delivery charges."""
        return sum(line.cents for line in self.delivery)

    @property
    def supply_cents(self) -> int:
        """Supply charges."""
        return sum(line.cents for line in self.supply)

    @property
    def cents(self) -> int:
        """All charges."""
        return self.delivery_cents + self.supply_cents


def _by_usage(label: str, commodity: Commodity, usage: int, rate: int) -> Line:
    detail = f"{quantity(usage)} {UNITS[commodity]} x {rate_text(rate)}"
    return Line(label, detail, charge(usage, rate))


def charges_for(commodity: Commodity, usage: int, period: Period) -> Charges:
    """`usage` in watt-hours, or thousandths of a therm. Supply prices change from month to month."""
    month = f"{commodity}/{period.to:%Y-%m}"
    if commodity == "electric":
        return Charges(
            "electric",
            delivery=(
                Line("Basic service charge", "1 month", 1950),
                _by_usage("Delivery charge", "electric", usage, 8_731),
                _by_usage("System benefits charge", "electric", usage, 612),
            ),
            supply=(
                _by_usage("Electricity supply", "electric", usage, 7_100 + chance(month, 4_200)),
                _by_usage("Merchant function charge", "electric", usage, 321),
            ),
        )
    return Charges(
        "gas",
        delivery=(
            Line("Basic service charge", "1 month", 2490),
            _by_usage("Delivery charge", "gas", usage, 48_810),
            _by_usage("Revenue decoupling", "gas", usage, 1_874),
        ),
        supply=(
            _by_usage("Gas supply", "gas", usage, 35_500 + chance(month, 33_000)),
            _by_usage("Merchant function charge", "gas", usage, 2_190),
        ),
    )


def community_solar_credit(account_number: str, period: Period, electric_cents: int) -> Line:
    """A share of a solar field, credited: between a fifth and a third of the electric charges."""
    percent = 20 + chance(f"{account_number}/{period.start}/community", 14)
    return Line(
        "Community solar credit", "your share of Cinnamon Ridge Solar", -(electric_cents * percent // 100)
    )


def solar_credit(exported: int) -> Line:
    """The credit for watt-hours sent to the grid."""
    detail = f"{quantity(exported)} kWh x {rate_text(SOLAR_CREDIT_RATE)}"
    return Line("Solar credit", detail, -charge(exported, SOLAR_CREDIT_RATE))
