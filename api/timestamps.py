"""Instants in queries, as RFC 3339 writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+\- ])(\d\d):(\d\d))", re.ASCII
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_0 = -62_167_219_200
_LEAP_SECOND = 60


def timestamp(text: str) -> int | None:
    """Epoch seconds, a fraction left out; None if it is no instant with its offset.

    A plus that nobody encoded has become a space, and still means what it meant.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    sign, hours, minutes = found.groups()[6:]
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if second > _LEAP_SECOND or int(minutes or 0) >= 60:
        return None
    try:
        zone = timezone(-offset if sign == "-" else offset)
        at = datetime(year or 4, month, day, hour, minute, min(second, 59), tzinfo=zone)
    except ValueError:
        return None
    return int((at - EPOCH).total_seconds()) if year else _YEAR_0
