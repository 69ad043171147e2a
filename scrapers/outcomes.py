"""How a visit can go wrong, named by what the caller should do, and what a page can turn into.

VisitError
├── Stop          end the run with this outcome
├── SessionEnded  sign in again, once, then go on
└── ItemFailed    this one bill or export is missing; the rest goes on
    └── ListFailed    so is what an account's list would have named
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from meterfarm.records import Outcome
from meterfarm.support.logs import safe_for_the_run

SIGNED_OUT = "signed_out"
"""What a ``Sign`` means by which a script declares the page that comes when the session has ended."""


class VisitError(Exception):
    """Something about a visit did not go as it should. Its text is one sentence for the user, made safe."""

    def __init__(self, message: str = "") -> None:
        super().__init__(safe_for_the_run(message))


class Stop(VisitError):
    """The run ends here. ``retry_after`` is in seconds, where the portal named them."""

    def __init__(self, outcome: Outcome, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = str(self)
        self.retry_after = retry_after


class SessionEnded(VisitError):
    """The portal no longer knows our session."""


class ItemFailed(VisitError):
    """One document could not be had; the reason goes into the ledger."""


class ListFailed(ItemFailed):
    """An account's list could not be had; ``stop`` is how the run ends if no list at all could."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.message)
        self.stop = stop


@dataclass(frozen=True, slots=True)
class Sign:
    """Something a page can turn into, and how it is recognised: everything given must hold.

    ``means`` is an outcome, which ends the run, or the script's own name for the page. ``heading`` is a whole
    heading, ``text`` a part of the visible text, ``path`` a regular expression for the address's path.
    """

    means: Outcome | str
    heading: str = ""
    text: str = ""
    path: str = ""

    def fits(self, *, path: str, headings: Sequence[str], text: str) -> bool:
        """Whether a page with this address, these headings and this visible text carries the sign."""
        return (
            (not self.path or re.search(self.path, path) is not None)
            and (not self.heading or self.heading in headings)
            and (not self.text or self.text in text)
        )


ADVICE: Mapping[Outcome, str] = {
    Outcome.BAD_CREDENTIALS: "Give the right user name and password; the same ones are not sent again.",
    Outcome.ACCOUNT_LOCKED: "Have the utility unlock it and give the new password.",
    Outcome.PASSWORD_CHANGE_REQUIRED: "Set a new password at the portal and give that one.",
    Outcome.MFA_FAILED: "Run it again with the right code.",
    Outcome.MFA_EXPIRED: "Run it again with somebody there to answer in time.",
    Outcome.ACTION_REQUIRED: "Only the customer may answer this: sign in at the portal once.",
    Outcome.CAPTCHA: "Only a person can pass it, and not here; run it again later.",
    Outcome.MAINTENANCE: "Run it again later.",
}
"""What to do about an outcome that a page declares, in a sentence."""


def stop_for_sign(portal: str, sign: Sign) -> Stop | None:
    """The end of the run that ``sign`` means, if it means one."""
    if not isinstance(sign.means, Outcome):
        return None
    words = (sign.text or sign.heading).rstrip(".")
    return Stop(sign.means, f"{portal} says: “{words}”. {ADVICE.get(sign.means, '')}".rstrip())


def stop_for_status(portal: str, status: int, retry_after: str | None) -> Stop | None:
    """What an HTTP status says by itself, for a page that carries no declared sign."""
    seconds = _seconds(retry_after or "")
    if status == 429:
        wait = f" for {seconds} seconds" if seconds else ""
        return Stop(
            Outcome.RATE_LIMITED,
            f"{portal} asks for fewer requests (HTTP 429); leave it alone{wait} and run again.",
            retry_after=seconds,
        )
    if status == 403:
        return Stop(
            Outcome.BLOCKED,
            f"{portal} refused the visit (HTTP 403) without a word about the credentials; try again later.",
        )
    if status >= 500:
        return Stop(
            Outcome.PORTAL_DOWN,
            f"{portal} answers with an error (HTTP {status}); try again later.",
            retry_after=seconds,
        )
    return None


def _seconds(retry_after: str) -> int | None:
    """A Retry-After header as seconds from now; it may be a number or an HTTP date."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return int(retry_after)
    try:
        wait = parsedate_to_datetime(retry_after) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    return max(0, math.ceil(wait.total_seconds()))
