"""Challenges: what portals ask, the answers given, and what a portal made of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from meterfarm.farm.codes.answer_codec import encode_choice, encode_code, encode_resend
from meterfarm.mfa.person import parse_answer
from meterfarm.mfa.port import Answer, Choice, Code, Resend
from meterfarm.records import ChallengeState, RunState
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound, store_refusals
from meterfarm.storage.runs import ChallengeInfo, RunInfo
from meterfarm.storage.store import CompanyStore

_ACTIVE = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


class AnswerProgress(Enum):
    """How far an answer has come."""

    WAITS_FOR_WORKER = auto()
    WAITS_FOR_PORTAL = auto()
    SIGNED_IN = auto()
    ASKED_AGAIN = auto()
    ENDED = auto()
    NOT_TAKEN = auto()

    @property
    def is_final(self) -> bool:
        """Whether waiting on changes nothing any more."""
        return self not in (AnswerProgress.WAITS_FOR_WORKER, AnswerProgress.WAITS_FOR_PORTAL)


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """What a portal made of an answer so far; ``next`` is the challenge that it asked then."""

    progress: AnswerProgress
    run: RunInfo
    next: ChallengeInfo | None = None


@dataclass(frozen=True, slots=True)
class AnsweredChallenge:
    """An answer that was handed to the worker, by which ``answer_result`` finds what became of it."""

    challenge: ChallengeInfo
    session_saved_at: datetime | None
    """When the customer's session was saved last, before the answer."""


def list_challenges(store: CompanyStore, *, only_open: bool = False) -> Sequence[ChallengeInfo]:
    """Newest first; open ones by when they expire."""
    found = store.challenges.list(only_open=only_open)
    return sorted(found, key=lambda challenge: challenge.expires_at) if only_open else found


def find_challenge(store: CompanyStore, challenge_id: int) -> ChallengeInfo:
    """The challenge with this id.

    Raises:
        NotFound: there is none.
    """
    found = store.challenges.find(challenge_id)
    if found is None:
        raise NotFound(f"There is no challenge {challenge_id}; `challenges` lists those that are open.")
    return found


def find_open_challenge(store: CompanyStore, challenge_id: int) -> ChallengeInfo:
    """The challenge with this id, which waits for an answer.

    Raises:
        NotFound: there is none.
        Conflict: it was answered, has expired, or was lost with its worker.
    """
    found = find_challenge(store, challenge_id)
    if found.state is not ChallengeState.OPEN:
        with store_refusals():
            store.challenges.answer(challenge_id, encode_resend())  # has the store say why
        raise Conflict(f"The challenge {challenge_id} is not open; `challenges` lists those that are.")
    return found


def understand_answer(found: ChallengeInfo, line: str) -> Answer:
    """What a line of text means as an answer: a code, an answer in words, a choice, ``resend``.

    Raises:
        InvalidRequest: it is no answer to this challenge.
    """
    answer = parse_answer(found.challenge, line)
    if isinstance(answer, str):
        raise InvalidRequest(answer)
    return answer


def answer_challenge(store: CompanyStore, challenge_id: int, answer: Answer) -> AnsweredChallenge:
    """Hand an answer (a code, a choice of factor, a request to resend) to the worker that waits for it.

    Raises:
        NotFound: there is no such challenge.
        InvalidRequest: the portal does not offer to send another code, or offers no such choice.
        Conflict: nobody waits for the answer any more.
    """
    found = find_challenge(store, challenge_id)
    _check_answer(found, answer)
    answered = AnsweredChallenge(found, _session_saved_at(store, found))
    if isinstance(answer, Choice):
        stored = encode_choice(answer.option.factor)
    else:
        stored = encode_code(answer.text) if isinstance(answer, Code) else encode_resend()
    with store_refusals():
        store.challenges.answer(found.id, stored)
    return answered


def answer_result(store: CompanyStore, answered: AnsweredChallenge) -> AnswerResult:
    """What the portal has made of the answer by now: the run asks again, is signed in, or has ended.

    Raises:
        NotFound: the run is gone, with its customer's data.
    """
    found = answered.challenge
    story = store.runs.story(found.run_id)
    if story is None:
        raise NotFound(f"The run {found.run_id} is gone, and its customer's data with it.")
    run = story.run
    state = next(
        (challenge.state for challenge in story.challenges if challenge.id == found.id), ChallengeState.LOST
    )
    later = [challenge for challenge in story.challenges if challenge.id > found.id]
    if later and later[0].state is ChallengeState.OPEN:
        return AnswerResult(AnswerProgress.ASKED_AGAIN, run, later[0])
    if run.state not in _ACTIVE:
        return AnswerResult(AnswerProgress.ENDED, run)
    if state is ChallengeState.USED and _session_saved_at(store, found) != answered.session_saved_at:
        return AnswerResult(AnswerProgress.SIGNED_IN, run)
    if state is ChallengeState.LOST or run.state is RunState.QUEUED:
        return AnswerResult(AnswerProgress.NOT_TAKEN, run)
    waits = state is ChallengeState.ANSWERED
    return AnswerResult(AnswerProgress.WAITS_FOR_WORKER if waits else AnswerProgress.WAITS_FOR_PORTAL, run)


def _check_answer(found: ChallengeInfo, answer: Answer) -> None:
    asked = found.challenge
    if isinstance(answer, Resend) and not asked.can_resend:
        raise InvalidRequest(f"The portal does not offer to send the code of challenge {found.id} again.")
    if isinstance(answer, Choice) and answer.option not in asked.options:
        raise InvalidRequest(f"The challenge {found.id} does not offer the factor {answer.option.factor}.")
    if isinstance(answer, Code) and asked.options:
        offered = ", ".join(option.factor.value for option in asked.options)
        raise InvalidRequest(f"The challenge {found.id} wants a choice of factor: {offered}.")


def _session_saved_at(store: CompanyStore, found: ChallengeInfo) -> datetime | None:
    customer = store.customers.find(str(found.customer_id))
    return store.customers.info(customer).session_saved_at if customer else None
