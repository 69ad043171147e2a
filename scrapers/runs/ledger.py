"""What the portal listed against what is in store, item by item, with the reason for every gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from meterfarm.formats.errors import FormatError
from meterfarm.records import LedgerItem, Outcome, Part
from meterfarm.scrapers.outcomes import ItemFailed, ListFailed, Stop
from meterfarm.support.foreign_text import NAME, one_line
from meterfarm.support.logs import safe_for_the_run

_PLURALS = {Part.BILLS: "bills", Part.INTERVALS: "interval data"}


class Ledger:
    """Grows while a run collects. An item entered twice keeps the last word.

    ``portal_has_data`` is set once the portal lists anything, also what nobody asked for. ``again_at`` is
    when the first of the exports that the portal is still making, or of further data, is to be there, if
    it gave a time.
    """

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], LedgerItem] = {}
        self.portal_has_data = False
        self.again_at: datetime | None = None

    def stored(self, account: str, item: str, *, downloaded: bool, doubt: str = "") -> None:
        """Enter an item that is in store."""
        self._enter(LedgerItem(account, item, True, downloaded, doubt))

    def unread(self, account: str, item: str, reason: str, *, downloaded: bool) -> None:
        """It is stored, and no layout reads it yet."""
        self._enter(LedgerItem(account, item, True, downloaded, reason, unread=True))

    def missing(self, account: str, item: str, reason: str) -> None:
        """Enter an item that is not in store, with the reason."""
        self._enter(LedgerItem(account, item, stored=False, reason=reason))

    def pending(self, account: str, item: str, reason: str, again_at: datetime | None = None) -> None:
        """It is not in store, but under way: a later run fetches it, from ``again_at`` on."""
        if again_at is not None:
            self.look_again(again_at)
        self._enter(LedgerItem(account, item, stored=False, reason=reason, pending=True))

    def not_there(self, account: str, item: str) -> None:
        """The portal has nothing of the kind after all."""
        self._items.pop((account, item), None)

    def look_again(self, at: datetime) -> None:
        """The portal is to have something by then."""
        self.again_at = min(at, self.again_at or at)

    def _enter(self, item: LedgerItem) -> None:
        account, name = one_line(item.account_number, NAME), one_line(item.item, NAME)
        self._items[account, name] = replace(
            item, account_number=account, item=name, reason=safe_for_the_run(item.reason)
        )

    @contextmanager
    def listing(self, account: str, what: str) -> Iterator[None]:
        """Around asking what there is: a list that cannot be had is a gap, too.

        Raises:
            ListFailed: it is this list's fault, as far as can be known.
            Stop: it is not.
        """
        try:
            yield
        except Stop as stop:
            self.missing(account, f"list of {what}", stop.message)
            if stop.outcome is not Outcome.PORTAL_DOWN:
                raise
            raise ListFailed(stop) from stop
        except (ItemFailed, FormatError) as exc:
            self.missing(account, f"list of {what}", str(exc))
            cause = exc.__cause__
            raise ListFailed(
                cause if isinstance(cause, Stop) else Stop(Outcome.PORTAL_DOWN, str(exc))
            ) from exc

    @property
    def items(self) -> Sequence[LedgerItem]:
        """All entries, in order."""
        return tuple(self._items.values())

    @property
    def gaps(self) -> Sequence[LedgerItem]:
        """The entries that are missing, and that nothing will bring by itself."""
        return tuple(item for item in self._items.values() if not item.stored and not item.pending)

    @property
    def under_way(self) -> Sequence[LedgerItem]:
        """The entries that the portal is still making."""
        return tuple(item for item in self._items.values() if item.pending)

    def outcome(self, accounts: int, parts: Set[Part] = frozenset(Part)) -> tuple[Outcome, str]:
        """What a run of these parts that got to its end amounts to, and a sentence for the user."""
        if not accounts:
            return Outcome.NO_ACCOUNTS, "The login has no utility accounts."
        if not self._items and self.portal_has_data:
            return Outcome.COMPLETE, "The portal has nothing from the days asked for."
        if not self._items:
            lacking = " and ".join(f"no {_PLURALS[part]}" for part in Part if part in parts)
            return Outcome.NO_DATA_YET, f"The portal has {lacking} yet."
        if self.gaps:
            return Outcome.PARTIAL, (_named("Missing", self.gaps) + _named("Pending", self.under_way)).strip()
        fresh = sum(item.downloaded for item in self.items)
        if self.under_way:
            stored = len(self._items) - len(self.under_way)
            message = f"{stored} of {len(self._items)} items are in store, {fresh} of them new."
            return Outcome.PENDING, message + _named("Pending", self.under_way)
        message = f"All {len(self._items)} items are in store, {fresh} of them new."
        unread = [item for item in self.items if item.unread]
        doubtful = [item for item in self.items if item.stored and item.reason and not item.unread]
        return Outcome.COMPLETE, message + _named("Unread", unread) + _named("In doubt", doubtful)


def _named(label: str, items: Sequence[LedgerItem]) -> str:
    """A sentence that names the first of them with its reason, "" if there is none."""
    if not items:
        return ""
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return f" {label}: {items[0].item}{more} ({items[0].reason})."
