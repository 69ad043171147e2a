"""What the API's routes work with: the farm's store, and the address by which others know this server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import Request

from meterfarm.farm.settings import FarmSettings
from meterfarm.services.bayou_customer import CustomerRendering
from meterfarm.storage.store import Store


async def _nobody() -> None:
    """No worker can be notified: they look at the database every two seconds."""


@dataclass(frozen=True, slots=True)
class ApiContext:
    """As ``app.state.context``.

    ``public_url`` begins every link, without a slash at its end. ``notify`` wakes the workers for runs that
    were queued.
    """

    store: Store
    settings: FarmSettings
    public_url: str
    notify: Callable[[], Awaitable[object]] = _nobody
    customers: CustomerRendering = field(init=False)

    def __post_init__(self) -> None:
        """Renderings hold what they may remember."""
        object.__setattr__(self, "customers", CustomerRendering(self.public_url))


def context_of(request: Request) -> ApiContext:
    """The context of the app that answers this request."""
    context: ApiContext = request.app.state.context
    return context
