"""What the API's routes work with: the farm's store, and the address by which others know this server."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import Request

from meterfarm.api.limits import KeyLimits, Rate
from meterfarm.farm.settings import FarmSettings
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.bayou_customer import CustomerRendering
from meterfarm.services.event_payloads import EventRendering
from meterfarm.services.notification import WorkerNotification
from meterfarm.storage.store import Store


@dataclass(frozen=True, slots=True)
class ApiContext:
    """As ``app.state.context``.

    ``public_url`` begins every link, without a slash at its end. ``workers`` are notified of what is queued;
    without them they see it when they next look at the database.
    """

    store: Store
    settings: FarmSettings
    public_url: str
    workers: WorkerNotification | None = None
    limits: KeyLimits = field(init=False)
    customers: CustomerRendering = field(init=False)
    bills: BillRendering = field(init=False)
    events: EventRendering = field(init=False)

    async def answered(self, challenge_id: int) -> None:
        """Let the worker that waits with a challenge know that it is answered."""
        if self.workers is not None:
            await self.workers.of_answer(challenge_id)

    def __post_init__(self) -> None:
        """Renderings hold what they may remember, limits what keys have sent."""
        rate = Rate(self.settings.api_burst, self.settings.api_rate)
        object.__setattr__(self, "limits", KeyLimits(rate))
        object.__setattr__(self, "customers", CustomerRendering(self.public_url))
        object.__setattr__(self, "bills", BillRendering(self.public_url))
        object.__setattr__(self, "events", EventRendering(self.public_url))


def context_of(request: Request) -> ApiContext:
    """The context of the app that answers this request."""
    context: ApiContext = request.app.state.context
    return context
