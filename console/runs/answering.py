"""The `answer` command: hands an answer to the worker that waits, and prints what the portal made of it."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace

from rich.console import Console

from meterfarm.console.command_context import CommandContext, open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import MACHINE, OK
from meterfarm.console.runs.challenges import wants
from meterfarm.console.runs.notifying import notification
from meterfarm.console.terminal.output import print_line
from meterfarm.console.terminal.prompts import ask_at_terminal, tries
from meterfarm.console.terminal.secret_input import read_secret_line
from meterfarm.mfa.port import Answer, Resend
from meterfarm.records import Factor, Outcome, WhoActs
from meterfarm.services.challenges import (
    AnsweredChallenge,
    AnswerProgress,
    AnswerResult,
    answer_challenge,
    answer_result,
    find_open_challenge,
    understand_answer,
)
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.runs import ChallengeInfo
from meterfarm.storage.store import CompanyStore

_LOOK = 0.5
_TYPED_WRONGLY = 3
_REFUSED = Outcome.MFA_FAILED.exit_code


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a worker has taken the answer, and from then until the portal has judged it."""

    taken: float = 20.0
    judged: float = 180.0


async def answer(
    challenge_id: int,
    factor: Factor | None,
    *,
    resend: bool,
    wait: bool | None,
    patience: Patience | None = None,
) -> int:
    """Give an answer; with ``wait`` (None: at a terminal) print what came of it, and ask again there."""
    if factor is not None and resend:
        raise UsageError("Give either --factor or --resend, not both.")
    at_terminal = sys.stdin.isatty()
    with open_store() as (context, store):
        found = await asyncio.to_thread(find_open_challenge, store, challenge_id)
        while True:
            given = await _given(found, factor, context, resend=resend)
            answered = await asyncio.to_thread(answer_challenge, store, found.id, given)
            await notification(context, store.farm).of_answer(found.id)
            if not (at_terminal if wait is None else wait):
                print_line(f"challenge {found.id} answered; run {found.run_id} continues")
                return OK
            result = await _result(store, answered, patience or Patience())
            if not (at_terminal and result.next is not None):
                print_line(_in_words(found, given, result))
                return _status(given, result)
            found = await asyncio.to_thread(find_open_challenge, store, result.next.id)
            factor, resend = None, False


async def _given(
    found: ChallengeInfo, factor: Factor | None, context: CommandContext, *, resend: bool
) -> Answer:
    """The answer. Raises UsageError if it is none to this challenge."""
    asked = found.challenge
    if resend:
        return Resend()
    if factor is not None and not asked.options:
        wanted = f" ({asked.factor})" if asked.factor else ""
        raise UsageError(
            f"The challenge {found.id} is no choice of factor; it wants an answer{wanted}, on stdin."
        )
    for left in range(_TYPED_WRONGLY - 1, -1, -1):
        line = factor.value if factor is not None else await _line(found)
        context.secrets.add(line.strip() if not asked.options else "")
        try:
            return understand_answer(found, line)
        except InvalidRequest as exc:
            if not left or not line or factor is not None or not sys.stdin.isatty():
                raise
            found = replace(found, challenge=asked.asked_again(str(exc)))
    raise UsageError("No answer was given.")


async def _line(found: ChallengeInfo) -> str:
    """A line from standard input; at a terminal the portal's prompt is shown first."""
    if not sys.stdin.isatty():
        return await read_secret_line("answer")
    typed = await ask_at_terminal(Console(stderr=True), nullcontext)(found.challenge)
    return typed or ""


async def _result(store: CompanyStore, answered: AnsweredChallenge, patience: Patience) -> AnswerResult:
    """Wait until it shows what the portal made of the answer, or for as long as ``patience`` lasts."""
    began = time.monotonic()
    console = Console(stderr=True)
    with console.status("waiting for the portal") if console.is_terminal else nullcontext():
        while True:
            result = await asyncio.to_thread(answer_result, store, answered)
            waited = time.monotonic() - began
            waits_for_worker = result.progress is AnswerProgress.WAITS_FOR_WORKER
            if result.progress.is_final or waited > (patience.taken if waits_for_worker else patience.judged):
                return result
            await asyncio.sleep(_LOOK)


def _in_words(found: ChallengeInfo, given: Answer, result: AnswerResult) -> str:
    """One line: whether the portal took the answer, and what comes next."""
    run, later = result.run, result.next
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
    if result.progress is AnswerProgress.SIGNED_IN:
        return f"{about}: accepted; run {run.id} is signed in"
    if result.progress in (AnswerProgress.NOT_TAKEN, AnswerProgress.WAITS_FOR_WORKER):
        return (
            f"{about}: no worker has taken the answer; `run show {run.id}` says what comes next, `doctor` "
            "whether workers run"
        )
    if result.progress is AnswerProgress.WAITS_FOR_PORTAL:
        return f"{about}: the portal has not answered yet; see `run show {run.id}`"
    if run.outcome is None:
        return f"{about}: run {run.id} was {run.state}; `run retry {run.id}` starts again"
    accepted = "accepted; " if run.outcome.who_acts is WhoActs.NOBODY else ""
    return f"{about}: {accepted}run {run.id} ended: {run.outcome}. {run.message}"


def _status(given: Answer, result: AnswerResult) -> int:
    if result.next is not None:
        refused = bool(result.next.challenge.error) and not isinstance(given, Resend)
        return _REFUSED if refused else OK
    if result.progress is AnswerProgress.ENDED and result.run.outcome is not None:
        return result.run.outcome.exit_code
    return OK if result.progress is AnswerProgress.SIGNED_IN else MACHINE
