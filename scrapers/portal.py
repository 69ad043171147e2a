"""What a portal is, declared: where it is, what its pages can turn into, its rate limits."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from meterfarm.mfa.mailbox import CodeMail
from meterfarm.mfa.text_message import CodeText
from meterfarm.scrapers.outcomes import Sign


class Portal:
    """The declarations of a utility that a visit goes by; ``Utility`` adds the script."""

    id: str
    """The utility's id: the name of its folder or entry point, which goes before what a script declares."""
    name: ClassVar[str]
    home: ClassVar[str]
    """The portal's public address, or "" for one that has none."""
    hosts: ClassVar[Sequence[str]]
    """Hosts a visit may speak to besides ``home``'s; ``*.example.com`` stands for any host below it."""
    zone: ClassVar[ZoneInfo]
    signs: ClassVar[Sequence[Sign]]
    """What any of the portal's pages can turn into, most specific first."""
    session_concurrency: ClassVar[int] = 4
    """How many requests at once one session sends."""
    max_concurrency: ClassVar[int] = 4
    """How many requests at once all workers together send; ``METERFARM_LIMITS`` goes before."""
    max_rate: ClassVar[float] = 20
    """How many requests all workers together send within any one second; so does that."""
    mail_codes: ClassVar[Sequence[CodeMail]] = ()
    """The mails in which the portal sends its codes; of others no code is ever taken."""
    text_codes: ClassVar[Sequence[CodeText]] = ()
    """The text messages in which the portal sends its codes; of others no code is ever taken."""
    side_by_side: ClassVar[frozenset[str]] = frozenset({"bill_pdf", "export_intervals"})
    """Methods of which the engine may have several calls under way at once; any other runs alone."""
    refresh_transport: ClassVar[Literal["http", "browser", "impersonated"]] = "http"
    """What sends ``visit.http`` requests: our own client, the browser, or one with a browser's TLS hello."""
    api_hosts: ClassVar[Sequence[str]] = ()
    """Hosts that get the headers of ``authorise``; none given: the portal's own host."""
    needs_browser: ClassVar[bool] = True
    """Whether its pages are walked in a browser; what a library fetches needs none (``Visit.library``)."""
    keeps_session: ClassVar[bool] = True
    """Whether what is saved of a session lets the next visit in. Where it does not, it only lets the portal
    know the device, and each visit sends the password."""
    extra: ClassVar[str] = ""
    """The distribution's extra without which it cannot be visited; "" for none (``support.extras``)."""
    settle_seconds: ClassVar[float] = 5.0
    """How long after loading a page may still turn into one of the ``signs``."""

    def username_problem(self, username: str) -> str:
        """Why this cannot be a user name of the portal, or "". Here: it has to be an e-mail address."""
        if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", username):
            return ""
        return (
            f"{self.name} wants an e-mail address for a user name, like name@example.com, not “{username}”."
        )

    def authoriser(self) -> Callable[..., Awaitable[Mapping[str, str]]] | None:
        """What gives the headers of the portal's API: the script's ``authorise``, if it has one."""
        return None
