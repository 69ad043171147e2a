"""Where foreign errors become ours: Playwright's, and whatever else a script trips over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lxml.etree import ParserError
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.formats.errors import FormatError
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import BrowserGone
from meterfarm.scrapers.http.markup import EmptyPage
from meterfarm.scrapers.outcomes import ItemFailed, Stop
from meterfarm.scrapers.reader_errors import TRIPPED

Note = Callable[..., None]
"""Takes a step and what belongs to it, for the log and the evidence of a failed run."""
_REASON_LINES = 8
_REASON_LETTERS = 600
_UNUSABLE = re.compile(
    r"\bnot (visible|enabled|editable|stable)\b|intercepts pointer|outside of the viewport|hidden <"
)
_TYPED = re.compile(r"\b(fill|type|pressSequentially|insertText)\(")


def _unnoted(_: str, **__: object) -> None:
    pass


def reason_of(error: PlaywrightError) -> str:
    """Playwright's own words: what failed and the first lines on where it looked, without what was typed."""
    lines = (line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines())
    kept = [line for line in lines if line and not _TYPED.search(line) and line != "Call log:"]
    return " | ".join(kept[:_REASON_LINES])[:_REASON_LETTERS]


@contextmanager
def playwright_errors(
    portal: str, doing: str, *, otherwise: Outcome = Outcome.LAYOUT_CHANGED, note: Note = _unnoted
) -> Iterator[None]:
    """The one boundary where Playwright's errors become ours; ``note`` gets Playwright's own words.

    Raises:
        Stop: ``portal_down`` when the portal cannot be reached, breaks off or does not answer in time,
            ``blocked`` when it leads to a host that is not its own, ``layout_changed`` when a control is not
            there or cannot be used, ``otherwise`` for the rest.
        BrowserGone: the browser or its page has crashed.
    """
    try:
        yield
    except PlaywrightTimeout as exc:
        note("action.failed", doing=doing, reason=reason_of(exc))
        if any(sign in str(exc) for sign in ("goto", "navigation", "load_state", "APIRequestContext")):
            raise Stop(Outcome.PORTAL_DOWN, f"{portal} did not answer in time while {doing}.") from exc
        raise _control_timed_out(portal, doing, str(exc)) from exc
    except PlaywrightError as exc:
        note("action.failed", doing=doing, reason=reason_of(exc))
        raise translated(portal, doing, str(exc), otherwise) from exc


def _control_timed_out(portal: str, doing: str, log: str) -> Stop:
    """By Playwright's log of it: whether the control was there, and what it was waited for to be."""
    if "resolved to" not in log:
        return Stop(Outcome.LAYOUT_CHANGED, f"{portal} shows no such control while {doing}.")
    if _UNUSABLE.search(log):
        return Stop(
            Outcome.LAYOUT_CHANGED, f"{portal} shows the control, but it cannot be used, while {doing}."
        )
    return Stop(Outcome.PORTAL_DOWN, f"{portal}'s page did not react in time while {doing}.")


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
    except TRIPPED as exc:
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


_SEVERAL = re.compile(r"strict mode violation: .* resolved to (\d+) elements")


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
    if several := _SEVERAL.search(text):
        return Stop(
            Outcome.LAYOUT_CHANGED,
            f"{portal} shows {several[1]} such controls where one is meant while {doing}; the script needs "
            "mending.",
        )
    return Stop(otherwise, f"{portal} could not be worked while {doing}.")
