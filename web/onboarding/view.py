"""A form's page as it stands: its template's values, and what tells one state from the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meterfarm.records import ChallengeState, Factor, RunState
from meterfarm.services.onboarding import OnboardingState, OnboardingStep, onboarding_state, terms_digest
from meterfarm.utilities import directory
from meterfarm.web.onboarding.link import FormLink
from meterfarm.web.onboarding.words import FACTORS, about, terms_for
from meterfarm.web.pages import rendered


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
    run, challenge = state.run, state.challenge
    values = {
        "step": state.step.value,
        "state": state,
        "company": link.company_name,
        "path": link.path,
        "key": link.key,
        "parent": link.parent,
        "query": link.query,
        "utility": name,
        "utility_id": state.record.utility,
        "words": about(state.problem, name),
        "terms": terms_for(link.company_name),
        "terms_digest": terms_digest(terms_for(link.company_name)),
        "phase": _phase(state),
        "factors": FACTORS,
        "is_question": bool(challenge and challenge.challenge.factor is Factor.QUESTION),
        "event": _event(state),
        "event_id": f"{state.run.id if state.run else 0}.{challenge.id if challenge else 0}",
        "error": "",
        "search": "",
        "found": (),
        **more,
    }
    shown = (
        state.step,
        state.problem,
        values["phase"],
        run and run.id,
        challenge and challenge.id,
        state.again_at,
    )
    return FormView(state, values, "|".join(str(each) for each in shown))


def utility_name(utility: str) -> str:
    """What the utility of this id is called."""
    entry = directory().find(utility) if utility else None
    return entry.name if entry else utility


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
