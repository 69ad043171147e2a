"""A look at a portal's sign-in page without credentials: does the script still find what it signs in by?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import script_errors
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.outcomes import SessionEnded, Stop
from meterfarm.scrapers.rate_limiter import UNLIMITED, RateLimiter
from meterfarm.scrapers.script_calls import SIGNING_IN
from meterfarm.scrapers.utility import Credentials, Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.support.errors import MeterfarmError
from meterfarm.support.redact import Secrets

LOOK_SECONDS = 60.0
"""So long a look may take, without what our own limits hold back."""


@dataclass(frozen=True, slots=True)
class SignInLook:
    """What a look came to: ``complete`` if the page is as the script has it, else how a visit would end.

    ``evidence`` is the folder of what is kept of one that is not.
    """

    outcome: Outcome
    message: str
    seconds: float
    evidence: Path | None = None


class NothingToLookAt(MeterfarmError):
    """A script signs in without a page's fields."""


class _LookEnded(Exception):
    """Next something would be sent that a visit signs in with."""


class _LooksOnly:
    """A ``SignInWatch`` by which nothing is typed, and nothing sent once something was to be typed."""

    types = False

    def __init__(self) -> None:
        self.has_typed = False

    def typed(self, value: str) -> None:
        """See ``SignInWatch``; it was not."""
        self.has_typed = True

    async def before_press(self, *, is_still_there: bool) -> bool:
        """See ``SignInWatch``. Raises _LookEnded."""
        if self.has_typed or is_still_there:
            raise _LookEnded
        return False

    async def was_not_sent(self) -> None:
        """See ``SignInWatch``; nothing is."""

    async def led_on(self) -> None:
        """See ``SignInWatch``."""


async def look_at_sign_in(
    utility: Utility,
    base_url: str,
    chromium: Chromium,
    evidence: Path,
    limiter: RateLimiter = UNLIMITED,
    seconds: float = LOOK_SECONDS,
) -> SignInLook:
    """Walk the script's own ``sign_in`` with nothing to sign in with, to where it would be sent.

    Fields are looked for as ever, and nothing is typed into them. What is pressed before the first of them,
    as a banner, is pressed; the first control after it is looked for, and ends the look.

    Raises:
        BrowserMissing, BrowserGone, RateLimiterUnavailable: faults of our own machine.
        NothingToLookAt: the script signs in without a page.
    """
    secrets = Secrets()
    await chromium.browser()  # its start is not the portal's time
    began = time.monotonic()
    visit = Visit(utility, base_url, chromium, Nobody(), secrets, limiter=limiter, run_seconds=seconds)
    async with visit:
        visit.page.sending = _LooksOnly()
        stop = await _stopped(visit, utility, seconds)
        took = round(time.monotonic() - began, 3)
        if stop is None:
            return SignInLook(Outcome.COMPLETE, f"{utility.name}'s sign-in page is as declared.", took)
        visit.note("run.stopped", outcome=str(stop.outcome), reason=stop.message)
        kept = await keep_evidence(visit, evidence)
    return SignInLook(stop.outcome, secrets.scrub(stop.message), took, kept)


async def _stopped(visit: Visit, utility: Utility, seconds: float) -> Stop | None:
    """Why the look came to nothing; None where all was found."""
    try:
        with (
            visit.clock.scope(),
            script_errors(utility.name, "looking at the sign-in page", note=visit.note),
        ):
            async with visit.script_call(SIGNING_IN):
                await utility.sign_in(visit, Credentials("", SecretStr("")))
    except _LookEnded:
        if visit.page.filled:
            return None
        raise NothingToLookAt(
            f"{utility.name}'s script sends something before it fills in a field: no page was looked at."
        ) from None
    except SessionEnded:
        return Stop(Outcome.PORTAL_DOWN, f"{utility.name} ended the session while signing in.")
    except Stop as stop:
        if stop is not visit.clock.ended or visit.tab.hangs:
            return stop
        return Stop(Outcome.PORTAL_DOWN, f"{utility.name}'s sign-in page was not there within {seconds:g} s.")
    return Stop(
        Outcome.UNKNOWN_PAGE,
        f"{utility.name} asks for nothing to sign in with, or its script fills in nothing that it asks for; "
        "the script needs mending.",
    )
