"""Bringing home what the portal lists and the store lacks. Bills and intervals fail independently."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date

from meterfarm.records import Account, Address, Meter, Outcome, Part
from meterfarm.scrapers.outcomes import ListFailed, Stop
from meterfarm.scrapers.runs.authenticator import Authenticator
from meterfarm.scrapers.runs.bills import BillCollector
from meterfarm.scrapers.runs.intervals import IntervalCollector
from meterfarm.scrapers.runs.ledger import Ledger
from meterfarm.scrapers.runs.progress import Progress
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import NAME, one_line, storable

_ACCOUNTS_IN_A_ROW = 2
"""If of so many no list at all could be had, it is the portal that is down."""
_LONGEST_KEY = 2_000
"""A portal's own key goes back to it as it is, and some are long."""
_OF_ONE_PAGE = frozenset({Outcome.LAYOUT_CHANGED, Outcome.UNKNOWN_PAGE})
"""What a page of one account may be; with others the rest may go well."""


class Collection:
    """One run's collecting. ``ledger`` is true at any moment, also after a ``Stop``."""

    def __init__(
        self,
        visit: Visit,
        authenticator: Authenticator,
        store: CompanyStore,
        customer: Customer,
        progress: Progress,
        since: Mapping[Part, date | None],
        parts: frozenset[Part] = frozenset(Part),
    ) -> None:
        self.finished: set[Part] = set()
        self.ledger = Ledger()
        self.accounts: Sequence[Account] = ()
        self._has_accounts = False
        self._visit = visit
        self._authenticator = authenticator
        self._store = store
        self._customer = customer
        self._progress = progress
        self._since = since
        self._parts = parts & authenticator.utility.capabilities.parts

    async def find_accounts(self) -> None:
        """List the login's accounts, which ``collect`` then need not do any more."""
        self._progress.step("accounts")
        utility = self._authenticator.utility
        found = [_safe(account) for account in await utility.accounts(self._visit)]
        numbers = [account.number for account in found]
        if twice := [number for number in numbers if numbers.count(number) > 1]:
            raise Stop(
                Outcome.LAYOUT_CHANGED,
                f"{utility.name} shows account {twice[0]} where another is due; the script needs mending.",
            )
        self.accounts = found
        self._has_accounts = True

    async def collect(self) -> tuple[Outcome, str]:
        """Collect every account of the login; what it came to, and a sentence about it.

        Raises:
            Stop: the portal or the script stood in the way; what was stored stays.
        """
        if not self._has_accounts:
            await self._authenticator.in_session("accounts", self.find_accounts, of_item=False)
        if self.accounts and not self._parts:
            return Outcome.COMPLETE, f"{self._authenticator.utility.name} has nothing of what was asked for."
        stops: list[Stop] = []
        unfinished: set[Part] = set()
        without_lists = 0
        for account in self.accounts:
            failures = await self._collect_account(account)
            unfinished |= failures.keys()
            stops += [failure for failure in failures.values() if isinstance(failure, Stop)]
            lists = [failure for failure in failures.values() if isinstance(failure, ListFailed)]
            without_lists = without_lists + 1 if len(lists) == len(self._parts) else 0
            if without_lists == min(len(self.accounts), _ACCOUNTS_IN_A_ROW):
                raise lists[0].stop
        if not any(item.stored for item in self.ledger.items):
            self._visit.http.raise_for_refusals()
        self.finished = set(self._parts) - unfinished
        if self.ledger.under_way:
            self.finished.discard(Part.INTERVALS)
        if stops:
            raise stops[0]
        return self.ledger.outcome(len(self.accounts), self._parts)

    async def _collect_account(self, account: Account) -> Mapping[Part, Stop | ListFailed]:
        """The parts that came to no end, and why."""
        self._progress.step(f"account {account.number}")
        account_id = await read_and_store(self._store.accounts.save, self._customer, account)
        found = await asyncio.gather(
            *(self._collect_part(part, account, account_id) for part in sorted(self._parts))
        )
        failures = {part: failure for part, failure in found if failure is not None}
        for failure in failures.values():
            if isinstance(failure, Stop) and failure.outcome not in _OF_ONE_PAGE:
                raise failure
        return failures

    async def _collect_part(
        self, part: Part, account: Account, account_id: int
    ) -> tuple[Part, Stop | ListFailed | None]:
        """What ends one part, so that the other still comes to its end."""
        collector = BillCollector if part is Part.BILLS else IntervalCollector
        try:
            await collector(
                self._visit, self._authenticator, self._store, self.ledger, self._progress
            ).collect(account, account_id, self._since[part])
        except (Stop, ListFailed) as failure:
            return part, failure
        return part, None


def _safe(account: Account) -> Account:
    """The account with the portal's words made safe to store and to show."""
    address = account.address
    return replace(
        account,
        number=one_line(account.number, NAME),
        name=one_line(account.name, NAME),
        address=Address(**_lines(asdict(address))) if address is not None else None,
        meters=[_safe_meter(meter) for meter in account.meters],
        key=storable(account.key, _LONGEST_KEY),
        additional_attributes=_lines(account.additional_attributes),
    )


def _safe_meter(meter: Meter) -> Meter:
    return replace(
        meter,
        id=one_line(meter.id, NAME),
        tariff=one_line(meter.tariff, NAME),
        additional_attributes=_lines(meter.additional_attributes),
    )


def _lines(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: one_line(text, NAME) for name, text in texts.items()}
