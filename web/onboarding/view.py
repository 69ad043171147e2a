"""A form's page as it stands: its template's values, and what tells one state from the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from meterfarm.records import ChallengeState, Factor, RunState, WhoActs
from meterfarm.services.onboarding import (
    OnboardingState,
    OnboardingStep,
    onboarding_state,
    search_utilities,
    shared_data,
    terms_digest,
)
from meterfarm.services.troubles import troubles, when
from meterfarm.storage.runs import ChallengeInfo, TroubleNotice
from meterfarm.utilities import UtilityUnavailable, directory, load_utility
from meterfarm.web.onboarding.codes import code_shape
from meterfarm.web.onboarding.link import FormLink
from meterfarm.web.onboarding.words import about, in_words, left_in_words, portal_sentence, terms_for
from meterfarm.web.pages import rendered

_WAY = (
    ("Agree", {OnboardingStep.TERMS}),
    ("Utility", {OnboardingStep.UTILITY, OnboardingStep.UNSUPPORTED}),
    (
        "Sign in",
        {
            *(OnboardingStep.LOGIN, OnboardingStep.AGAIN, OnboardingStep.WORKING),
            *(OnboardingStep.CHALLENGE, OnboardingStep.WAITING),
        },
    ),
    ("Done", {OnboardingStep.DONE}),
)
_SHOW_TROUBLE = frozenset(
    {
        *(OnboardingStep.LOGIN, OnboardingStep.AGAIN, OnboardingStep.WORKING),
        *(OnboardingStep.CHALLENGE, OnboardingStep.WAITING),
    }
)
_RESEND_SECONDS = 30
"""A portal's message has this long to arrive before another one can be wanted."""


@dataclass(frozen=True, slots=True)
class FormStage:
    """A line of what is done, what is being done (``now``) and what comes next."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class FormView:
    """What the form shows of a state. ``version`` differs where what is shown differs."""

    state: OnboardingState
    values: dict[str, Any]
    version: str

    def main(self) -> str:
        """The part of the page that changes, as HTML."""
        return rendered("onboarding/main.html", self.values)


def form_view(link: FormLink, **more: Any) -> FormView:
    """The form as it stands now; ``more`` are values that only this answer has."""
    state = onboarding_state(link.store, link.customer)
    name = utility_name(state.record.utility)
    run, challenge, now = state.run, state.challenge, datetime.now(UTC)
    step = state.step
    if more.get("wants") == "utility" and state.may_choose_utility:
        step = OnboardingStep.UTILITY
    notices = _troubles(link, state) if step in _SHOW_TROUBLE else ()
    values = {
        "step": step.value,
        "troubles": [(each.text, when(each, now), each.is_current(now)) for each in notices],
        "state": state,
        "company": link.company_name,
        "path": link.path,
        "key": link.key,
        "parent": link.parent,
        "query": link.query,
        "utility": name,
        "utility_id": state.record.utility,
        "words": about(state.problem, name, is_retried=state.again_at is not None),
        "terms": terms_for(link.company_name),
        "terms_digest": terms_digest(terms_for(link.company_name)),
        "phase": _phase(state),
        "stages": _stages(step),
        "progress": _progress(state, name),
        "quote": portal_sentence(state.message),
        "portal": _portal(state),
        "can_try_now": state.again_at is None or (state.problem and state.problem.who_acts is WhoActs.US),
        "again_in": in_words((state.again_at - now).total_seconds()) if state.again_at else "",
        **_asked(challenge, now),
        "is_question": bool(challenge and challenge.challenge.factor is Factor.QUESTION),
        "event": _event(state),
        "event_id": _event_id(state),
        "error": "",
        "search": "",
        "found": (),
        "thanks": "",
        "wants": "",
        "shared": None,
        **more,
    }
    shown = (
        state.step,
        state.problem,
        values["phase"],
        run and run.id,
        challenge and challenge.id,
        state.again_at,
        tuple(each.id for each in notices),
    )
    return FormView(state, values, "|".join(str(each) for each in shown))


def complete(link: FormLink, view: FormView) -> None:
    """Add what takes more looking up, to a view that is shown."""
    if view.values["step"] == OnboardingStep.UTILITY:
        search = view.values["search"]
        view.values["found"] = search_utilities(link.store, search, live=link.company.live)
    if view.values["step"] == OnboardingStep.DONE:
        view.values["shared"] = shared_data(link.store, link.customer)


def utility_name(utility: str) -> str:
    """What the utility of this id is called."""
    entry = directory().find(utility) if utility else None
    return entry.name if entry else utility


def _troubles(link: FormLink, state: OnboardingState) -> Sequence[TroubleNotice]:
    """What goes on at the customer's utility; that it does not work is shown already while we wait for it."""
    found = troubles(link.store.farm, state.record.utility)
    return [each for each in found if each.id or state.step is not OnboardingStep.WAITING]


def _phase(state: OnboardingState) -> str:
    """Where a sign-in is: ``queued``, ``signing_in``, ``checking`` an answer."""
    if state.step is not OnboardingStep.WORKING or state.run is None:
        return ""
    if state.run.state is RunState.QUEUED:
        return "queued"
    answered = state.challenge is not None and state.challenge.state in (
        ChallengeState.ANSWERED,
        ChallengeState.USED,
    )
    return "checking" if answered else "signing_in"


def _stages(step: OnboardingStep) -> Sequence[FormStage]:
    """The customer's way, and where on it they are."""
    here = next((at for at, (_, steps) in enumerate(_WAY) if step in steps), None)
    if here is None:
        return ()
    here += step is OnboardingStep.DONE
    return [FormStage(label, _standing(at, here)) for at, (label, _) in enumerate(_WAY)]


def _progress(state: OnboardingState, utility: str) -> Sequence[FormStage]:
    """What a sign-in that is under way has behind it, and before it."""
    phase = _phase(state)
    if not phase:
        return ()
    steps = {"queued": "Getting ready", "signing_in": f"Signing in at {utility}"}
    if phase == "checking":
        steps["checking"] = "Checking your answer"
    here = list(steps).index(phase)
    return [FormStage(label, _standing(at, here)) for at, label in enumerate((*steps.values(), "Connected"))]


def _standing(at: int, here: int) -> str:
    return "done" if at < here else "now" if at == here else "next"


def _portal(state: OnboardingState) -> str:
    """The host of the utility's own website, "" if it is not shown or not known."""
    if state.step is not OnboardingStep.LOGIN:
        return ""
    try:
        return urlsplit(load_utility(state.record.utility).home).hostname or ""
    except UtilityUnavailable:
        return ""


def _asked(challenge: ChallengeInfo | None, now: datetime) -> dict[str, Any]:
    """What a challenge shows beside the portal's words."""
    if challenge is None:
        return {}
    left = max(0, round((challenge.expires_at - now).total_seconds()))
    since = (now - challenge.asked_at).total_seconds()
    shape = code_shape(challenge.challenge)
    return {
        "digits": shape.length,
        "letters": shape.has_letters,
        "seconds_left": left,
        "minutes_left": left_in_words(left),
        "resend_in": max(0, round(_RESEND_SECONDS - since)),
    }


def _event(state: OnboardingState) -> str:
    """What a page that has the form in a frame is notified of."""
    if state.step is OnboardingStep.DONE:
        return "customerHasAuthenticated"
    if state.step is OnboardingStep.LOGIN and state.problem is not None:
        return "customerEnteredInvalidCredentials" if state.problem.value == "bad_credentials" else ""
    if state.challenge is not None and state.challenge.challenge.error:
        return "customerEnteredInvalidMFAChallenge"
    is_mfa = state.problem is not None and state.problem.value == "mfa_failed"
    return "customerEnteredInvalidMFAChallenge" if is_mfa else ""


def _event_id(state: OnboardingState) -> str:
    """What it is of: a sign-in, or what was asked at it. No other farm has a sign-in of the same moment."""
    run, challenge = state.run, state.challenge
    at = run.requested_at.timestamp() if run else 0
    return f"{run.id if run else 0}.{challenge.id if challenge else 0}.{at:.0f}"
