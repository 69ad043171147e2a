"""The `challenges` command: what portals ask."""

from __future__ import annotations

import asyncio
from functools import partial

from meterfarm.console.challenge_tables import challenges_table
from meterfarm.console.command_context import open_store
from meterfarm.console.output import plain, print_json, show, show_empty
from meterfarm.services import challenges
from meterfarm.storage.runs import ChallengeInfo


async def list_challenges(*, only_open: bool, as_json: bool) -> int:
    """Newest first; open ones by when they expire."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(partial(challenges.list_challenges, store, only_open=only_open))
    if as_json:
        print_json([as_document(one) for one in found])
    elif not found:
        none = "No portal waits for an answer." if only_open else "No portal has asked anything yet."
        show_empty(none, challenges_table(()))
    else:
        show(challenges_table(found))
    return 0


def as_document(one: ChallengeInfo) -> dict[str, object]:
    """A challenge for programs, on one level; ``factor`` is null for a choice among ``options``."""
    asked = plain(one.challenge)
    about = {name: value for name, value in plain(one).items() if name != "challenge"}
    return {**about, **{name: value for name, value in asked.items() if name != "expires_at"}}
