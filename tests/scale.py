"""How much of the long matrices is tried: of each kind one, or with ``FARM_SCALE=1`` all, as every night."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")
SCALE = float(os.environ.get("FARM_SCALE") or "0.1")
FULL = SCALE >= 1


def at_full_scale(*cases: T) -> tuple[T, ...]:
    """These cases at full scale, and none of them otherwise: others of their kind are tried."""
    return cases if FULL else ()
