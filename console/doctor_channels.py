"""What the doctor looks at of mailboxes and numbers that receive codes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from meterfarm.console.check_result import CheckResult, fail, warn, well
from meterfarm.console.command_context import CommandContext
from meterfarm.console.mailboxes import check_report
from meterfarm.services.mailboxes import check_mailbox, list_mailboxes
from meterfarm.services.phone_numbers import list_numbers
from meterfarm.storage import StorageError
from meterfarm.storage.channels import MailboxInfo
from meterfarm.storage.store import CompanyStore, Store

_CHECKED = 20
"""Mailboxes that are connected to; of others the last check is shown."""


async def examine_channels(context: CommandContext) -> AsyncIterator[CheckResult]:
    """Nothing where there are none, or where the state does not open, which `database` reports."""
    try:
        farm = await asyncio.to_thread(Store.open, context.settings)
    except StorageError:
        return
    with farm:
        stores = [farm.of(company) for company in farm.companies.list()]
        mailboxes = [(store, one) for store in stores for one in list_mailboxes(store)]
        for number, (store, one) in enumerate(mailboxes):
            yield await _mailbox(store, one, connect=number < _CHECKED)
        numbers = sum(len(list_numbers(store)) for store in stores)
        receivers = farm.sms.running()
        if numbers and not receivers:
            yield warn("numbers", f"{numbers:,} receive codes, and no inbox is running", "start `inbox`")
        elif numbers:
            where = ", ".join(one.address for one in receivers)
            yield well("numbers", f"{numbers:,} receive codes at {where}")


async def _mailbox(store: CompanyStore, mailbox: MailboxInfo, *, connect: bool) -> CheckResult:
    report, fault = f"{mailbox.account} was well when it was last checked", mailbox.fault
    if connect:
        found = await check_mailbox(store, mailbox.id)
        report, fault = check_report(found), found.fault
    check = f"mailbox {mailbox.id}"
    if not fault:
        return well(check, report)
    todo = f"`mailbox update {mailbox.id} --password-stdin`, or see to the server; people answer"
    return fail(check, fault.removesuffix("."), todo)
