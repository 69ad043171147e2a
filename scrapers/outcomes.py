"""How a visit can go wrong, named by what the caller should do, and what a page can turn into.

VisitError
├── Stop          end the run with this outcome
├── SessionEnded  sign in again, once, then go on
└── ItemFailed    this one bill or export is missing; the rest goes on
    ├── ListFailed     so is what an account's list would have named
    ├── ExportPending  the portal is still making it: a later run fetches it
    ├── ExportFailed   the portal failed at making it: it is asked for anew
    └── NothingThere   the portal says that it has nothing of these days
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache

from meterfarm.records import Outcome
from meterfarm.scrapers.json_pointer import is_pointer, pointed_at
from meterfarm.support.alike import alike
from meterfarm.support.foreign_text import NAME, storable
from meterfarm.support.logs import safe_for_the_run

SIGNED_OUT = "signed_out"
"""What a ``Sign`` means by which a script declares the page that comes when the session has ended."""
TAKEN = "password taken"
"""What a ``Sign`` means of an answer by which the portal has taken the password that a library sent."""
_TEXTS = ("heading", "text", "path", "host", "hash", "pointer", "gone")
_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*")
_ROLE = re.compile(r"[a-z]+")


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


class ExportPending(ItemFailed):
    """The portal is still making an export. ``key`` is by what it is asked for, ``not_before`` when again.

    The key is kept as it is: a number or name of the portal's, no address that lets anybody in.
    """

    def __init__(self, key: str, not_before: datetime | None = None) -> None:
        if not key or len(key) > NAME or storable(key) != key:
            raise ValueError(f"a key of an export has 1 to {NAME} characters that can be stored")
        if not_before is not None and not_before.tzinfo is None:
            raise ValueError("an instant must be aware of its time zone")
        super().__init__("the portal is still making the export")
        self.key = key
        self.not_before = not_before


class ExportFailed(ItemFailed):
    """The portal failed at making an export, or does not know it any more: it is asked for anew."""


class NothingThere(ItemFailed):
    """The portal says, in words of its own, that it has nothing of the days of an export: none is missing."""


class Whatever(Enum):
    """What a ``Sign`` awaits at its pointer if it names no value."""

    VALUE = "any value"


@dataclass(frozen=True, slots=True)
class Sign:
    """Something a page can turn into, and how it is recognised: everything given must hold.

    ``means`` is an outcome, which ends the run, or the script's own name for the page. Of a page: ``heading``
    is a whole h1 or h2, ``text`` a part of the visible text, ``gone`` a text that is not shown any more,
    ``role`` the ARIA role of an element that is shown and its whole name, or "" for any; all in any case,
    whatever blanks and marks stand between the words. Of its address:
    ``host`` as in ``Portal.hosts``, ``path`` and ``hash`` (with its ``#``) regular expressions. Of a JSON
    answer: what stands at ``pointer`` (RFC 6901) is ``value``, or anything.

    Raises:
        ValueError: it says nothing by which it could be recognised, or what cannot be.
    """

    means: Outcome | str
    heading: str = ""
    text: str = ""
    path: str = ""
    host: str = ""
    hash: str = ""
    role: tuple[str, str] | None = None
    pointer: str = ""
    value: str | float | bool | Whatever | None = Whatever.VALUE
    gone: str = ""

    def __post_init__(self) -> None:
        if fault := next(_faults(self), ""):
            raise ValueError(f"A Sign that means “{self.means}” {fault}.")

    @property
    def is_of_content(self) -> bool:
        """Whether it says more of a page than its address."""
        return bool(self.heading or self.text or self.role or self.gone)

    @property
    def words(self) -> str:
        """What the portal says there, "" where the sign has no words."""
        value = self.value if isinstance(self.value, str) else ""
        return self.text or self.heading or (self.role[1] if self.role else "") or value

    @property
    def look(self) -> str:
        """What it is and how it is recognised, for who mends a script."""
        how = {name: getattr(self, name) for name in (*_TEXTS, "role")}
        value = {} if self.value is Whatever.VALUE else {"value": self.value}
        given = {name: what for name, what in how.items() if what} | value
        return f"{self.means}: " + ", ".join(f"{name} {what!r}" for name, what in given.items())

    def is_at(self, *, host: str, path: str, fragment: str = "") -> bool:
        """Whether it may be recognised at such an address."""
        name = self.host.lower()
        at_host = host.endswith(name[1:]) if name.startswith("*.") else host == name
        return (
            (not name or at_host)
            and (not self.path or re.search(self.path, path) is not None)
            and (not self.hash or re.search(self.hash, fragment) is not None)
        )

    def is_shown(
        self, *, headings: Sequence[str], text: str, roles: Collection[tuple[str, str]] = ()
    ) -> bool:
        """Whether a page with these headings, this visible text, these roles and names carries it."""
        return (
            not self.pointer
            and (not self.heading or any(_is_same(self.heading, found) for found in headings))
            and (not self.text or _is_part(self.text, text))
            and (not self.role or any(_is_named(self.role, found) for found in roles))
            and not (self.gone and _is_part(self.gone, text))
        )

    def is_in(self, answer: object) -> bool:
        """Whether a parsed JSON answer carries it."""
        if not self.pointer:
            return False
        try:
            found = pointed_at(answer, self.pointer)
        except LookupError:
            return False
        if isinstance(found, Decimal) and isinstance(self.value, float):
            found = float(found)
        is_alike = isinstance(found, bool) is isinstance(self.value, bool) and found == self.value
        return self.value is Whatever.VALUE or is_alike

    def fits(
        self,
        *,
        path: str,
        headings: Sequence[str],
        text: str,
        host: str = "",
        fragment: str = "",
        roles: Collection[tuple[str, str]] = (),
    ) -> bool:
        """Whether a page with this address, these headings, this visible text and these roles carries it."""
        return self.is_at(host=host, path=path, fragment=fragment) and self.is_shown(
            headings=headings, text=text, roles=roles
        )


def _is_named(wanted: tuple[str, str], found: tuple[str, str]) -> bool:
    return wanted[0] == found[0] and (not wanted[1] or _is_same(wanted[1], found[1]))


def _is_same(wanted: str, found: str) -> bool:
    return wanted == found or alike(wanted) == alike(found)


def _is_part(wanted: str, text: str) -> bool:
    return wanted in text or alike(wanted) in _text_alike(text)


@lru_cache(maxsize=4)
def _text_alike(text: str) -> str:
    """Every sign is looked for in the same text."""
    return alike(text)


def _faults(sign: Sign) -> Iterator[str]:
    """What is wrong with a declaration, as the end of a sentence."""
    texts = {name: getattr(sign, name) for name in _TEXTS}
    yield from (
        f"has a {name} that is no text but {text!r}"
        for name, text in texts.items()
        if not isinstance(text, str)
    )
    if not sign.means:
        yield "has no meaning; give an outcome, or a name of the script's own"
    if not any(texts.values()) and sign.role is None:
        yield "names nothing to recognise it by; give it a text, heading, role, address or pointer"
    for name in ("path", "hash"):
        try:
            re.compile(texts[name])
        except re.error as exc:
            yield f"has a {name} that is no regular expression ({texts[name]!r}: {exc})"
    if texts["host"] and not _HOST.fullmatch(texts["host"].lower()):
        yield f"has a host that is none ({texts['host']!r}); write a name, or *.example.com for all below it"
    yield from _faults_of_role(sign.role)
    if texts["pointer"] and not (texts["pointer"].startswith("/") and is_pointer(texts["pointer"])):
        yield f"has a pointer that is none ({texts['pointer']!r}); write one like /error/code"
    if texts["pointer"] and (sign.is_of_content or texts["hash"]):
        yield "has a pointer, which is of a JSON answer, and what only a page can show"
    if not texts["pointer"] and sign.value is not Whatever.VALUE:
        yield "has a value and no pointer to where in a JSON answer it stands"


def _faults_of_role(role: object) -> Iterator[str]:
    match role:
        case None:
            return
        case (str(kind), str()) if _ROLE.fullmatch(kind):
            return
    yield f'has a role that is none ({role!r}); write ("dialog", "its whole name"), or "" for any name'


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
    words = sign.words.rstrip(".")
    says = f"says: “{words}”" if words else f"shows what its script takes for “{sign.means}”"
    return Stop(sign.means, f"{portal} {says}. {ADVICE.get(sign.means, '')}".rstrip())


def stop_for_status(portal: str, status: int, retry_after: str | None) -> Stop | None:
    """What an HTTP status says by itself, for a page that carries no declared sign."""
    seconds = retry_seconds(retry_after or "")
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


def retry_seconds(retry_after: str) -> int | None:
    """A Retry-After header as seconds from now, None if it is neither a number nor an HTTP date."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return int(retry_after)
    try:
        wait = parsedate_to_datetime(retry_after) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    return max(0, math.ceil(wait.total_seconds()))
