"""What a visit must never do: leave the utility's hosts, or touch a control that pays, enrols or cancels."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_DANGEROUS = re.compile(
    r"\b(pay|payments?|autopay|enroll?|enrollment|cancel|delete|remove|deactivate|unsubscribe|donate|purchase"
    r"|(stop|start|transfer|move) (my )?service|go paperless|accept|agree)\b",
    re.IGNORECASE,
)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def is_allowed(url: str, hosts: Sequence[str]) -> bool:
    """Whether ``url`` is on one of ``hosts``, which may begin with ``*.``; data and blob addresses are."""
    if urlsplit(url).scheme in {"data", "blob", "about"}:
        return True
    return any(fnmatch.fnmatchcase(host_of(url), pattern) for pattern in hosts)


def is_dangerous(name: str) -> bool:
    """Whether a control with this name could spend the customer's money or change what they agreed to."""
    return _DANGEROUS.search(name) is not None
