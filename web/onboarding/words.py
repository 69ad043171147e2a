"""What the form says in the customer's words, by outcome: what happened, and what to do. Never a guess."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meterfarm.records import Outcome


@dataclass(frozen=True, slots=True)
class Words:
    """A heading, and what to do. ``{utility}`` is its name."""

    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Term:
    """A paragraph of what a customer agrees to; ``{company}`` in its title is the company's name.

    ``icon`` is one of ``static/icons.svg``.
    """

    icon: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.title}: {self.text}"


_TERMS = (
    Term(
        "bill",
        "Your bills and your electricity and gas usage go to {company}",
        "They are fetched from your utility's website, now and in the future, until you withdraw this "
        "permission.",
    ),
    Term(
        "lock",
        "Your login is used for this alone",
        "You give the login that you use at your utility. It is stored encrypted, and used for nothing else.",
    ),
    Term(
        "undo",
        "You can withdraw at any time",
        "On this page. Your login is then erased, and nothing more is fetched.",
    ),
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
        "Continue, and {utility} asks you for a code or an answer. Have your phone or e-mail at hand.",
    ),
    Outcome.MFA_FAILED: Words(
        "{utility} did not accept the code or answer",
        "Try again: {utility} asks you once more.",
    ),
    Outcome.MFA_EXPIRED: Words(
        "No code or answer came in time",
        "Try again when you have your telephone or your e-mail at hand: {utility} asks you once more.",
    ),
    Outcome.ACTION_REQUIRED: Words(
        "Please sign in on {utility}'s own website first",
        "See there that your login is right, and do what it asks for, if it does. Then come back, and try "
        "again.",
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
_WRITES = "says: “"
OURS = "We could not finish connecting to {utility}"
_IS_RETRIED = "This is for us to mend. We try again by ourselves; you can close this page, or try again now."
_NOT_RETRIED = (
    "This is for us to mend. {utility} may ask you for a code when we sign in, so we try again only while "
    "you are here. Come back by your link later, and try again."
)


def about(outcome: Outcome | None, utility: str, *, is_retried: bool = False) -> Words | None:
    """The words for how an attempt ended; None if it ended well or has not ended.

    ``is_retried``: another one comes by itself.
    """
    if outcome is None:
        return None
    words = PROBLEMS.get(outcome) or Words(OURS, _IS_RETRIED if is_retried else _NOT_RETRIED)
    return Words(words.title.format(utility=utility), words.advice.format(utility=utility))


def terms_for(company: str) -> Sequence[Term]:
    """What a customer of the company agrees to, by paragraphs."""
    return [replace(term, title=term.title.format(company=company)) for term in _TERMS]


def portal_sentence(message: str) -> str:
    """What the portal itself wrote, out of how an attempt ended; "" if it wrote nothing.

    The rest of such a message is for whoever runs the farm.
    """
    _, _, rest = message.partition(_WRITES)
    return rest.rpartition("”")[0]


def in_words(seconds: float) -> str:
    """A time to wait, as people put it."""
    minutes = max(1, round(seconds / 60))
    if minutes < 90:
        return "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"{round(minutes / 60)} hours"


def left_in_words(seconds: int) -> str:
    """How much time is left for an answer; ``fields.js`` counts on from there in the same words."""
    if seconds > 60:
        return f"{math.ceil(seconds / 60)} minutes left"
    return f"{seconds} seconds left" if seconds > 0 else "The time is over"
