"""What the API's routes work with: the farm's store, and the address by which others know this server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request

from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.store import Store


async def _nobody(_run_id: int) -> None:
    """No worker can be notified: they look at the database every two seconds."""


@dataclass(frozen=True, slots=True)
class ApiContext:
    """As ``app.state.context``.

    ``public_url`` begins every link, without a slash at its end. ``notify`` wakes the workers for a run that
    was queued.
    """

    store: Store
    settings: FarmSettings
    public_url: str
    notify: Callable[[int], Awaitable[None]] = _nobody


def context_of(request: Request) -> ApiContext:
    """The context of the app that answers this request."""
    context: ApiContext = request.app.state.context
    return context
