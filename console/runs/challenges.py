"""The `challenges` command: what portals ask."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from meterfarm.console.command_context import open_store
from meterfarm.console.terminal.listing import Column, Listing, Shown, styled
from meterfarm.console.terminal.output import plain, print_json, show, show_empty
from meterfarm.console.terminal.prompts import tries
from meterfarm.records import ChallengeState
from meterfarm.services import challenges
from meterfarm.storage.runs import ChallengeInfo
from meterfarm.support.instants import roughly


async def list_challenges(*, only_open: bool, as_json: bool) -> int:
    """Newest first; open ones by when they expire."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(partial(challenges.list_challenges, store, only_open=only_open))
    if as_json:
        print_json([as_document(challenge) for challenge in found])
    elif not found:
        none = "No portal waits for an answer." if only_open else "No portal has asked anything yet."
        show_empty(none, challenges_table(()))
    else:
        show(challenges_table(found))
    return 0


def as_document(challenge: ChallengeInfo) -> dict[str, object]:
    """A challenge for programs, on one level; ``factor`` is null for a choice among ``options``."""
    asked = plain(challenge.challenge)
    about = {name: value for name, value in plain(challenge).items() if name != "challenge"}
    return {**about, **{name: value for name, value in asked.items() if name != "expires_at"}}


NAMES = (
    "challenge",
    "run",
    "customer",
    "username",
    "utility",
    "state",
    "wants",
    "prompt",
    "destination",
    "error",
    "attempts_left",
    "asked_at",
    "expires_at",
    "channel",
)


def challenges_table(found: Sequence[ChallengeInfo]) -> Listing:
    """A row a challenge, in the portal's words below it; what answers by itself, too."""
    columns = [
        Column("id", right=True),
        Column("customer"),
        Column("wants"),
        Column("state"),
        Column("asked", right=True, if_room=True),
        Column("run", right=True, if_room=True),
        Column("utility", if_room=True),
    ]
    table = Listing(columns, NAMES)
    now = datetime.now(UTC)
    for challenge in found:
        cells: list[Shown] = [
            str(challenge.id),
            f"{challenge.username} ({challenge.customer_id})",
            _wants_in_words(challenge),
            _state(challenge, now),
            f"{roughly((now - challenge.asked_at).total_seconds())} ago",
            str(challenge.run_id),
            challenge.utility,
        ]
        asked = challenge.challenge
        sent = asked.destination not in asked.prompt
        error = styled(asked.error, "yellow")
        below: list[Shown] = [
            error + f" ({tries(asked.attempts_left)})" if asked.error and asked.attempts_left else error,
            f"{asked.prompt} (sent to {asked.destination})" if sent else asked.prompt,
            challenge.channel,
        ]
        table.add(cells, _record(challenge), below)
    return table


def wants(challenge: ChallengeInfo) -> str:
    """The factor, or those to choose from."""
    if challenge.challenge.options:
        return "choice: " + ", ".join(option.factor.value for option in challenge.challenge.options)
    return challenge.challenge.factor.value if challenge.challenge.factor else ""


def _wants_in_words(challenge: ChallengeInfo) -> str:
    return wants(challenge).removeprefix("choice: ").replace(", ", " or ")


def _record(challenge: ChallengeInfo) -> dict[str, object]:
    asked = challenge.challenge
    return {
        "challenge": challenge.id,
        "run": challenge.run_id,
        "customer": challenge.customer_id,
        "username": challenge.username,
        "utility": challenge.utility,
        "state": challenge.state,
        "wants": wants(challenge),
        "prompt": asked.prompt,
        "destination": asked.destination,
        "error": asked.error,
        "attempts_left": asked.attempts_left,
        "asked_at": challenge.asked_at,
        "expires_at": challenge.expires_at,
        "channel": challenge.channel,
    }


def _state(challenge: ChallengeInfo, now: datetime) -> str:
    left = (challenge.expires_at - now).total_seconds()
    if challenge.state is not ChallengeState.OPEN:
        return challenge.state.value
    return f"open, {roughly(left)} left" if left > 0 else ChallengeState.EXPIRED.value
