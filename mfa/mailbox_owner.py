"""Whose code a mail in a mailbox of several customers brings. Pure.

Only what is certain counts: no code is better than somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from meterfarm.mfa.mailbox import Envelope

_MASKED = re.compile(
    r"[*#\u00b7\u00d7\u2022\u2024\u2026\u204e\u2217\u2219\u25a0\u25cf\uff0a]+|\.{2,}|[xX]{3,}|_{3,}|-{3,}"
)

_NOT_IN_IT = r"\s<>()\",;:\u2018\u2019\u201c\u201d"
_SHOWN = re.compile(rf"[^{_NOT_IN_IT}]+@[^{_NOT_IN_IT}]+")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What is known of the others who receive codes in the mailbox from the same portal.

    ``addresses`` are those recipients of the mail that are others' user names, ``masks`` where the portal
    lately sent codes for others. ``are_none``: there is nobody else.
    """

    addresses: Collection[str] = ()
    masks: Collection[str] = ()
    are_none: bool = False


def is_for(envelope: Envelope, username: str, destination: str, others: Neighbours) -> bool:
    """Whether the mail is certainly for the customer of this user name: it went to their masked address."""
    recipients, theirs = envelope.recipients, frozenset(others.addresses)
    if not recipients:
        return others.are_none
    mine = _address(username, destination)
    if mine:
        return mine in recipients and not theirs - {mine}
    mask = _mask(destination)
    if mask is None:
        return others.are_none
    fitting = {address for address in recipients if mask.fullmatch(address)}
    rivals = [rival for each in others.masks if (rival := _mask(each)) is not None]
    return (
        bool(fitting)
        and not fitting & theirs
        and not any(rival.fullmatch(address) for rival in rivals for address in fitting)
    )


def goes_by_mask(username: str, destination: str) -> bool:
    """Whether the customer's own address is not known, and only the masked one shows for whom a mail is."""
    return not _address(username, destination)


def may_reach(destination: str, address: str) -> bool:
    """Whether a masked destination (i***l@example.com) may be this address."""
    mask = _mask(destination)
    return mask is None or bool(mask.fullmatch(address.casefold()))


def _address(username: str, destination: str) -> str:
    """The customer's address, if it is known: the user name, unless the portal sends elsewhere."""
    address = username.strip().casefold()
    return address if "@" in address and may_reach(destination, address) else ""


def _mask(destination: str) -> re.Pattern[str] | None:
    """A masked address as a pattern; None if it is no address."""
    found = _SHOWN.search(destination.casefold())
    if found is None:
        return None
    parts = _MASKED.split(re.sub(r"(?<!\.)[.!?]$", "", found[0]))
    first, *others = map(re.escape, parts)
    last = [f"[^@]*{other}" for other in others[-1:]]
    return re.compile("".join([first, *(f"(?>[^@]*?{other})" for other in others[:-1]), *last]))
