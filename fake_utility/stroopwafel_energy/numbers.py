"""How the portal writes an account's number: three ways, in three places."""

from hashlib import blake2b
from uuid import UUID

from meterfarm.fake_utility.kit.accounts import Account, digits


def _core(account: Account) -> str:
    return digits(f"{account.number}/new", 7) if account.renumbered else account.number[:7]


def dashed(account: Account) -> str:
    """As the choice of accounts shows it: 000-4418-273."""
    core = _core(account)
    return f"000-{core[:4]}-{core[4:]}"


def zeroed(account: Account) -> str:
    """As an account's own page and an export have it: 0004418273."""
    return f"000{_core(account)}"


def checked(account: Account) -> str:
    """As bills have it: without leading zeros, and with a check digit: 4418273-6."""
    return f"{_core(account)}-{check_digit(_core(account))}"


def check_digit(number: str) -> int:
    """The digit after Luhn (ISO/IEC 7812-1) that goes behind these."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled // 10 + doubled % 10
    return -total % 10


def key(account: Account) -> str:
    """The portal's own key for it, in addresses: a GUID."""
    return str(UUID(bytes=blake2b(account.number.encode(), digest_size=16).digest(), version=4))
