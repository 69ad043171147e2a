"""Meterfarm as a library, for programs of one's own: ``meterfarm.open`` and ``meterfarm.read``.

::

    async with meterfarm.open() as farm:
        result = await farm.scrape("speculoos_power", user, password=password, answer=ask)
    print(result.outcome, len(result.bills))
    frame = result.readings.to_pandas()

What is raised is a ``MeterfarmError``: a ``RequestError`` for what the caller can mend, a ``MachineError``
for what this machine lacks (an extra, a browser, room on the disk), an ``InternalError`` for a fault of
Meterfarm. That a portal refuses the password, or is down, is no error, but the result's ``outcome``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, overload
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.recognise import Kind, recognise
from meterfarm.records import (
    Account,
    Bill,
    BillReading,
    BillStatus,
    Challenge,
    Factor,
    Issue,
    LedgerItem,
    Outcome,
    Series,
    Severity,
)
from meterfarm.support.environment import state_directory
from meterfarm.support.errors import MachineError, RequestError
from meterfarm.support.extras import require

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]

    from meterfarm.fake_utility.addresses import Addresses
    from meterfarm.scrapers.runs.run_executor import RunResult
    from meterfarm.scrapers.utility import Utility
    from meterfarm.storage.store import CompanyStore
    from meterfarm.support.local_hosts import LocalHosts

AnswerCallback = Callable[[Challenge], "Awaitable[str | None] | str | None"]
"""Gets what the portal asks, and returns or awaits the line typed in reply: the code or answer; where there
is a choice, the factor's name, number or label; ``resend`` for another code; None if nobody answers."""


class ReadingSet(Sequence[Series]):
    """Series of readings. Each is of one meter, commodity, measure, direction and unit, in time order.

    A reading is ``mantissa * 10**exponent`` of the series' unit, from ``start`` (epoch seconds, UTC) for
    ``seconds``.
    """

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = tuple(series)

    @overload
    def __getitem__(self, index: int) -> Series: ...
    @overload
    def __getitem__(self, index: slice) -> ReadingSet: ...
    def __getitem__(self, index: int | slice) -> Series | ReadingSet:
        return ReadingSet(self._series[index]) if isinstance(index, slice) else self._series[index]

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        return f"<ReadingSet: {len(self)} series, {self.reading_count} readings>"

    @property
    def reading_count(self) -> int:
        """How many readings there are in all series."""
        return sum(len(one.readings) for one in self._series)

    def to_arrow(self) -> pa.Table:
        """A ``pyarrow.Table`` with a row a reading.

        Columns: meter, commodity, measure, direction, unit (text), start, end (timestamps in UTC,
        milliseconds), quantity (decimal of ``unit``, exact), estimated (boolean).

        Raises:
            ExtraMissing: the extra ``arrow`` is not installed.
        """
        require("arrow", "`to_arrow`")
        from meterfarm.formats.readings_parquet import readings_table

        return readings_table(self._series)

    def to_pandas(self) -> pd.DataFrame:
        """A ``pandas.DataFrame`` with the columns of ``to_arrow``.

        ``start`` and ``end`` are ``datetime64[ms, UTC]``; ``quantity`` stays an exact decimal of Arrow's, and
        ``frame["quantity"].astype(float)`` is quicker to reckon with.

        Raises:
            ExtraMissing: the extra ``arrow`` is not installed.
        """
        require("arrow", "`to_pandas`")
        import pandas as pd
        import pyarrow as pa

        def exact(kind: pa.DataType) -> pd.ArrowDtype | None:
            return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) else None

        frame: pd.DataFrame = self.to_arrow().to_pandas(types_mapper=exact)
        return frame


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file holds. ``issues`` are what in it is doubtful or could not be read.

    ``bill_readings`` are all bills as far as they are certain, with line items, checks and what was left out;
    ``bills`` those of them that are whole.
    """

    bills: Sequence[Bill]
    readings: ReadingSet
    issues: Sequence[Issue]
    bill_readings: Sequence[BillReading] = ()


@dataclass(frozen=True, slots=True)
class ScrapeResult:
    """What a run came to, and what is in store of the customer after it, whenever it was fetched.

    ``outcome`` says what happened (``outcome.who_acts`` who must act), ``message`` the same in a sentence.
    ``bills`` have amounts in cents, newest last; a bill that no layout reads is only in the ``ledger``, which
    has an item for each thing that the portal listed in this run. ``evidence`` is the folder of what is kept
    of a failure.
    """

    outcome: Outcome
    message: str
    accounts: Sequence[Account]
    bills: Sequence[Bill]
    readings: ReadingSet
    ledger: Sequence[LedgerItem]
    evidence: Path | None


class LocalFarm:
    """State on this machine, and the means to fill it. Made by ``meterfarm.open``."""

    def __init__(
        self,
        store: CompanyStore,
        scratch: Path,
        home: Path,
        closing: AsyncExitStack,
        local_hosts: LocalHosts,
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._home = home
        self._local_hosts = local_hosts
        self._closing = closing
        self._fake: tuple[Addresses, LocalHosts] | None = None
        self._starting = asyncio.Lock()

    async def scrape(
        self,
        utility: str,
        username: str,
        *,
        password: str,
        answer: AnswerCallback | None = None,
        totp_secret: str | None = None,
        factor: Factor | None = None,
        since: date | None = None,
        address: str | None = None,
    ) -> ScrapeResult:
        """Sign in to the utility's portal, fetch all bills and readings not in store yet, and store them.

        ``answer`` is asked for codes and answers when the portal verifies who signs in; without it such a run
        ends in ``mfa_required``. ``totp_secret`` is an authenticator's (base32, or an ``otpauth:`` address),
        so nobody is asked for a code. Of several ways to verify, ``factor`` is chosen. Nothing older than
        ``since`` is fetched. ``address`` is where the portal is, if not at its public address; a utility
        without one is visited at the fake utility, which is started for it (extra ``fake``).

        Several customers may be fetched at the same time. The password is stored nowhere, the session is,
        encrypted.

        Raises:
            RequestError: there is no such utility, or a value cannot be used.
            MachineError: a browser, an extra or room on the disk is missing.
            InternalError: a fault of Meterfarm.
            Whatever ``answer`` raises.
        """
        from pydantic import SecretStr

        from meterfarm.farm.settings import FarmSettings
        from meterfarm.mfa.person import Person
        from meterfarm.mfa.port import Nobody
        from meterfarm.mfa.totp import parse_totp_secret
        from meterfarm.scrapers.page.sending import Resending
        from meterfarm.scrapers.runs.progress import NoProgress
        from meterfarm.scrapers.runs.run_executor import RunRequest
        from meterfarm.services.scraping import check_address, checked_username, scrape_customer
        from meterfarm.support.crash import crashes_kept
        from meterfarm.support.redact import Secrets
        from meterfarm.utilities import load_utility_named

        script = load_utility_named(utility)
        name = checked_username(script, username)
        if not password:
            raise RequestError("The password is empty; nothing was sent to the portal.")
        if address:
            check_address(script, address, "The address")
        try:
            totp = parse_totp_secret(totp_secret) if totp_secret else None
        except ValueError as exc:
            raise RequestError(str(exc)) from exc
        secrets, given = Secrets(), SecretStr(password)
        secrets.add(password, *([totp.secret] if totp else []))
        asked = _KeptFailure(answer) if answer else None

        async def the_password() -> SecretStr:
            return given

        evidence = self._home / "evidence"
        settings = FarmSettings()
        try:
            with crashes_kept(secrets, evidence):
                known = address or settings.portal_url(utility)
                base_url, local_hosts = (known, self._local_hosts) if known else await self._portal_of(script)
                request = RunRequest(
                    utility=script,
                    base_url=base_url,
                    username=name,
                    password=the_password,
                    person=Person(asked) if asked else Nobody(),
                    totp=totp,
                    preferred=factor,
                    since=since,
                    resending=Resending(asked=False),
                    run_seconds=settings.run_seconds,
                )
                result = await scrape_customer(
                    request,
                    self._store,
                    secrets,
                    NoProgress(),
                    scratch=self._scratch,
                    evidence=evidence,
                    local_hosts=local_hosts,
                )
        finally:
            if asked and asked.failed:
                raise asked.failed
        return await asyncio.to_thread(self._stored, result)

    async def _portal_of(self, utility: Utility) -> tuple[str, LocalHosts]:
        """A portal's address, the host names here; a fake one runs from now on until the farm is closed."""
        from meterfarm.fake_utility.registry import is_fake
        from meterfarm.fake_utility.running import DidNotStart, FakeUtility
        from meterfarm.support.local_hosts import read_local_hosts

        if utility.home and self._local_hosts.target(urlsplit(utility.home).hostname or ""):
            return utility.home, self._local_hosts
        if not is_fake(utility.id, utility.home, utility.local_url):
            if utility.home:
                return utility.home, self._local_hosts
            raise RequestError(f"{utility.name} has no public portal: give the address of a running one.")
        require("fake", f"The fake utility, which is the portal of {utility.name},")
        async with self._starting:
            if self._fake is None:
                try:
                    child = FakeUtility(home=self._home)
                    at = await asyncio.to_thread(self._closing.enter_context, child)
                except DidNotStart as exc:
                    raise MachineError(f"The fake utility did not start: {exc}") from exc
                hosts = Path(at.hosts) if at.hosts else None
                self._fake = at, await asyncio.to_thread(read_local_hosts, hosts)
        at, local_hosts = self._fake
        return at.http.get(utility.id) or utility.home, local_hosts

    def _stored(self, result: RunResult) -> ScrapeResult:
        store, bills, series = self._store, list[Bill](), list[Series]()
        accounts = store.accounts.list(result.customer)
        for stored in accounts:
            bills += [one.bill for one in store.bills.of_account(stored.id).values() if one.bill is not None]
            for meter in stored.account.meters:
                series += store.readings.series(stored.id, meter.id)
        return ScrapeResult(
            result.outcome,
            result.message,
            [stored.account for stored in accounts],
            bills,
            ReadingSet(series),
            tuple(result.ledger),
            result.evidence,
        )


class _KeptFailure:
    """The caller's ``answer``; what it raises is kept, for it is neither the portal's fault nor ours."""

    def __init__(self, answer: AnswerCallback) -> None:
        self._answer = answer
        self.failed: Exception | None = None

    async def __call__(self, challenge: Challenge) -> str | None:
        try:
            given: Awaitable[str | None] | str | None
            if inspect.iscoroutinefunction(self._answer):
                given = self._answer(challenge)
            else:  # it may wait for a person
                given = await asyncio.to_thread(partial(self._answer, challenge))
            return await given if inspect.isawaitable(given) else given
        except Exception as exc:
            self.failed = exc
            raise


@asynccontextmanager
async def open(
    home: Path | str | None = None, *, company: str | None = None, live: bool = False
) -> AsyncIterator[LocalFarm]:
    """Open the state in ``home``, or make it there: METERFARM_HOME, or ``.meterfarm`` here, if none is given.

    ``company`` is the one that has these customers, by its name; while there is one, it need not be given.
    ``live`` is its live side, which fake utilities have no place in.
    The other settings (DATABASE_URL, METERFARM_SECRET_KEYS, FILES_URL...) are those of the commands, which
    may use the same state at the same time.

    Raises:
        MachineError: the extra ``scrape`` is not installed, or the state cannot be used.
        RequestError: there is no such company, or there are several and none is named.
    """
    require("scrape", "`meterfarm.open`")
    from meterfarm.scrapers.browser.scratch import scratch_folder
    from meterfarm.services.companies import company_store
    from meterfarm.storage.settings import Settings
    from meterfarm.storage.store import Store
    from meterfarm.support.local_hosts import read_local_hosts
    from meterfarm.support.logs import log_within_program

    settings = Settings(home=state_directory(Path(home))) if home else Settings()
    log_within_program()
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(settings.home))
        store = stack.enter_context(await asyncio.to_thread(Store.open, settings))
        local_hosts = await asyncio.to_thread(read_local_hosts, settings.local_hosts)
        yield LocalFarm(company_store(store, company, live=live), scratch, settings.home, stack, local_hosts)


def read(path: Path | str, *, zone: ZoneInfo | str | None = None, utility: str | None = None) -> FileContents:
    """Read a file, whatever it is: Green Button, interval CSV or XLSX, NEM12, a bill's PDF, a ZIP of these.

    ``zone`` is that of local times which do not name theirs, ``utility`` the id of the one with the layouts
    and zone to use. All of it is read into memory.

    Raises:
        RequestError: the file cannot be opened, nothing in it can be read, or there is no such utility or
            zone.
    """
    from meterfarm.services.bill_reading import bill_readings, why_not_read
    from meterfarm.utilities import load_layouts, load_utility_named

    script = load_utility_named(utility) if utility else None
    layouts = load_layouts(script.id) if script else ()
    at = _zone(zone) or (script.zone if script else None)
    bills, series, issues = list[BillReading](), list[Series](), list[Issue]()
    try:
        with Path(path).open("rb") as file:
            for found in recognise(Path(path).name, file, at, layouts):
                try:
                    if found.kind is Kind.BILL:
                        read_here = bill_readings(found.file, script)
                        bills += read_here
                        issues += [
                            Issue(found.member, why_not_read(each), Severity.ERROR)
                            for each in read_here
                            if each.status is not BillStatus.UNLOCKED
                        ]
                    for each in found.contents:
                        series.append(each) if isinstance(each, Series) else issues.append(each)
                except FormatError as exc:
                    issues.append(Issue(found.member, str(exc), Severity.ERROR))
    except FormatError as exc:
        issues.append(Issue("", str(exc), Severity.ERROR))
    except OSError as exc:
        raise RequestError(f"The file {path} cannot be read: {exc.strerror or exc}.") from exc
    refused = [one.what for one in issues if one.severity is Severity.ERROR]
    if refused and not (series or any(each.status is BillStatus.UNLOCKED for each in bills)):
        raise RequestError(f"{path}: {refused[0]}")
    whole = [each.bill for each in bills if each.bill is not None]
    return FileContents(whole, ReadingSet(series), issues, bills)


def _zone(zone: ZoneInfo | str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(zone) if isinstance(zone, str) else zone
    except (KeyError, ValueError, OSError) as exc:
        raise RequestError(f"There is no time zone “{zone}”; name one such as America/New_York.") from exc
