"""How right this machine's clock is: TOTP codes live for 30 s, and portals allow little more."""

from __future__ import annotations

import ctypes
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException

_SECONDS = 3.0
_ANSWERED = 0.5
"""HTTP dates are cut to whole seconds: in the middle half a second is added."""
_UNSYNCHRONISED = 5


@dataclass(frozen=True, slots=True)
class Compared:
    """By how many seconds our clock is ahead of another, give or take ``within``."""

    source: str
    ahead: float
    within: float


def of_portal(url: str) -> Compared | None:
    """By the ``Date`` of the portal's answer; None if it gives none. Raises OSError if it is not reached."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - an address of a utility's script or setting
    before = time.time()
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
            date = response.headers.get("Date")
    except urllib.error.HTTPError as exc:
        date = exc.headers.get("Date")
    except (HTTPException, ValueError) as exc:
        raise OSError(type(exc).__name__) from exc
    after = time.time()
    try:
        theirs = parsedate_to_datetime(date or "").timestamp() + _ANSWERED
    except ValueError:
        return None
    return between(url, before, theirs, after, coarse=_ANSWERED)


def between(source: str, before: float, theirs: float, after: float, *, coarse: float = 0.0) -> Compared:
    """From their time, which was read between two readings of our clock."""
    return Compared(source, (before + after) / 2 - theirs, (after - before) / 2 + coarse)


def kernel_says() -> str:
    """Whether the kernel knows of something that keeps it right, and the error it reckons with."""
    try:
        read = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return "the kernel does not say whether it is kept right"
    timex = (ctypes.c_char * 256)()
    state = read(timex)
    if state < 0:
        return "the kernel does not say whether it is kept right"
    if state == _UNSYNCHRONISED:
        return "the kernel says that nothing keeps it right (no NTP)"
    longs = ctypes.cast(timex, ctypes.POINTER(ctypes.c_long))
    return f"the kernel says that NTP keeps it within {longs[3] / 1e6:.1f} s"


def worst(compared: Sequence[Compared]) -> Compared | None:
    """The one with the greatest difference for certain."""
    return max(compared, key=lambda clock: abs(clock.ahead) - clock.within, default=None)
