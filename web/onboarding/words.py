"""What the form says in the customer's words, by outcome: what happened, and what to do. Never a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meterfarm.records import Factor, Outcome


@dataclass(frozen=True, slots=True)
class Words:
    """A heading, and what to do. ``{utility}`` is its name."""

    title: str
    advice: str


_TERMS = (
    "{company} may fetch your bills and your electricity and gas usage from your utility's website, now and "
    "in the future, until you withdraw this permission.",
    "For this you give the login that you use there. It is stored encrypted, and used for nothing else.",
    "You can withdraw the permission at any time on this page. Your login is then erased, and nothing more "
    "is fetched.",
)

PROBLEMS = {
    Outcome.BAD_CREDENTIALS: Words(
        "{utility} did not accept this login",
        "Check the user name and the password, and enter them again. It is the login of {utility}'s website.",
    ),
    Outcome.ACCOUNT_LOCKED: Words(
        "{utility} has locked this login",
        "Unlock it on {utility}'s own website first, perhaps by resetting the password. Then enter it here.",
    ),
    Outcome.PASSWORD_CHANGE_REQUIRED: Words(
        "{utility} wants you to choose a new password",
        "Sign in on {utility}'s own website and change the password there. Then enter the new one here.",
    ),
    Outcome.MFA_REQUIRED: Words(
        "{utility} wants to check that it is you",
        "Go on, and {utility} asks you for a code or an answer. Have your telephone or your e-mail at hand.",
    ),
    Outcome.MFA_FAILED: Words(
        "{utility} did not accept the code or answer",
        "Try again: {utility} asks you once more.",
    ),
    Outcome.MFA_EXPIRED: Words(
        "No code or answer came in time",
        "Try again when you have your telephone or your e-mail at hand.",
    ),
    Outcome.ACTION_REQUIRED: Words(
        "{utility} wants you to do something on its website first",
        "Sign in on {utility}'s own website and follow what it shows. Then come back and try again.",
    ),
    Outcome.CAPTCHA: Words(
        "{utility} wants to see that you are a person",
        "Sign in once on {utility}'s own website. Then come back and try again.",
    ),
    Outcome.PORTAL_DOWN: Words(
        "{utility}'s website does not answer now",
        "There is nothing you have to do. We try again by ourselves; you can close this page.",
    ),
    Outcome.MAINTENANCE: Words(
        "{utility}'s website is closed for maintenance",
        "There is nothing you have to do. We try again by ourselves; you can close this page.",
    ),
    Outcome.RATE_LIMITED: Words(
        "{utility}'s website asks us to wait",
        "There is nothing you have to do. We try again by ourselves; you can close this page.",
    ),
    Outcome.BLOCKED: Words(
        "{utility}'s website does not let us in now",
        "There is nothing you have to do. We try again by ourselves; you can close this page.",
    ),
}
OTHER = Words(
    "We could not finish connecting to {utility}",
    "This is for us to mend, and there is nothing you have to do. Your link stays good; come back later.",
)
FACTORS = {
    Factor.SMS: "text message",
    Factor.EMAIL: "e-mail",
    Factor.TOTP: "authenticator app",
    Factor.QUESTION: "security question",
}


def about(outcome: Outcome | None, utility: str) -> Words | None:
    """The words for how an attempt ended; None if it ended well or has not ended."""
    if outcome is None:
        return None
    words = PROBLEMS.get(outcome, OTHER)
    return Words(words.title.format(utility=utility), words.advice.format(utility=utility))


def terms_for(company: str) -> Sequence[str]:
    """What a customer of the company agrees to, by paragraphs."""
    return [text.format(company=company) for text in _TERMS]
