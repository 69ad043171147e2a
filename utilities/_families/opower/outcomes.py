"""What the library's errors mean: a customer is blamed only where the portal's own words do.

The library's own ``InvalidAuth`` also stands for a missing secret, for each HTTP 401 and 403, and for a site
that is not as the library knows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import ADVICE, TAKEN, Sign, Stop, stop_for_status

if TYPE_CHECKING:  # what is listed imports no client
    from meterfarm.scrapers.http.library import ForLibrary

SIGNS: Sequence[Sign] = (Sign(TAKEN, path=r"/User/0/Login$", pointer="/login", value=True),)
"""What answers say beside what the library takes from them. None is of a page: it may have hidden words."""

_SAID: Sequence[tuple[str, Outcome]] = (
    (r"account.{0,20}lock|lock.{0,20}account|locked out", Outcome.ACCOUNT_LOCKED),
    (r"password.{0,20}expired|must change.{0,20}password", Outcome.PASSWORD_CHANGE_REQUIRED),
    (r"not yet supported|TOTP secret is required|only supports MFA", Outcome.MFA_REQUIRED),
    (
        r"username/password are invalid|username and password failed|wrong password|no such username"
        r"|invalid (aes indiana|nipsco) credentials|(email|user ?name|user ?id) or password"
        r"|password.{0,20}(incorrect|invalid)|(incorrect|invalid).{0,20}password"
        r"|can't seem to find your account|user with the specified credential",
        Outcome.BAD_CREDENTIALS,
    ),
    (r"2fa code was invalid|invalid mfa code|during MFA code", Outcome.MFA_FAILED),
)
"""Of an ``InvalidAuth``: the portal's own words, or what the library says only where its answer said so."""
_ADVICE: Mapping[Outcome, str] = {
    **ADVICE,
    Outcome.MFA_REQUIRED: "The library cannot pass it; the portal has to be visited otherwise.",
}
UNAUTHORISED = 401


def stop_for(portal: str, error: Exception, library: ForLibrary, *, is_auth: bool) -> Stop:
    """How the run ends after an error of the library's; ``is_auth``: it is an ``InvalidAuth``."""
    status = status_of(error)
    if status is not None and status >= 400:
        return stop_for_refusal(portal, status, library)
    if status is not None:
        return stop_for_page(portal)
    text = str(error)
    if not is_auth:
        return Stop(
            Outcome.PORTAL_DOWN, f"{portal} did not let the library in (“{_first(text)}”); try again later."
        )
    for words, outcome in _SAID:
        if re.search(words, text, re.IGNORECASE):
            return Stop(outcome, f"{portal} says: “{_first(text)}”. {_ADVICE.get(outcome, '')}".rstrip())
    return Stop(
        Outcome.UNKNOWN_PAGE,
        f"{portal} answered as the library does not know (“{_first(text)}”); a newer one may.",
    )


def stop_for_page(portal: str) -> Stop:
    """Something is shown where data are due."""
    return Stop(
        Outcome.UNKNOWN_PAGE, f"{portal} shows a page where the library awaits data; a newer one may know."
    )


def stop_for_shape(portal: str, error: Exception) -> Stop:
    """Data are not as the library knows them."""
    return Stop(
        Outcome.LAYOUT_CHANGED,
        f"{portal} answers as the library does not know (“{_first(str(error))}”); a newer one may.",
    )


def stop_for_refusal(portal: str, status: int, library: ForLibrary) -> Stop:
    """By an HTTP status alone: it says nothing about the credentials."""
    last = library.last
    stop = stop_for_status(portal, status, last.headers.get("retry-after") if last else None)
    if stop is not None:
        return stop
    if status == UNAUTHORISED:
        return Stop(
            Outcome.BLOCKED,
            f"{portal} refused the visit (HTTP 401) without a word about the credentials; try again later.",
        )
    return Stop(Outcome.LAYOUT_CHANGED, f"{portal} answers HTTP {status}, which was not expected.")


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error is about, by itself or by what caused it; None for none."""
    seen: BaseException | None = error
    while seen is not None:
        status = getattr(seen, "status", None)
        if isinstance(status, int):
            return status
        seen = seen.__cause__
    return None


def _first(text: str) -> str:
    return text.partition("\n")[0].rstrip(".")
