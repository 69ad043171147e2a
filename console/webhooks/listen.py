"""What `webhooks listen` does: for a developer, events forwarded to a program on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import SecretStr

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.output import must_have_a_reader, print_line
from meterfarm.farm.webhooks.addresses import AddressRefused, checked, parsed
from meterfarm.farm.webhooks.posting import Poster
from meterfarm.farm.webhooks.signing import message_id, signed_headers
from meterfarm.records import EventKind
from meterfarm.services.event_payloads import EventRendering
from meterfarm.services.links import DEFAULT_URL
from meterfarm.services.webhooks import json_bytes
from meterfarm.storage.customers import Event
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import DELIVERED_KINDS, new_secret

_LOOK = 0.5
_BATCH = 100


async def forward(url: str, kinds: Sequence[EventKind]) -> int:
    """Post each event from now on, and print what became of it, until Ctrl-C."""
    try:
        address = str((await checked(parsed(url), allows_private=True)).url)
    except AddressRefused as exc:
        raise UsageError(str(exc)) from exc
    secret = SecretStr(new_secret())
    with open_store() as (context, store):
        rendering = EventRendering(context.farm.public_url or DEFAULT_URL)
        forwarding = _Forwarding(store, rendering, address, secret)
        after = await asyncio.to_thread(store.events.newest)
        print_line(f"Events from now on go to {address}; Ctrl-C ends it. Their secret:")
        print_line(secret.get_secret_value())
        try:
            while True:
                must_have_a_reader()
                for event in await asyncio.to_thread(
                    store.events.after, after, _BATCH, kinds or DELIVERED_KINDS
                ):
                    print_line(await forwarding.send(event))
                    after = event.id
                await asyncio.sleep(_LOOK)
        except asyncio.CancelledError:
            return OK  # how one ends it


class _Forwarding:
    """Posts events to one address, signed with a secret of this command's own."""

    def __init__(
        self, store: CompanyStore, rendering: EventRendering, address: str, secret: SecretStr
    ) -> None:
        self._store = store
        self._rendering = rendering
        self._address = address
        self._secret = secret
        self._poster = Poster(allows_private=True)

    async def send(self, event: Event) -> str:
        """A line that says what became of it."""
        payload = await asyncio.to_thread(self._rendering.of, self._store, event)
        body, at = json_bytes(payload), datetime.now(UTC)
        headers = signed_headers(message_id(event.id), body, [self._secret], at)
        result = (await self._poster.post(self._address, headers, body)).result
        became = result.fault or f"{result.status} in {result.milliseconds} ms"
        head = f"{at:%H:%M:%S}  {message_id(event.id)}  {event.kind.value}"
        return f"{head}  customer {event.customer_id}: {became}"
