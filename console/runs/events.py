"""The `events` command: the outbox, in a pipe as lines of JSON, at a terminal as lines for people."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.listing import safe_text
from meterfarm.console.terminal.output import must_have_a_reader, print_json, show
from meterfarm.records import EventKind
from meterfarm.services.event_payloads import EventRendering
from meterfarm.services.links import DEFAULT_URL
from meterfarm.storage.customers import Event
from meterfarm.storage.store import CompanyStore

_BATCH = 500
_LOOK = 1.0
_ALREADY = frozenset({"customer_id", "run_id"})


async def show_events(after: int, kinds: Sequence[EventKind], *, follow: bool, as_json: bool) -> int:
    """Print the events after one, and with ``follow`` those to come, until Ctrl-C or the reader's end."""
    if follow and as_json:
        raise UsageError("--json makes one document of all events, which --follow has no end for.")
    with open_store() as (context, store):
        printing = _Printing(store, EventRendering(context.farm.public_url or DEFAULT_URL))
        if as_json:
            found: list[Event] = []
            while batch := await asyncio.to_thread(store.events.after, after, _BATCH, kinds):
                found += batch
                after = batch[-1].id
            print_json([printing.as_json(event) for event in found])
            return 0
        try:
            after = await printing.after(after, kinds)
            while follow:
                must_have_a_reader()
                await asyncio.sleep(_LOOK)
                after = await printing.after(after, kinds)
        except asyncio.CancelledError:
            if not follow:
                raise
            return 0  # how one ends it
    return 0


@dataclass(frozen=True, slots=True)
class _Printing:
    """Prints events of a company, rendered as its webhooks are."""

    store: CompanyStore
    rendering: EventRendering

    async def after(self, after: int, kinds: Sequence[EventKind]) -> int:
        """Print those after one; the last one's id."""
        while batch := await asyncio.to_thread(self.store.events.after, after, _BATCH, kinds):
            for event in batch:
                if sys.stdout.isatty():
                    show(*_for_people(event))
                else:
                    print_json(self.as_json(event), indent=None)
            after = batch[-1].id
        return after

    def as_json(self, event: Event) -> dict[str, object]:
        """An event for programs."""
        return {
            "id": event.id,
            "at": event.at,
            "kind": event.kind,
            "customer": event.customer_id,
            "run": event.run_id,
            "payload": self.rendering.of(self.store, event),
        }


def _for_people(event: Event) -> list[RenderableType]:
    """When, who and what; below it the event's facts, lists by their length."""
    run = f"  run {event.run_id}" if event.run_id is not None else ""
    head = Text(f"{event.id}  {event.at:%Y-%m-%d %H:%M:%S}  customer {event.customer_id}{run}  ")
    detail = ", ".join(
        f"{name}: {len(value) if isinstance(value, list) else value}"
        for name, value in event.facts.items()
        if name not in _ALREADY and value not in (None, "") and not isinstance(value, Mapping)
    )
    kind = head + Text(event.kind.value, style="bold")
    return [kind, Padding(safe_text(detail), (0, 0, 0, 4))] if detail else [kind]
