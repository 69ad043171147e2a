"""Sending a password: written down before it goes out, and never more often than a portal may see it.

A password that the portal refused is not sent again. One that was sent without an answer that is known,
because the portal, the script, the browser or this process failed then, is sent once more, not before the
next scheduled run; then the customer is asked. A person who asks for a run has it sent once more at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from meterfarm.records import Outcome, WhoActs
from meterfarm.scrapers.outcomes import Stop
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore

_SENDS = 2


@dataclass(frozen=True, slots=True)
class Resending:
    """When a password in doubt may go out again: after ``rest``, or now, if a person ``asked`` for it."""

    rest: timedelta = timedelta(0)
    asked: bool = False


AT_ONCE = Resending()


class InDoubt(StrEnum):
    """Whether it is open what the portal thinks of the password."""

    NO = "no"
    SENT = "sent"
    HELD_BACK = "held back"


class SignInWatch(Protocol):
    """Is informed, while signing in, of what is typed, and before each press that may send it.

    ``typed`` and ``before_press`` are the page's to call; what else sends a password calls ``before_press``
    after ``typed``, too. Where it ``types`` nothing, fields are found and left as they are.
    """

    types: bool

    @property
    def has_typed(self) -> bool:
        """Whether anything was typed."""

    def typed(self, value: str) -> None:
        """Something was typed into a field."""

    async def before_press(self, *, is_still_there: bool) -> bool:
        """Before something that sends what was typed; whether that is the password.

        ``is_still_there``: a password stands in the form that is sent.

        Raises:
            Stop: it must not be sent.
        """

    async def was_not_sent(self) -> None:
        """What was to send the password sent nothing at all."""

    async def led_on(self) -> None:
        """The portal asks for something else now: it took the password."""


class Sending:
    """The ``SignInWatch`` of one password at one sign-in."""

    types = True

    def __init__(
        self, store: CompanyStore, portal: str, customer: Customer, password: str, resending: Resending
    ) -> None:
        self.in_doubt = InDoubt.NO
        self._store = store
        self._portal = portal
        self._customer = customer
        self._password = password
        self._resending = resending
        self._is_typed = False
        self._has_filled = self._has_pressed = False

    async def must_be_allowed(self) -> None:
        """Raises Stop if the password may not be sent now."""
        rejected = await asyncio.to_thread(self._store.logins.rejection, self._customer, self._password)
        if rejected is not None:
            raise Stop(
                rejected.outcome,
                f"{rejected.message} That was the answer to this same password at {_minute(rejected.at)}, so "
                "it was not sent again; give the new one.",
            )
        doubt = await asyncio.to_thread(self._store.logins.unconfirmed, self._customer, self._password)
        if doubt is None or self._resending.asked:
            return
        if doubt.sends >= _SENDS:
            raise Stop(
                Outcome.ACTION_REQUIRED,
                f"{self._portal} was sent the password {doubt.sends} times, last at {_minute(doubt.at)}, and "
                "no answer is known, so it is not sent again; sign in at the portal to see that it is right, "
                "then give it again.",
            )
        if datetime.now(UTC) < doubt.again_at:
            self.in_doubt = InDoubt.HELD_BACK
            raise Stop(
                Outcome.PORTAL_DOWN,
                f"{self._portal} was sent the password at {_minute(doubt.at)}, and no answer is known; it is "
                f"sent once more, but not before {_minute(doubt.again_at)}.",
            )

    @property
    def has_typed(self) -> bool:
        """See ``SignInWatch``."""
        return self._has_filled

    def typed(self, value: str) -> None:
        """See ``SignInWatch``."""
        self._has_filled = True
        self._is_typed = self._is_typed or value == self._password

    async def before_press(self, *, is_still_there: bool) -> bool:
        """See ``SignInWatch``.

        Raises:
            Stop: it was sent at this sign-in already, and the portal has not accepted it.
        """
        self._has_pressed = self._has_pressed or self._has_filled
        is_sent = self.in_doubt is InDoubt.SENT
        if not self._is_typed and not (is_sent and is_still_there):
            return False
        if is_sent:
            raise Stop(
                Outcome.UNKNOWN_PAGE,
                f"{self._portal} wants the password again without saying what was wrong with it; it was not "
                "sent again, and the script needs mending.",
            )
        await asyncio.to_thread(
            self._store.logins.note_sending, self._customer, self._password, self._resending.rest
        )
        self._is_typed, self.in_doubt = False, InDoubt.SENT
        return True

    async def was_not_sent(self) -> None:
        """See ``SignInWatch``."""
        self._is_typed, self.in_doubt = True, InDoubt.NO
        await asyncio.to_thread(self._store.logins.note_unsent, self._customer, self._password)

    async def led_on(self) -> None:
        """See ``SignInWatch``."""
        if self.in_doubt is InDoubt.SENT:
            self.in_doubt = InDoubt.NO
            await asyncio.to_thread(self._store.logins.clear_doubts, self._customer)

    async def stopped(self, stop: Stop, scrub: Callable[[str], str]) -> None:
        """The sign-in ended so. What the portal declared to be the customer's to do is an answer, but no word
        on a password if it came before anything was typed and sent."""
        if stop.outcome.holds_the_password and self._has_pressed:
            self.in_doubt = InDoubt.NO
            await asyncio.to_thread(
                self._store.logins.reject,
                self._customer,
                self._password,
                stop.outcome,
                scrub(stop.message),
            )
        elif stop.outcome.who_acts is WhoActs.CUSTOMER:
            await self.led_on()


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
