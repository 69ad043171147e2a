"""What a visit to a portal can end in, the exit code expected of a visitor, and who must act."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run for a test customer ends in."""

    name: str
    exit_code: int
    who_acts: str


_TABLE = {
    (0, "nobody"): ("complete", "no_accounts", "no_data_yet", "pending"),
    (10, "customer"): (
        "bad_credentials",
        "account_locked",
        "password_change_required",
        "mfa_required",
        "mfa_failed",
        "mfa_expired",
        "action_required",
        "captcha",
    ),
    (11, "portal"): ("portal_down", "maintenance", "rate_limited", "blocked"),
    (12, "us"): ("layout_changed", "unknown_page", "not_configured", "internal"),
    (13, "us"): ("partial",),
}

OUTCOMES = {
    name: Outcome(name, exit_code, who_acts)
    for (exit_code, who_acts), names in _TABLE.items()
    for name in names
}
