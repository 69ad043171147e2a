"""The `answer` command: hands an answer to the worker that waits, and says what the portal made of it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from rich.console import Console

from meterfarm.console.challenge_tables import wants
from meterfarm.console.ending import MACHINE, OK
from meterfarm.console.errors import UsageError
from meterfarm.console.here import Here, opened
from meterfarm.console.printed import say
from meterfarm.console.questions import ask_at_terminal, tries
from meterfarm.console.ringing import tell_of_answer
from meterfarm.console.secret_input import read_secret_line
from meterfarm.farm.codes.answer_codec import said_choice, said_code, said_resend
from meterfarm.mfa.person import parse_answer
from meterfarm.mfa.port import Answer, Choice, Code, Resend
from meterfarm.records import ChallengeState, Factor, Outcome, RunState, WhoActs
from meterfarm.storage.store import Store
from meterfarm.storage.work import ChallengeInfo, RunInfo

_LOOK = 0.5
_TYPED_WRONGLY = 3
_REFUSED = Outcome.MFA_FAILED.exit_code


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a worker has taken the answer, and from then until the portal has judged it."""

    taken: float = 20.0
    judged: float = 180.0


class _How(Enum):
    SIGNED_IN = auto()
    ASKED_AGAIN = auto()
    ENDED = auto()
    NOT_TAKEN = auto()
    NOT_JUDGED = auto()


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What came of an answer; ``next`` is the challenge that the portal asked then."""

    how: _How
    run: RunInfo
    next: ChallengeInfo | None = None


async def answer(
    challenge_id: int,
    factor: Factor | None,
    *,
    resend: bool,
    wait: bool | None,
    patience: Patience | None = None,
) -> int:
    """Give an answer; with ``wait`` (None: at a terminal) say what came of it, and ask again there."""
    if factor is not None and resend:
        raise UsageError("Give either --factor or --resend, not both.")
    at_terminal = sys.stdin.isatty()
    with opened() as (here, store):
        found = await asyncio.to_thread(store.challenge, challenge_id)
        while True:
            if found is None or found.state is not ChallengeState.OPEN:
                _refuse(store, challenge_id)
                return OK
            before = _session_saved_at(store, found)
            given = await _given(found, factor, here, resend=resend)
            await asyncio.to_thread(store.answer_challenge, found.id, _as_stored(given))
            await tell_of_answer(here, store, found.id)
            if not (at_terminal if wait is None else wait):
                say(f"challenge {found.id} answered; run {found.run_id} continues")
                return OK
            verdict = await _judged(store, found, before, patience or Patience())
            if not (at_terminal and verdict.how is _How.ASKED_AGAIN):
                say(_in_words(found, given, verdict))
                return _status(given, verdict)
            found, factor, resend = verdict.next, None, False


def _refuse(store: Store, challenge_id: int) -> None:
    """Have the store say why: one that is not open never becomes so again. Raises AnswerRefused."""
    store.answer_challenge(challenge_id, said_resend())


def _session_saved_at(store: Store, found: ChallengeInfo) -> datetime | None:
    customer = store.find_customer(str(found.customer_id))
    return store.customer_info(customer).session_saved_at if customer else None


async def _given(found: ChallengeInfo, factor: Factor | None, here: Here, *, resend: bool) -> Answer:
    """The answer. Raises UsageError if it is none to this challenge."""
    asked = found.challenge
    if resend:
        if not asked.can_resend:
            raise UsageError(f"The portal does not offer to send the code of challenge {found.id} again.")
        return Resend()
    if factor is not None and not asked.options:
        wanted = f" ({asked.factor})" if asked.factor else ""
        raise UsageError(
            f"The challenge {found.id} is no choice of factor; it wants an answer{wanted}, on stdin."
        )
    for left in range(_TYPED_WRONGLY - 1, -1, -1):
        line = factor.value if factor is not None else await _line(found)
        here.secrets.add(line.strip() if not asked.options else "")
        meant = parse_answer(asked, line)
        if not isinstance(meant, str):
            return meant
        if not left or not line or factor is not None or not sys.stdin.isatty():
            raise UsageError(meant)
        found = replace(found, challenge=asked.asked_again(meant))
    raise UsageError("No answer was given.")


async def _line(found: ChallengeInfo) -> str:
    """A line from standard input; at a terminal the portal's prompt is shown first."""
    if not sys.stdin.isatty():
        return await read_secret_line("answer")
    typed = await ask_at_terminal(Console(stderr=True), nullcontext)(found.challenge)
    return typed or ""


def _as_stored(given: Answer) -> Mapping[str, str]:
    if isinstance(given, Choice):
        return said_choice(given.option.factor)
    return said_code(given.text) if isinstance(given, Code) else said_resend()


async def _judged(
    store: Store, found: ChallengeInfo, saved_before: datetime | None, patience: Patience
) -> _Verdict:
    """Wait until it shows what the portal made of the answer: the run asks again, is inside, or has ended."""
    began = time.monotonic()
    console = Console(stderr=True)
    with console.status("waiting for the portal") if console.is_terminal else nullcontext():
        while True:
            story = await asyncio.to_thread(store.run_story, found.run_id)
            if story is None:
                raise UsageError(f"The run {found.run_id} is gone, and its customer's data with it.")
            run, waited = story.run, time.monotonic() - began
            mine = next((one.state for one in story.challenges if one.id == found.id), ChallengeState.LOST)
            later = [one for one in story.challenges if one.id > found.id]
            if later and later[0].state is ChallengeState.OPEN:
                return _Verdict(_How.ASKED_AGAIN, run, later[0])
            if run.state not in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING):
                return _Verdict(_How.ENDED, run)
            if mine is ChallengeState.USED and _session_saved_at(store, found) != saved_before:
                return _Verdict(_How.SIGNED_IN, run)
            if mine is ChallengeState.LOST or run.state is RunState.QUEUED:
                return _Verdict(_How.NOT_TAKEN, run)
            if mine is ChallengeState.ANSWERED and waited > patience.taken:
                return _Verdict(_How.NOT_TAKEN, run)
            if waited > patience.judged:
                return _Verdict(_How.NOT_JUDGED, run)
            await asyncio.sleep(_LOOK)


def _in_words(found: ChallengeInfo, given: Answer, verdict: _Verdict) -> str:
    """One line: whether the portal took the answer, and what comes next."""
    run, later = verdict.run, verdict.next
    about = f"challenge {found.id}"
    if later is not None:
        asked = later.challenge
        after = f"challenge {later.id} asks ({wants(later)}): {asked.prompt}"
        if isinstance(given, Resend):
            return f"{about}: sent again; {after}"
        if not asked.error:
            return f"{about}: accepted; {after}"
        left = f" ({tries(asked.attempts_left)})" if asked.attempts_left else ""
        return f"{about}: not accepted: {asked.error}{left}; answer challenge {later.id}"
    if verdict.how is _How.SIGNED_IN:
        return f"{about}: accepted; run {run.id} is signed in"
    if verdict.how is _How.NOT_TAKEN:
        return (
            f"{about}: no worker has taken the answer; `run show {run.id}` says what comes next, `doctor` "
            "whether workers run"
        )
    if verdict.how is _How.NOT_JUDGED:
        return f"{about}: the portal has not answered yet; see `run show {run.id}`"
    if run.outcome is None:
        return f"{about}: run {run.id} was {run.state}; `run retry {run.id}` starts again"
    accepted = "accepted; " if run.outcome.who_acts is WhoActs.NOBODY else ""
    return f"{about}: {accepted}run {run.id} ended: {run.outcome}. {run.message}"


def _status(given: Answer, verdict: _Verdict) -> int:
    if verdict.next is not None:
        refused = bool(verdict.next.challenge.error) and not isinstance(given, Resend)
        return _REFUSED if refused else OK
    if verdict.how is _How.ENDED and verdict.run.outcome is not None:
        return verdict.run.outcome.exit_code
    return OK if verdict.how is _How.SIGNED_IN else MACHINE
