"""What the doctor looks at of mailboxes and numbers that receive codes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from meterfarm.console.finding import Finding, fail, warn, well
from meterfarm.console.here import Here
from meterfarm.console.mailboxes import tried
from meterfarm.storage.errors import StorageError
from meterfarm.storage.store import Store

_LOOKED_INTO = 20
"""So many mailboxes are connected to; of others it is told how they last did."""


async def examine_channels(here: Here) -> AsyncIterator[Finding]:
    """Nothing where there are none, nor of a state that does not open: that is told elsewhere."""
    try:
        store = await asyncio.to_thread(Store.open, here.settings)
    except StorageError:
        return
    with store:
        for number, one in enumerate(store.channels.mailboxes()):
            said, fault = f"{one.account} was well when it was last looked into", one.fault
            if number < _LOOKED_INTO:
                said, fault = await tried(store, one)
            check = f"mailbox {one.id}"
            if fault:
                todo = f"`mailbox update {one.id} --password-stdin`, or see to the server; people answer"
                yield fail(check, fault.removesuffix("."), todo)
            else:
                yield well(check, said)
        numbers, inboxes = store.channels.numbers(), store.channels.inboxes()
        if numbers and not inboxes:
            said = f"{len(numbers):,} receive codes, and no inbox is running"
            yield warn("numbers", said, "start `inbox`")
        elif numbers:
            where = ", ".join(one.address for one in inboxes)
            yield well("numbers", f"{len(numbers):,} receive codes; taken in at {where}")
