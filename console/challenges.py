"""The commands `challenges` and `answer`: what portals ask, and what customers say."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import nullcontext

from rich.console import Console

from console.challenge_tables import challenges_table
from console.errors import UsageError
from console.here import Here, opened
from console.printed import nothing, plain, say, say_json, show
from console.questions import ask_at_terminal
from console.ringing import tell_of_answer
from console.secret_input import read_secret_line
from farm.said import said_choice, said_code, said_resend
from mfa.person import parse_answer
from mfa.port import Choice, Resend
from records import Challenge, ChallengeState, Factor
from storage.store import Store
from storage.work import ChallengeInfo


async def list_challenges(*, only_open: bool, as_json: bool) -> int:
    """Newest first; open ones by when they expire."""
    with opened() as (_, store):
        found = await asyncio.to_thread(lambda: store.challenges(only_open=only_open))
    if as_json:
        say_json([as_document(one) for one in found])
    elif not found:
        none = "No portal waits for an answer." if only_open else "No portal has asked anything yet."
        nothing(none, challenges_table(()))
    else:
        show(challenges_table(found if not only_open else sorted(found, key=lambda one: one.expires_at)))
    return 0


def as_document(one: ChallengeInfo) -> dict[str, object]:
    """A challenge for programs, on one level; ``factor`` is null for a choice among ``options``."""
    asked = plain(one.challenge)
    about = {name: value for name, value in plain(one).items() if name != "challenge"}
    return {**about, **{name: value for name, value in asked.items() if name != "expires_at"}}


async def answer(challenge_id: int, factor: Factor | None, *, resend: bool) -> int:
    """Give an answer to the worker that waits for it."""
    if factor is not None and resend:
        raise UsageError("Give either --factor or --resend, not both.")
    with opened() as (here, store):
        found = await asyncio.to_thread(store.challenge, challenge_id)
        if found is None or found.state is not ChallengeState.OPEN:
            _refuse(store, challenge_id)
            return 0
        said = await _said(found, factor, here, resend=resend)
        await asyncio.to_thread(store.answer_challenge, challenge_id, said)
        await tell_of_answer(here, store, challenge_id)
    say(f"challenge {challenge_id} answered; run {found.run_id} goes on")
    return 0


def _refuse(store: Store, challenge_id: int) -> None:
    """Have the store say why: one that is not open never becomes so again. Raises AnswerRefused."""
    store.answer_challenge(challenge_id, said_resend())


async def _said(
    found: ChallengeInfo, factor: Factor | None, here: Here, *, resend: bool
) -> Mapping[str, str]:
    """The answer as it is stored. Raises UsageError if it is none to this challenge."""
    asked = found.challenge
    if resend:
        if not asked.can_resend:
            raise UsageError(f"The portal does not offer to send the code of challenge {found.id} again.")
        return said_resend()
    if factor is not None and not asked.options:
        wanted = f" ({asked.factor})" if asked.factor else ""
        raise UsageError(
            f"The challenge {found.id} is no choice of factor; it wants an answer{wanted}, on stdin."
        )
    line = factor.value if factor is not None else await _line(asked)
    here.secrets.add(line.strip() if not asked.options else "")
    meant = parse_answer(asked, line)
    if isinstance(meant, str):
        raise UsageError(meant)
    if isinstance(meant, Choice):
        return said_choice(meant.option.factor)
    return said_resend() if isinstance(meant, Resend) else said_code(meant.text)


async def _line(asked: Challenge) -> str:
    """A line from standard input; at a terminal the portal's prompt is shown first."""
    if not sys.stdin.isatty():
        return await read_secret_line("answer")
    typed = await ask_at_terminal(Console(stderr=True), nullcontext)(asked)
    return typed or ""
