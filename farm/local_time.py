"""Times of day by this machine's own clock, also after it was put forward or back."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

_OF_THE_MACHINE = Path("/etc/localtime")


def local_zone() -> tzinfo:
    """By ``TZ``, else by the machine's settings; a fixed offset, the present one, if these tell none."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with _OF_THE_MACHINE.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, LookupError):
        return timezone(datetime.now().astimezone().utcoffset() or timedelta())
