"""What `webhooks deliveries`, `replay` and `test` do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import MACHINE, OK
from meterfarm.console.terminal.listing import Column, Listing, Shown, styled
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty
from meterfarm.records import EventKind
from meterfarm.services.webhooks import list_deliveries, replay, resend_event, send_test
from meterfarm.storage.webhooks import DELIVERED_KINDS, DeliveryState, WebhookDelivery
from meterfarm.support.instants import shown

_STYLES = {DeliveryState.DELIVERED: "", DeliveryState.PENDING: "yellow", DeliveryState.PARKED: "red"}


async def list_all(endpoint_id: int | None, limit: int, *, failed: bool, as_json: bool) -> int:
    """Print a row for each delivery."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(
            list_deliveries, store, failed=failed, endpoint_id=endpoint_id, limit=limit
        )
    if as_json:
        print_json([_document(delivery) for delivery in found])
    elif not found:
        show_empty("No delivery has failed." if failed else "No deliveries yet.", _table(()))
    else:
        show(_table(found))
    return OK


async def replay_some(
    endpoint_id: int | None, after: int | None, event_ids: Sequence[int], *, as_json: bool
) -> int:
    """Deliver once more; print how many deliveries these are."""
    if after is not None and event_ids:
        raise UsageError("Give either --after or --event, not both.")
    with open_store() as (_, store):
        if event_ids:
            count = 0
            for event_id in event_ids:
                count += await asyncio.to_thread(resend_event, store, event_id, endpoint_id)
        else:
            count = await asyncio.to_thread(replay, store, endpoint_id, after)
    if as_json:
        print_json({"deliveries": count})
    else:
        print_line("1 delivery is sent again" if count == 1 else f"{count} deliveries are sent again")
    return OK


async def send_sample(endpoint_id: int, kind: EventKind, *, as_json: bool) -> int:
    """Post a made-up event; print what the receiver answered."""
    if kind not in DELIVERED_KINDS:
        raise UsageError(f"There is no sample of {kind.value}; kinds are {', '.join(DELIVERED_KINDS)}.")
    with open_store() as (context, store):
        result = await send_test(store, endpoint_id, kind, farm_allows_private=context.farm.webhooks_private)
    if as_json:
        print_json(
            {
                "endpoint": endpoint_id,
                "event": kind,
                "delivered": not result.fault,
                "status": result.status,
                "answer": result.answer,
                "fault": result.fault,
                "milliseconds": result.milliseconds,
            }
        )
    else:
        print_line(result.fault or f"It answered HTTP {result.status} in {result.milliseconds} ms.")
    return MACHINE if result.fault else OK


def _document(delivery: WebhookDelivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "event": delivery.event.id,
        "kind": delivery.event.kind,
        "customer": delivery.event.customer_id,
        "endpoint": delivery.endpoint_id,
        "url": delivery.url,
        "state": delivery.state,
        "since": delivery.since,
        "next_at": delivery.next_at,
        "ended_at": delivery.ended_at,
        "attempts": [
            {
                "number": attempt.number,
                "at": attempt.at,
                "status": attempt.result.status,
                "answer": attempt.result.answer,
                "fault": attempt.result.fault,
                "milliseconds": attempt.result.milliseconds,
            }
            for attempt in delivery.attempts
        ],
    }


def _table(found: Sequence[WebhookDelivery]) -> Listing:
    columns = [
        Column("event", right=True),
        Column("kind"),
        Column("customer", right=True),
        Column("to", right=True),
        Column("state"),
        Column("tries", right=True),
        Column("next", if_room=True),
    ]
    names = (
        "event", "kind", "customer", "endpoint", "url", "state", "tries", "status", "fault", "since",
        "next_at", "ended_at",
    )  # fmt: skip
    table = Listing(columns, names)
    for delivery in found:
        last = delivery.attempts[-1].result if delivery.attempts else None
        fault = last.fault if last else ""
        cells: list[Shown] = [
            str(delivery.event.id),
            delivery.event.kind.value,
            str(delivery.event.customer_id),
            str(delivery.endpoint_id),
            styled(delivery.state.value, _STYLES[delivery.state]),
            str(len(delivery.attempts)),
            shown(delivery.next_at),
        ]
        record = {
            **_document(delivery),
            "tries": len(delivery.attempts),
            "status": last.status if last else None,
            "fault": fault,
        }
        table.add(cells, record, [styled(fault, "red")])
    return table
