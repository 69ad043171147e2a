"""How customers and runs stand, in words of people who look after them."""

from __future__ import annotations

from datetime import UTC, datetime

from meterfarm.records import CustomerState, Outcome, WhoActs
from meterfarm.storage.customers import CustomerInfo

STATES = {
    CustomerState.NEW: "not connected yet",
    CustomerState.ACTIVE: "connected",
    CustomerState.MUST_REAUTHENTICATE: "must come back",
    CustomerState.REMOVED: "removed",
}
ACTORS = {
    WhoActs.NOBODY: "",
    WhoActs.CUSTOMER: "the customer must act",
    WhoActs.PORTAL: "the portal's fault; tried again by itself",
    WhoActs.US: "whoever runs this farm must act",
}
_OUTCOMES = {
    Outcome.COMPLETE: "everything is here",
    Outcome.NO_ACCOUNTS: "the login has no account",
    Outcome.NO_DATA_YET: "the portal has no data yet",
    Outcome.PENDING: "the portal is making an export",
    Outcome.PARTIAL: "something is missing",
    Outcome.BAD_CREDENTIALS: "the login was rejected",
    Outcome.ACCOUNT_LOCKED: "the portal has locked the login",
    Outcome.PASSWORD_CHANGE_REQUIRED: "the portal asks for a new password",
    Outcome.MFA_REQUIRED: "a code is asked for",
    Outcome.MFA_FAILED: "the code was wrong",
    Outcome.MFA_EXPIRED: "the code came too late",
    Outcome.ACTION_REQUIRED: "the portal asks the customer for something",
    Outcome.CAPTCHA: "the portal asks for a CAPTCHA",
    Outcome.PORTAL_DOWN: "the portal does not work",
    Outcome.MAINTENANCE: "the portal is being maintained",
    Outcome.RATE_LIMITED: "the portal wants fewer requests",
    Outcome.BLOCKED: "the portal refuses our address",
    Outcome.LAYOUT_CHANGED: "the portal has changed",
    Outcome.UNKNOWN_PAGE: "the portal showed an unknown page",
    Outcome.NOT_CONFIGURED: "something is not set up here",
    Outcome.INTERNAL: "the script cannot be loaded",
}
_TONES = {WhoActs.NOBODY: "good", WhoActs.CUSTOMER: "warn", WhoActs.PORTAL: "", WhoActs.US: "bad"}


def outcome_words(outcome: Outcome) -> str:
    """What happened, as part of a sentence."""
    return _OUTCOMES[outcome]


def actor_words(outcome: Outcome) -> str:
    """Who acts now, "" if nobody has to."""
    return ACTORS[outcome.who_acts]


def tone_of(outcome: Outcome) -> str:
    """The class of a badge: by who must act."""
    return _TONES[outcome.who_acts]


def moment(at: datetime) -> str:
    """As in 5 Dec 2025, 18:30 UTC."""
    return f"{date_of(at)}, {at.astimezone(UTC):%H:%M} UTC"


def date_of(at: datetime) -> str:
    """As in 5 Dec 2025, in UTC."""
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y}"


def state_words(info: CustomerInfo) -> str:
    """How a customer stands; whoever has just given their login is not connected yet."""
    return "connecting" if _is_first(info) else STATES[info.state]


def state_tone(info: CustomerInfo) -> str:
    """The class of the badge that shows how a customer stands."""
    if _is_first(info):
        return ""
    return {CustomerState.ACTIVE: "good", CustomerState.MUST_REAUTHENTICATE: "warn"}.get(info.state, "")


def _is_first(info: CustomerInfo) -> bool:
    return info.state is CustomerState.ACTIVE and info.last_run is None
