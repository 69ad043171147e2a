"""What receives codes for one run's customer by itself: a mailbox, a number. Looked up when it signs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meterfarm.farm.codes.code_search import PendingCode
from meterfarm.farm.codes.mailboxes import MailboxConnections
from meterfarm.mfa.mailbox_owner import may_reach
from meterfarm.mfa.text_message import is_sent_to
from meterfarm.records import Challenge, Factor, FactorOption
from meterfarm.scrapers.utility import Utility
from meterfarm.storage.channels import NO_INBOX, WAITS_FOR_TEXT, Receivers
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import CompanyStore


class CodeChannels:
    """Of one run. Nothing is asked of the store before ``load``."""

    def __init__(
        self,
        store: CompanyStore,
        lease: Lease,
        customer: Customer,
        utility: Utility,
        mailboxes: MailboxConnections,
    ) -> None:
        self._store = store
        self._lease = lease
        self._customer = customer
        self._utility = utility
        self._mailboxes = mailboxes
        self._receivers = Receivers()
        self._pending = PendingCode(customer, utility.mail_codes, lease.run_id)

    async def load(self) -> None:
        """Read what receives codes for the customer. Raises StorageError."""
        self._receivers = await asyncio.to_thread(self._store.channels.receivers, self._customer)

    def receives(self, factor: Factor) -> bool:
        """Whether codes of this kind come in by themselves, if all is well."""
        if factor is Factor.EMAIL:
            return self._receivers.mailbox is not None and bool(self._utility.mail_codes)
        if factor is Factor.SMS:
            return bool(self._receivers.number and self._utility.text_codes)
        return False

    def may_be_trusted(self, factor: Factor) -> bool:
        """Whether a code may be sent for with nobody at hand: this way one came before, and it works now."""
        has = self._receivers
        if factor is Factor.EMAIL:
            return has.mailbox is not None and self.receives(factor) and has.mailbox.is_well and has.mail_came
        return self.receives(factor) and has.text_came and has.sms_receiver_runs

    def is_sent_here(self, option: FactorOption) -> bool:
        """Whether a factor that the portal offers sends its code to where we receive, so far as is known."""
        has = self._receivers
        if not self.receives(option.factor):
            return False
        if option.factor is Factor.SMS:
            return has.sms_receiver_runs and is_sent_to(option.destination, has.number)
        if has.mailbox is None or has.mailbox.fault:
            return False
        addresses = {self._customer.username, has.mailbox.account.username}
        known = [address for address in addresses if "@" in address]
        return not known or any(may_reach(option.destination, address) for address in known)

    async def expect(self, factor: Factor | None) -> None:
        """A code is about to be sent for, by this factor if known: only what comes from now on counts."""
        if self._receivers.number and factor in (None, Factor.SMS, Factor.EMAIL):
            await asyncio.to_thread(self._store.channels.expect_text, self._lease, self._customer, factor)
        mailbox = self._receivers.mailbox
        if mailbox is not None and self._utility.mail_codes and factor in (None, Factor.EMAIL):
            self._pending.begin(await self._mailboxes.named(mailbox).cursor())

    @asynccontextmanager
    async def receiving(self, challenge_id: int, challenge: Challenge) -> AsyncIterator[bool]:
        """Meanwhile what comes in answers the challenge; True if it has been answered already."""
        mailbox = self._receivers.mailbox
        if challenge.factor is Factor.EMAIL and mailbox is not None and self.receives(Factor.EMAIL):
            self._pending.challenge_id, self._pending.destination = challenge_id, challenge.destination
            async with self._mailboxes.named(mailbox).watching(self._pending):
                yield False
            return
        if challenge.factor is Factor.SMS and self.receives(Factor.SMS):
            yield await self._take_text(challenge_id, challenge)
            return
        yield False

    async def _take_text(self, challenge_id: int, challenge: Challenge) -> bool:
        channels, number = self._store.channels, self._receivers.number
        if not is_sent_to(challenge.destination, number):
            return False
        if await asyncio.to_thread(channels.take_buffered_text, self._lease, self._customer, challenge_id):
            return True
        running = await asyncio.to_thread(channels.sms_receiver_runs)
        how = WAITS_FOR_TEXT if running else NO_INBOX
        await asyncio.to_thread(channels.note_channel, challenge_id, f"number {number}: {how}")
        return False
