"""A company's webhooks: where its events are delivered, how that went, and once more on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from meterfarm.farm.webhooks.addresses import AddressRefused, checked, parsed
from meterfarm.farm.webhooks.posting import Poster
from meterfarm.farm.webhooks.signing import signed_headers
from meterfarm.records import EventKind
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound
from meterfarm.services.event_samples import sample
from meterfarm.storage.customers import Event
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import (
    DELIVERED_KINDS,
    AttemptResult,
    EndpointState,
    WebhookDelivery,
    WebhookEndpoint,
)

BOTH_GOOD_FOR = timedelta(hours=48)
"""For how long a secret that was replaced still signs beside the new one."""
_MOST_ENDPOINTS = 20
_BATCH = 500


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What is to change of an endpoint; None leaves a value."""

    url: str | None = None
    kinds: Sequence[EventKind] | None = None
    allows_private: bool | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class EventWithDeliveries:
    """An event, and what became of it at each endpoint."""

    event: Event
    deliveries: Sequence[WebhookDelivery]


def list_endpoints(store: CompanyStore) -> Sequence[WebhookEndpoint]:
    """By id."""
    return store.webhooks.list()


def find_endpoint(store: CompanyStore, endpoint_id: int) -> WebhookEndpoint:
    """The endpoint with this id.

    Raises:
        NotFound: there is none.
    """
    found = next((each for each in store.webhooks.list() if each.id == endpoint_id), None)
    if found is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id}; list those that are there.")
    return found


def add_endpoint(
    store: CompanyStore,
    url: str,
    kinds: Sequence[EventKind] = (),
    *,
    allows_private: bool = False,
    farm_allows_private: bool = False,
) -> tuple[WebhookEndpoint, SecretStr]:
    """Add an endpoint for the events from now on, and the secret by which it verifies them.

    ``allows_private``: the operator allows this one to be in a private network; ``farm_allows_private``, all.

    Raises:
        InvalidRequest: the address cannot be used, or webhooks may not go there.
        Conflict: there are as many as a company may have.
    """
    address = _checked(url, allows_private=allows_private or farm_allows_private)
    if len(store.webhooks.list()) >= _MOST_ENDPOINTS:
        raise Conflict(f"A company has at most {_MOST_ENDPOINTS} webhook endpoints; remove one first.")
    return store.webhooks.add(address, kinds or DELIVERED_KINDS, allows_private=allows_private)


def change_endpoint(
    store: CompanyStore, endpoint_id: int, change: EndpointChange, *, farm_allows_private: bool = False
) -> WebhookEndpoint:
    """Change what is given; ``farm_allows_private`` as in ``add_endpoint``.

    Raises:
        NotFound: there is no such endpoint.
        InvalidRequest: the address cannot be used, or webhooks may not go there.
    """
    there = find_endpoint(store, endpoint_id)
    allows = there.allows_private if change.allows_private is None else change.allows_private
    url = None if change.url is None else _checked(change.url, allows_private=allows or farm_allows_private)
    states = {None: None, True: EndpointState.ACTIVE, False: EndpointState.PAUSED}
    store.webhooks.change(
        endpoint_id,
        url=url,
        kinds=(change.kinds or DELIVERED_KINDS) if change.kinds is not None else None,
        allows_private=change.allows_private,
        state=states[change.active],
    )
    return find_endpoint(store, endpoint_id)


def remove_endpoint(store: CompanyStore, endpoint_id: int) -> None:
    """Forget an endpoint with its secrets and deliveries.

    Raises:
        NotFound: there is no such endpoint.
    """
    find_endpoint(store, endpoint_id)
    store.webhooks.remove(endpoint_id)


def rotate_secret(store: CompanyStore, endpoint_id: int) -> tuple[SecretStr, datetime]:
    """A new signing secret, and until when the one before it still signs beside it.

    Raises:
        NotFound: there is no such endpoint.
    """
    find_endpoint(store, endpoint_id)
    until = datetime.now(UTC) + BOTH_GOOD_FOR
    return store.webhooks.rotate(endpoint_id, BOTH_GOOD_FOR), until


def list_deliveries(
    store: CompanyStore, *, failed: bool = False, endpoint_id: int | None = None, limit: int = 100
) -> Sequence[WebhookDelivery]:
    """Deliveries with their attempts, newest events first; ``failed``: those that have failed so far.

    Raises:
        NotFound: there is no such endpoint.
    """
    if endpoint_id is not None:
        find_endpoint(store, endpoint_id)
    return store.webhooks.deliveries(failed=failed, endpoint_id=endpoint_id, limit=limit)


def list_events(
    store: CompanyStore,
    after: int = 0,
    kinds: Sequence[EventKind] = (),
    limit: int = 100,
    *,
    undelivered: bool = False,
) -> Sequence[EventWithDeliveries]:
    """The events after one, by id, with their deliveries; ``undelivered``: those that some endpoint lacks."""
    found = (
        _undelivered(store, after, kinds, limit) if undelivered else store.events.after(after, limit, kinds)
    )
    deliveries = store.webhooks.of_events([event.id for event in found])
    return [EventWithDeliveries(event, deliveries.get(event.id, ())) for event in found]


def find_event(store: CompanyStore, event_id: int) -> EventWithDeliveries:
    """The event with this id.

    Raises:
        NotFound: there is none.
    """
    found = list_events(store, event_id - 1, limit=1) if event_id > 0 else ()
    if not found or found[0].event.id != event_id:
        raise NotFound(f"There is no event {event_id}.")
    return found[0]


def resend_event(store: CompanyStore, event_id: int, endpoint_id: int | None = None) -> int:
    """Deliver an event once more, to one endpoint or to all that are active; to how many.

    Raises:
        NotFound: there is no such event, or no such endpoint.
    """
    find_event(store, event_id)
    if endpoint_id is not None:
        chosen = [find_endpoint(store, endpoint_id)]
    else:
        chosen = [each for each in store.webhooks.list() if each.state is EndpointState.ACTIVE]
    return sum(store.webhooks.resend([event_id], endpoint.id) for endpoint in chosen)


def replay(store: CompanyStore, endpoint_id: int | None = None, after: int | None = None) -> int:
    """Deliver what is parked, or with ``after`` every event after one, once more; how many deliveries.

    Raises:
        NotFound: there is no such endpoint.
    """
    chosen = store.webhooks.list() if endpoint_id is None else [find_endpoint(store, endpoint_id)]
    if after is None:
        return sum(store.webhooks.resend_parked(endpoint.id) for endpoint in chosen)
    return sum(store.webhooks.resend_after(endpoint.id, after) for endpoint in chosen)


async def send_test(
    store: CompanyStore, endpoint_id: int, kind: EventKind, *, farm_allows_private: bool
) -> AttemptResult:
    """Post a made-up event of the kind to the endpoint, signed, now; how that went. It is tried once.

    Raises:
        NotFound: there is no such endpoint.
    """
    endpoint = await asyncio.to_thread(find_endpoint, store, endpoint_id)
    secrets = await asyncio.to_thread(store.webhooks.secrets, endpoint_id)
    at = datetime.now(UTC)
    body = json_bytes(sample(kind))
    headers = signed_headers(f"test_{endpoint_id}_{int(at.timestamp())}", body, secrets.secrets, at)
    poster = Poster(allows_private=farm_allows_private)
    posted = await poster.post(endpoint.url, headers, body, allows_private=endpoint.allows_private)
    return posted.result


def json_bytes(value: Mapping[str, object]) -> bytes:
    """``value`` as it is posted."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _checked(url: str, *, allows_private: bool) -> str:
    try:
        target = asyncio.run(checked(parsed(url), allows_private=allows_private))
    except AddressRefused as exc:
        raise InvalidRequest(str(exc)) from exc
    return str(target.url)


def _undelivered(store: CompanyStore, after: int, kinds: Sequence[EventKind], limit: int) -> Sequence[Event]:
    found: list[Event] = []
    while len(found) < limit and (ids := store.webhooks.undelivered(after, _BATCH)):
        wanted, after = set(ids), ids[-1]
        at = ids[0] - 1
        while events := store.events.after(at, _BATCH, kinds):
            found += [event for event in events if event.id in wanted]
            at = events[-1].id
            if at >= after or len(found) >= limit:
                break
    return found[:limit]
