"""The library, signed in for one visit: its errors are ours, and its requests the visit's."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

from opower import (
    Account,
    AggregateType,
    CannotConnect,
    InvalidAuth,
    MeterType,
    MfaChallenge,
    Opower,
    ReadResolution,
)
from opower.exceptions import ApiException

from meterfarm.records import Document, Outcome
from meterfarm.scrapers.http.library import ForLibrary
from meterfarm.scrapers.http.library_session import exactly
from meterfarm.scrapers.outcomes import ItemFailed, NothingThere, SessionEnded, Stop, VisitError
from meterfarm.scrapers.reader_errors import TRIPPED
from meterfarm.scrapers.utility import Credentials
from meterfarm.scrapers.visit import Visit
from meterfarm.utilities._families.opower.challenges import LOGIN, pass_challenge
from meterfarm.utilities._families.opower.codes import STAND_IN_SECRET, WithCodes
from meterfarm.utilities._families.opower.declarations import Declared
from meterfarm.utilities._families.opower.outcomes import (
    UNAUTHORISED,
    status_of,
    stop_for,
    stop_for_page,
    stop_for_refusal,
    stop_for_shape,
)
from meterfarm.utilities._families.opower.reading import Row, as_row, export_of

_NO_ACCOUNT = "no active accounts"
_FINEST: dict[ReadResolution, tuple[AggregateType, int]] = {
    ReadResolution.DAY: (AggregateType.DAY, 86_400),
    ReadResolution.HOUR: (AggregateType.HOUR, 3_600),
    ReadResolution.HALF_HOUR: (AggregateType.HALF_HOUR, 1_800),
    ReadResolution.QUARTER_HOUR: (AggregateType.QUARTER_HOUR, 900),
    ReadResolution.FIVE_MINUTE: (AggregateType.QUARTER_HOUR, 900),
}
"""The library gives nothing finer than quarter-hours."""


@dataclass(slots=True)
class Seen:
    """What a visit knows of the library's accounts, by their uuid; ``units`` of gas, by the same."""

    serving: Serving | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)


class Serving:
    """The library for one visit."""

    def __init__(
        self, visit: Visit, declared: Declared, library: ForLibrary, username: str, password: str
    ) -> None:
        self._visit = visit
        self._declared = declared
        self._library = library
        login = visit.tokens.get(LOGIN, "")
        self._opower = Opower(
            library.session,
            declared.library_class,
            username,
            password,
            STAND_IN_SECRET if declared.takes_totp else None,
            json.loads(login) if login else None,
        )

    @classmethod
    async def begun(cls, visit: Visit, declared: Declared, credentials: Credentials | None) -> Serving:
        """With the credentials signed in anew; without any by what was saved.

        Raises:
            SessionEnded: what was saved lets nobody in any more.
            Stop: as the portal has it.
        """
        library = await visit.library()
        username, password = "", secrets.token_urlsafe(24)
        library.stand_in = password if credentials is None else ""
        if credentials is not None:
            username, password = credentials.username, credentials.password.get_secret_value()
        made = cls(visit, declared, library, username, password)
        library.around = WithCodes(visit).send if declared.takes_totp else library.around
        async with made.errors():
            try:
                await made._opower.async_login()
            except MfaChallenge as challenge:
                if credentials is None:
                    raise SessionEnded(f"{declared.name} asks for MFA again.") from challenge
                await pass_challenge(visit, declared.name, challenge.handler)
                made = cls(visit, declared, library, username, password)
                await made._opower.async_login()
        visit.state(Seen).serving = made
        return made

    @asynccontextmanager
    async def errors(self, *, of_item: bool = False) -> AsyncIterator[None]:
        """Around each call: what a request was refused for goes before what the library makes of it.

        ``of_item``: an error that the portal answers with is these days' alone.

        Raises:
            VisitError: as the portal has it.
            TRIPPED: an answer cannot be read.
        """
        library = self._library
        try:
            yield
        except VisitError:
            library.stopped = None
            raise
        except (InvalidAuth, CannotConnect, ApiException) as exc:
            library.raise_if_stopped()
            raise self._as_ours(exc, of_item=of_item) from exc
        except TRIPPED as exc:
            library.raise_if_stopped()
            self._must_be_data(exc)
            raise
        library.raise_if_stopped()

    def _must_be_data(self, error: Exception) -> None:
        if self._library.last is not None and self._library.last.is_page:
            raise stop_for_page(self._declared.name) from error

    def _as_ours(self, error: Exception, *, of_item: bool) -> VisitError:
        name, library = self._declared.name, self._library
        if not isinstance(error, ApiException):
            return stop_for(name, error, library, is_auth=isinstance(error, InvalidAuth))
        status = status_of(error)
        if status == UNAUTHORISED:
            return SessionEnded(f"{name} ended the session.")
        if status is None:
            stop = stop_for_shape(name, error)
        else:
            stop = stop_for_refusal(name, status, library) if status >= 400 else stop_for_page(name)
        if of_item and stop.outcome in {Outcome.PORTAL_DOWN, Outcome.LAYOUT_CHANGED}:
            return self._visit.http.refused(stop)
        return stop

    async def accounts(self) -> Sequence[Account]:
        """All that the library names; none where the portal says that there is none."""
        try:
            async with self.errors():
                found = await self._opower.async_get_accounts()
        except Stop as stop:
            if stop.outcome is Outcome.BLOCKED and _NO_ACCOUNT in _answer_of(stop):
                return []
            raise
        seen = self._visit.state(Seen)
        seen.accounts = {account.uuid: account for account in found}
        if any(account.meter_type is MeterType.GAS for account in found):
            async with self.errors():
                forecasts = await self._opower.async_get_forecast()
            seen.units = {one.account.uuid: one.unit_of_measure.value for one in forecasts}
        return found

    async def days_with_readings(self, account: Account, first: date, last: date) -> Sequence[date]:
        """The local days of which there is anything, in order."""
        async with self.errors():
            reads = await self._opower.async_get_usage_reads(
                account, AggregateType.DAY, _midnight(first), _midnight(last)
            )
        zone = self._declared.zone
        found = {read.start_time.astimezone(zone).date() for read in reads}
        return sorted(day for day in found if first <= day <= last)

    async def export(self, account: Account, first: date, last: date) -> Document:
        """The readings of these days, both included.

        Raises:
            NothingThere: the portal has none.
            ItemFailed: it refuses them.
        """
        aggregate, _ = finest(account) or (AggregateType.DAY, 0)
        both = _midnight(first), _midnight(last)
        async with self.errors(of_item=True):
            reads: list[Any] = list(await self._opower.async_get_cost_reads(account, aggregate, *both))
            if not reads or not self._reaches(reads[-1].end_time, last):
                # zeros at the end are left out of costs
                known = {read.start_time for read in reads}
                usage = await self._opower.async_get_usage_reads(account, aggregate, *both)
                reads += [read for read in usage if read.start_time not in known]
        self._visit.http.has_handed_over()
        rows = self._rows(sorted(reads, key=lambda read: read.start_time), first, last)
        if not rows:
            raise NothingThere("the portal has nothing of these days")
        unit = self.unit(account)
        if unit is None:
            raise ItemFailed("the portal does not say what unit its gas is counted in")
        return export_of(account.uuid, unit, (first, last), rows, f"opower {version('opower')}")

    def unit(self, account: Account) -> str | None:
        """What the account's numbers are counted in; None if the portal does not say."""
        if account.meter_type is MeterType.ELEC:
            return "KWH"
        return self._visit.state(Seen).units.get(account.uuid)

    def _rows(self, reads: Sequence[Any], first: date, last: date) -> Sequence[Row]:
        zone = self._declared.zone
        return [
            as_row(read, exactly)
            for read in reads
            if first <= read.start_time.astimezone(zone).date() <= last
        ]

    def _reaches(self, end: datetime, last: date) -> bool:
        return end.astimezone(self._declared.zone).date() > last


def finest(account: Account) -> tuple[AggregateType, int] | None:
    """By what an account's readings are asked for, and their seconds; None if it has bills alone."""
    return _FINEST.get(account.read_resolution) if account.read_resolution is not None else None


def _midnight(day: date) -> datetime:
    """As the library takes it: it looks at the day alone."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a local day


def _answer_of(stop: Stop) -> str:
    cause = stop.__cause__
    return str(getattr(cause, "response_text", "") or "")
