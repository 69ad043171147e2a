"""What changes on a form while it is open, as server-sent events: the store is looked at again and again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from meterfarm.web.onboarding.link import FormLink
from meterfarm.web.onboarding.view import FormView, complete, form_view

EVERY = 0.3
"""Seconds from one look to the next."""
_LONGEST = 110.0
"""Seconds that a stream lasts; the page asks for another one."""
_BEAT = 15.0


async def changes_of(link: FormLink, version: str) -> AsyncIterator[str]:
    """Events of one open form, which shows ``version``."""
    loop = asyncio.get_running_loop()
    ends, beat = loop.time() + _LONGEST, loop.time() + _BEAT
    yield "retry: 1000\n\n"
    while loop.time() < ends:
        view: FormView = await run_in_threadpool(form_view, link)
        if view.version != version:
            version = view.version
            shown = {name: view.values[name] for name in ("step", "event", "event_id")}
            shown |= {"version": version, "html": await run_in_threadpool(_main, link, view)}
            yield f"data: {json.dumps(shown)}\n\n"
        elif loop.time() > beat:
            beat = loop.time() + _BEAT
            yield ": still here\n\n"
        await asyncio.sleep(EVERY)


def _main(link: FormLink, view: FormView) -> str:
    complete(link, view)
    return view.main()
