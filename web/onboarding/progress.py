"""What changes on a form while it is open, as server-sent events: the store is looked at again and again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from meterfarm.services.onboarding import OnboardingStep
from meterfarm.web.limits import FollowedForms
from meterfarm.web.onboarding.link import FormLink
from meterfarm.web.onboarding.view import FormView, complete, form_view

EVERY = 0.3
"""Seconds from one look to the next."""
_RARELY = 3.0
_SOON, _LATER = 1000, 10_000
"""Milliseconds after which a page asks for another stream; later where there was no room."""
_FOLLOWED = {OnboardingStep.WORKING, OnboardingStep.CHALLENGE, OnboardingStep.WAITING}
_LONGEST = 110.0
"""Seconds that a stream lasts; the page asks for another one."""
_BEAT = 15.0


async def changes_of(link: FormLink, version: str, streams: FollowedForms) -> AsyncIterator[str]:
    """Events of one open form, which shows ``version``, until nothing of it changes by itself any more."""
    loop = asyncio.get_running_loop()
    ends, beat = loop.time() + _LONGEST, loop.time() + _BEAT
    with streams.one(link.customer.id) as has_room:
        yield f"retry: {_SOON if has_room else _LATER}\n\n"
        while has_room and loop.time() < ends:
            view: FormView = await run_in_threadpool(form_view, link)
            if view.version != version:
                version = view.version
                shown = {name: view.values[name] for name in ("step", "event", "event_id")}
                shown |= {"version": version, "html": await run_in_threadpool(_main, link, view)}
                yield f"data: {json.dumps(shown)}\n\n"
            elif loop.time() > beat:
                beat = loop.time() + _BEAT
                yield ": still here\n\n"
            if view.values["step"] not in _FOLLOWED:
                return
            await asyncio.sleep(EVERY if view.values["step"] != OnboardingStep.WAITING else _RARELY)


def _main(link: FormLink, view: FormView) -> str:
    complete(link, view)
    return view.main()
