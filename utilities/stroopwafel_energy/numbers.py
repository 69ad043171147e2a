"""An account's number, which the portal writes in three ways. Pure."""

from __future__ import annotations

import re

from meterfarm.formats.errors import FormatError

_DIGITS = 10
_CHECKED = re.compile(r"(\d{5,9})-(\d)")


def account_number(text: str) -> str:
    """The ten digits of 000-4418-273 (the choice of accounts), 0004418273 (an account) or 4418273-6 (a bill).

    The last digit of a bill's is a check digit (Luhn, ISO/IEC 7812-1).

    Raises:
        FormatError: it is none of these, or the check digit does not fit.
    """
    if checked := _CHECKED.fullmatch(text):
        digits, check = checked.groups()
        if _check_digit(digits) != int(check):
            raise FormatError(f"the check digit of the account number {text} does not fit")
        return digits.zfill(_DIGITS)
    digits = text.replace("-", "")
    if not re.fullmatch(rf"\d{{{_DIGITS}}}", digits):
        raise FormatError(f"“{text[:40]}” is no account number")
    return digits


def _check_digit(digits: str) -> int:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return -sum(number // 10 + number % 10 for number in doubled) % 10
