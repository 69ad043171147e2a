"""One exchange with a portal: what any client of ours gives, and what may be the matter with an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.response import HttpResponse, readable

LANGUAGE = "en-US"
"""What a browser page and a request without one say alike."""
LARGEST_REDIRECT = 64 * 1024
"""Bytes: of a redirect nothing is wanted but where it leads."""


class Fault(Enum):
    """What was the matter with an answer that did not come, or not whole."""

    UNREACHABLE = "could not be reached"
    CLOSED = "closed the connection without an answer"
    SILENT = "did not answer in time"
    SLOW = "did not send all in time"
    BROKEN_OFF = "broke off"
    UNREADABLE = "sends what cannot be read"
    TOO_LARGE = "sends too much"

    @property
    def is_no_answer(self) -> bool:
        """Whether nothing came at all; else the portal is there, and this one answer is at fault."""
        return self in {Fault.UNREACHABLE, Fault.CLOSED, Fault.SILENT}

    @property
    def may_pass(self) -> bool:
        """Whether the same request may go well a moment later."""
        return self in {Fault.UNREACHABLE, Fault.CLOSED, Fault.BROKEN_OFF}


class NoAnswer(Exception):
    """No answer came, or not all of it. ``detail`` says more, in words that stand in brackets."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.value} ({detail})" if detail else fault.value)
        self.fault = fault
        self.detail = detail


class HttpClient(Protocol):
    """A client that sends what it is given, and keeps no cookies and follows no redirect by itself."""

    async def exchange(
        self, request: HttpRequest, cookie: str, limit: Limit
    ) -> tuple[HttpResponse, Sequence[str]]:
        """The answer, and the ``Set-Cookie`` lines in it; ``cookie`` is the header, "" for none.

        A page is never taken for larger than a page may be.

        Raises:
            NoAnswer: none came.
        """


Connect = Callable[[str], AbstractAsyncContextManager[HttpClient]]
"""Gives a client in the name of a browser, by its user agent."""


def header_value(name: str, value: str) -> str:
    """A header's value; of an address its very bytes are sent back."""
    return value if name.lower() == "location" else readable(value)
