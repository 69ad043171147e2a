"""What the doctor looks at of mailboxes and numbers that receive codes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from meterfarm.console.check_result import CheckResult, fail, warn, well
from meterfarm.console.command_context import CommandContext
from meterfarm.console.mailboxes import check_report
from meterfarm.services.mailboxes import check_mailbox, list_mailboxes
from meterfarm.services.phone_numbers import list_numbers
from meterfarm.storage.errors import StorageError
from meterfarm.storage.store import Store

_CHECKED = 20
"""Mailboxes that are connected to; of others the last check is shown."""


async def examine_channels(context: CommandContext) -> AsyncIterator[CheckResult]:
    """Nothing where there are none, or where the state does not open, which `database` reports."""
    try:
        store = await asyncio.to_thread(lambda: Store.open(context.settings).of())
    except StorageError:
        return
    with store:
        for number, one in enumerate(list_mailboxes(store)):
            report, fault = f"{one.account} was well when it was last checked", one.fault
            if number < _CHECKED:
                found = await check_mailbox(store, one.id)
                report, fault = check_report(found), found.fault
            check = f"mailbox {one.id}"
            if fault:
                todo = f"`mailbox update {one.id} --password-stdin`, or see to the server; people answer"
                yield fail(check, fault.removesuffix("."), todo)
            else:
                yield well(check, report)
        numbers, inboxes = list_numbers(store), store.farm.sms.running()
        if numbers and not inboxes:
            yield warn("numbers", f"{len(numbers):,} receive codes, and no inbox is running", "start `inbox`")
        elif numbers:
            where = ", ".join(one.address for one in inboxes)
            yield well("numbers", f"{len(numbers):,} receive codes at {where}")
