"""What `webhooks endpoint` does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.listing import Column, Listing, Shown, styled
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty
from meterfarm.records import EventKind
from meterfarm.services.webhooks import (
    EndpointChange,
    add_endpoint,
    change_endpoint,
    list_endpoints,
    remove_endpoint,
    rotate_secret,
)
from meterfarm.storage.webhooks import DELIVERED_KINDS, EndpointState, WebhookEndpoint
from meterfarm.support.instants import shown


async def add(url: str, kinds: Sequence[EventKind], *, private: bool, as_json: bool) -> int:
    """Add an endpoint and print its secret; who has this command's store may allow it to be private."""
    with open_store() as (context, store):
        allowed = private or context.farm.webhooks_private
        endpoint, secret = await asyncio.to_thread(add_endpoint, store, url, kinds, allows_private=allowed)
    if as_json:
        print_json({**document(endpoint), "secret": secret.get_secret_value()})
    else:
        print_line(f"webhook endpoint {endpoint.id} added; its secret, shown once:")
        print_line(secret.get_secret_value())
    return OK


async def list_all(*, as_json: bool) -> int:
    """Print a row for each endpoint."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(list_endpoints, store)
    if as_json:
        print_json([document(endpoint) for endpoint in found])
    elif not found:
        show_empty("No webhook endpoints yet: `webhooks endpoint add` adds one.", _table(()))
    else:
        show(_table(found))
    return OK


async def change(endpoint_id: int, given: EndpointChange, *, as_json: bool) -> int:
    """Change what is given."""
    if given == EndpointChange():
        raise UsageError("There is nothing to change: give --url, --event, --private, --pause or --resume.")
    with open_store() as (context, store):
        allowed = context.farm.webhooks_private
        endpoint = await asyncio.to_thread(
            change_endpoint, store, endpoint_id, given, farm_allows_private=allowed
        )
    if as_json:
        print_json(document(endpoint))
    else:
        print_line(f"webhook endpoint {endpoint_id} changed; it is {endpoint.state.value}")
    return OK


async def rotate(endpoint_id: int, *, as_json: bool) -> int:
    """Print a new secret."""
    with open_store() as (_, store):
        secret, until = await asyncio.to_thread(rotate_secret, store, endpoint_id)
    if as_json:
        print_json({"id": endpoint_id, "secret": secret.get_secret_value(), "old_until": until})
    else:
        print_line(f"until {shown(until)} the old secret signs beside this one, shown once:")
        print_line(secret.get_secret_value())
    return OK


async def remove(endpoint_id: int, *, as_json: bool) -> int:
    """Remove an endpoint."""
    with open_store() as (_, store):
        await asyncio.to_thread(remove_endpoint, store, endpoint_id)
    if as_json:
        print_json({"id": endpoint_id, "removed": True})
    else:
        print_line(f"webhook endpoint {endpoint_id} removed")
    return OK


def document(endpoint: WebhookEndpoint) -> dict[str, object]:
    """An endpoint for programs."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": [kind.value for kind in endpoint.kinds],
        "private": endpoint.allows_private,
        "state": endpoint.state,
        "pending": endpoint.pending or 0,
        "parked": endpoint.parked or 0,
        "fault": endpoint.fault,
        "since": endpoint.since,
        "created_at": endpoint.created_at,
    }


def _table(found: Sequence[WebhookEndpoint]) -> Listing:
    columns = [
        Column("id", right=True),
        Column("url"),
        Column("state"),
        Column("pending", right=True),
        Column("parked", right=True),
        Column("events", if_room=True),
    ]
    names = ("id", "url", "events", "private", "state", "pending", "parked", "fault", "since", "created_at")
    table = Listing(columns, names)
    for endpoint in found:
        is_failing = endpoint.fault and endpoint.state is EndpointState.ACTIVE
        state = "failing" if is_failing else endpoint.state.value
        kinds = "all" if set(endpoint.kinds) == set(DELIVERED_KINDS) else " ".join(endpoint.kinds)
        cells: list[Shown] = [
            str(endpoint.id),
            endpoint.url,
            styled(state, "" if state == "active" else "red"),
            str(endpoint.pending or 0),
            str(endpoint.parked or 0),
            kinds,
        ]
        below = f"since {shown(endpoint.since)}: {endpoint.fault}" if endpoint.fault else ""
        record = {**document(endpoint), "events": " ".join(endpoint.kinds)}
        table.add(cells, record, [styled(below, "red")])
    return table
