"""What pages work with: the farm's store, and the address by which others know this server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import Request

from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.notification import WorkerNotification
from meterfarm.storage.store import Store
from meterfarm.web.limits import FormLimits

_UPLOADS = 4
"""Bills of customers that are read into memory at once."""
_HASHED = 4
"""Passwords that are hashed at once: each takes 64 MiB for its tenth of a second. Others wait without a
thread, so that all else is answered meanwhile."""


@dataclass(frozen=True, slots=True)
class WebContext:
    """As ``app.state.web``. ``public_url`` begins every link, without a slash at its end.

    ``open_sign_up``: anybody may make a company of their own. ``sends_mail``: the farm has a mail server.
    ``webhooks_private``: they may go to private networks. ``bills`` renders bills as the API does.
    """

    store: Store
    public_url: str
    workers: WorkerNotification | None = None
    open_sign_up: bool = False
    sends_mail: bool = False
    webhooks_private: bool = False
    bills: BillRendering = field(default_factory=lambda: BillRendering(""))
    limits: FormLimits = field(default_factory=FormLimits)
    uploading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_UPLOADS))
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HASHED))

    async def runs_queued(self) -> None:
        """Let workers know at once that there are runs to take."""
        if self.workers is not None:
            await self.workers.of_queued_runs()

    async def answered(self, challenge_id: int) -> None:
        """Let the worker that waits with a challenge know that it is answered."""
        if self.workers is not None:
            await self.workers.of_answer(challenge_id)


def web_of(request: Request) -> WebContext:
    """The context of the app that answers this request."""
    context: WebContext = request.app.state.web
    return context
