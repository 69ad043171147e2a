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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml.etree import LxmlError, ParserError
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.formats.errors import FormatError
from meterfarm.records import Outcome
from meterfarm.scrapers.browser import BrowserGone
from meterfarm.scrapers.markup import EmptyPage
from meterfarm.support.logs import safe_for_the_run


class VisitError(Exception):
    """Something about a visit did not go as it should. Its text is one sentence for the user, made safe."""

    def __init__(self, message: str = "") -> None:
        super().__init__(safe_for_the_run(message))


class Stop(VisitError):
    """The run ends here. ``retry_after`` is in seconds, where the portal said so."""

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


Note = Callable[..., None]
"""Takes a step and what belongs to it, for the log and the evidence of a failed run."""
_REASON_LINES = 8
_REASON_LETTERS = 600


def _unnoted(_: str, **__: object) -> None:
    pass


def reason_of(error: PlaywrightError) -> str:
    """Playwright's own words: what failed and the first lines on where it looked, without what was typed."""
    lines = (line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines())
    kept = [line for line in lines if line and 'fill("' not in line and line != "Call log:"]
    return " | ".join(kept[:_REASON_LINES])[:_REASON_LETTERS]


@contextmanager
def playwright_errors(
    portal: str, doing: str, *, otherwise: Outcome = Outcome.LAYOUT_CHANGED, note: Note = _unnoted
) -> Iterator[None]:
    """The one boundary where Playwright's errors become ours; ``note`` gets Playwright's own words.

    Raises:
        Stop: ``portal_down`` when the portal cannot be reached, breaks off or does not answer in time,
            ``blocked`` when it leads to a host that is not its own, ``layout_changed`` when a control is not
            there, ``otherwise`` for the rest.
        BrowserGone: the browser or its page has crashed.
    """
    try:
        yield
    except PlaywrightTimeout as exc:
        note("action.failed", doing=doing, reason=reason_of(exc))
        if any(sign in str(exc) for sign in ("goto", "navigation", "load_state", "APIRequestContext")):
            raise Stop(Outcome.PORTAL_DOWN, f"{portal} did not answer in time while {doing}.") from exc
        raise Stop(Outcome.LAYOUT_CHANGED, f"{portal} shows no such control while {doing}.") from exc
    except PlaywrightError as exc:
        note("action.failed", doing=doing, reason=reason_of(exc))
        raise translated(portal, doing, str(exc), otherwise) from exc


_TRIPPED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, LxmlError)
"""What code raises that met something it did not reckon with."""


@contextmanager
def reader_errors() -> Iterator[None]:
    """The boundary around a utility's reader of documents: what it trips over is the document's fault.

    Raises:
        FormatError: this one cannot be read.
    """
    try:
        yield
    except FormatError:
        raise
    except _TRIPPED as exc:
        raise FormatError(f"its reader met something it did not reckon with ({type(exc).__name__})") from exc


@contextmanager
def script_errors(portal: str, doing: str, *, note: Note = _unnoted, of_item: bool = False) -> Iterator[None]:
    """The boundary around a utility's script: whatever it trips over on a page is the page having changed.

    ``of_item`` is set around what fetches a bill, an export, or an account's list of them: that one may fail.

    Raises:
        Stop: ``layout_changed``, ``unknown_page`` for one with nothing on it; what Playwright reports becomes
            what ``playwright_errors`` says.
        ItemFailed, FormatError: as the script raised it, ``of_item``.
    """
    try:
        with playwright_errors(portal, doing, note=note):
            yield
    except (ItemFailed, FormatError) as exc:
        if of_item:
            raise
        raise _stop_for_item(portal, doing, exc) from exc
    except _TRIPPED as exc:
        if isinstance(exc, EmptyPage) or (isinstance(exc, ParserError) and "is empty" in str(exc)):
            raise Stop(
                Outcome.UNKNOWN_PAGE,
                f"{portal} shows an empty page while {doing}; if it does so again, the script needs mending.",
            ) from exc
        raise Stop(
            Outcome.LAYOUT_CHANGED,
            f"{portal} shows something its script cannot read while {doing} ({type(exc).__name__}).",
        ) from exc


def _stop_for_item(portal: str, doing: str, exc: ItemFailed | FormatError) -> Stop:
    """Where there is no item to leave out, as of the accounts, the whole cannot be had."""
    cause = exc.__cause__
    if isinstance(cause, Stop):
        return Stop(cause.outcome, cause.message, retry_after=cause.retry_after)
    if isinstance(exc, FormatError):
        return Stop(
            Outcome.LAYOUT_CHANGED, f"{portal} sends what its script cannot read while {doing}: {exc}."
        )
    return Stop(Outcome.PORTAL_DOWN, f"{portal} does not hand over what is needed while {doing}: {exc}.")


_NETWORK = re.compile(
    r"ERR_\w+|ECONN\w+|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EAI_AGAIN|socket hang up|aborted"
)


def translated(
    portal: str, doing: str, text: str, otherwise: Outcome = Outcome.LAYOUT_CHANGED
) -> Stop | BrowserGone:
    """What the browser's or Playwright's words about a failure mean for the run."""
    found = _NETWORK.search(text)
    if found and found[0].startswith("ERR_BLOCKED"):
        return Stop(
            Outcome.BLOCKED, f"{portal} led to a host that is not its own while {doing}; not followed."
        )
    if found:
        return Stop(Outcome.PORTAL_DOWN, f"{portal} could not be reached while {doing} ({found[0]}).")
    if "has been closed" in text or "crashed" in text:
        return BrowserGone(f"The browser ended while {doing}; run again.")
    return Stop(otherwise, f"{portal} could not be worked while {doing}.")
