"""Whole cents, rates and how both are printed."""

from hashlib import blake2b


def dollars(cents: int) -> str:
    """Cents as dollars."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def quantity(thousandths: int) -> str:
    """Watt-hours as kWh, or thousandths of a therm as therms: three decimals."""
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"


def charge(thousandths: int, rate: int) -> int:
    """Cents for a quantity in thousandths at `rate` hundred-thousandths of a dollar, rounded half up."""
    return (2 * thousandths * rate + 1_000_000) // 2_000_000


def rate_text(rate: int) -> str:
    """A rate, in hundred-thousandths of a dollar, as dollars."""
    return f"${rate // 100_000}.{rate % 100_000:05d}"


def chance(seed: str, outcomes: int) -> int:
    """A number from 0 below `outcomes`, always the same for one seed."""
    return int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) % outcomes
