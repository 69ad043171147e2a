"""A request as it is sent, and what of it goes along when it is redirected."""

from __future__ import annotations

import json as json_format
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from yarl import URL

_OURS = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "cookie", "expect", "host", "keep-alive"),
        *("proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"),
    }
)
"""Headers that say what a connection is, or who we are: no script sets them."""
_TO_ANY_HOST = frozenset({"accept", "accept-language", "content-type", "x-requested-with"})
"""What still goes along once a redirect has led to another host."""
_OF_BODY = frozenset({"content-type", "content-encoding", "origin"})
"""What goes with a body, and is sent without one no more."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,65536}")
_SEE_OTHER = 303
_TURN_POST_INTO_GET = frozenset({301, 302})
_READS = "GET"

DATA = "application/json, text/plain, */*"
"""What the usual libraries of pages say they accept."""
Form = Mapping[str, str] | Sequence[tuple[str, str]]
"""The fields of a form, in order; a name may be there several times."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``headers`` are those beyond what every request has, by their names in lower case.

    ``late`` gives further ones, and is asked when the request goes out: it may have waited long until then.
    """

    url: URL
    method: str = _READS
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    late: Callable[[], Mapping[str, str]] | None = field(default=None, repr=False)

    def as_sent(self) -> HttpRequest:
        """With the headers of this moment."""
        if self.late is None:
            return self
        return replace(self, headers={**self.late(), **self.headers}, late=None)

    def redirected(self, status: int, url: URL) -> HttpRequest:
        """What browsers send to where an answer with this status leads (Fetch, 4.4, "HTTP-redirect fetch").

        What lets its bearer in does not go to another host.
        """
        headers, method, body = dict(self.as_sent().headers), self.method, self.body
        if url.origin() != self.url.origin():
            headers = {name: value for name, value in headers.items() if name in _TO_ANY_HOST}
        if status == _SEE_OTHER or (status in _TURN_POST_INTO_GET and method == "POST"):
            method, body = _READS, b""
            headers = {name: value for name, value in headers.items() if name not in _OF_BODY}
        return HttpRequest(url, method, headers, body)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a script asks for; ``texts`` are all that it posts."""

    request: HttpRequest
    texts: Sequence[str] = field(default=(), repr=False)

    def with_headers(self, known: Callable[[], Mapping[str, str]], usual: Mapping[str, str]) -> Wanted:
        """For the portal's API, as a page of the portal would ask it."""
        late = lambda: {"accept": DATA, **usual, **known()}  # noqa: E731
        return replace(self, request=replace(self.request, late=late))


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """A script's headers by their names in lower case.

    Raises:
        ValueError: one that a script may not set, or that no request can carry; its value is not named.
    """
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or name.lower() in _OURS:
            raise ValueError(f"a script cannot set the header {name[:200]!r}")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the header {name} has a value that no request can carry")
    return {name.lower(): value for name, value in headers.items()}


def body_of(form: Form | None, json: Any) -> tuple[bytes, str]:
    """What is posted, and its media type.

    Raises:
        ValueError: both are given, or what JSON cannot say.
    """
    if form is not None and json is not None:
        raise ValueError("a request has a form or JSON, not both")
    if json is not None:
        text = json_format.dumps(json, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(), "application/json"
    if form is not None:
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        return urlencode(pairs).encode(), "application/x-www-form-urlencoded"
    return b"", ""


def texts_sent(form: Form | None, json: Any, headers: Mapping[str, str]) -> Sequence[str]:
    """Every text in what is sent, to find a password among them."""
    found = list(headers.values())
    left: list[Any] = [dict(form) if isinstance(form, Mapping) else [list(pair) for pair in form or ()], json]
    while left:
        part = left.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, Mapping):
            left += part.values()
        elif isinstance(part, (list, tuple)):
            left += part
    return found
