"""The `demo` command: fake customers through queue, workers and database, their owners answering MFA."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from meterfarm.console.farm.fake_owners import Owner, Owners, delivered_code
from meterfarm.console.runs.run_tables import run_result
from meterfarm.console.scraping.summary import write_summary
from meterfarm.console.terminal.listing import Column, Listing, Shown, styled
from meterfarm.console.terminal.output import show, warn
from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.numbered import numbered_form
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.fake_utility.running import FakeUtility
from meterfarm.farm.redis.notifier import notifier_at
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.workers.supervisor import Workers, redis_at_hand
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.records import Outcome, RunKind, RunState, SecretKind
from meterfarm.services.customer_files import write_out
from meterfarm.services.summary import summarise_run
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility

_HOME = ".home"
_OURS = (
    *("METERFARM_HOME", "METERFARM_PORTAL_URLS", "METERFARM_LOCAL_HOSTS"),
    *("DATABASE_URL", "METERFARM_SECRET_KEYS"),
)
_CONFUSED = 2
"""The owner of the customer with this number never enters the right code."""
_PROCESSES = 2
_LOOK = 0.25


@dataclass(slots=True)
class _Shown:
    """A customer of the demo: what for, what they are meant to end in, and where their files go."""

    customer: Customer
    shows: str
    meant: Outcome
    folder: Path
    ended: RunInfo | None = None


@dataclass(frozen=True, slots=True)
class DemoCase:
    """A test customer of a portal, what they show, and what they are meant to end in."""

    portal: FakePortal
    username: str
    shows: str
    meant: Outcome
    owner: Owner = Owner.RIGHT

    def folder(self, below: Path) -> Path:
        """Where the customer's files go."""
        return below / self.portal.id / self.username.partition("@")[0]


@dataclass(frozen=True, slots=True)
class DemoPart:
    """Customers who are watched together; their files go below ``folder``."""

    title: str
    folder: Path
    cases: Sequence[DemoCase]


async def demo(zygote: Zygote, out: Path) -> int:
    """Fetch into ``out`` who comes home, into ``<out>-outcomes`` who ends otherwise: 0 if all is as meant."""
    parts = _parts(fake_portals(), out)
    clear(out, parts)
    settings = Settings(home=(out / _HOME).absolute(), database_url="", secret_keys="")
    log_to_stderr(Secrets())
    async with AsyncExitStack() as stack:
        at = stack.enter_context(FakeUtility(random_codes=True, home=settings.home))
        _set_environment(settings.home, at)
        store = stack.enter_context(Store.open(settings).of())
        redis_url = await stack.enter_async_context(redis_at_hand(FarmSettings(redis_url=""), settings.home))
        notifier = await stack.enter_async_context(notifier_at(redis_url, store.farm.workforce.key()))
        working = asyncio.create_task(Workers(zygote, redis_url, _PROCESSES, None).run())
        stack.push_async_callback(_stop, working)
        for portal in fake_portals():
            _about(f"{portal.name}, a fake utility, runs at {at.http.get(portal.id) or portal.home}.")
        _about(f"Codes are random. {_PROCESSES} workers take customers from the queue.")
        good = True
        owners = Owners(
            {
                (case.portal.id, case.username): (
                    case.owner,
                    partial(delivered_code, at.controls[case.portal.id]),
                )
                for part in parts
                for case in part.cases
            }
        )
        for part in parts:
            shown = [
                _Shown(_add(store, case), case.shows, case.meant, case.folder(part.folder))
                for case in part.cases
            ]
            await notifier.notify(await asyncio.to_thread(store.farm.runs.to_notify))
            _about("")
            good &= await _watch(part.title, shown, store, owners)
    _about("")
    _about(f"Bills, intervals and a summary.json of each customer: {out}/ and {_outcomes(out)}/")
    return 0 if good else 1


def _parts(portals: Sequence[FakePortal], out: Path) -> Sequence[DemoPart]:
    """Of each portal who comes home; then, for every other way to end, somebody of the portals in turn."""
    parts = [
        DemoPart(
            f"{portal.name}: what came home",
            out,
            [
                DemoCase(portal, name, portal.book.listed[name].purpose, Outcome.COMPLETE)
                for name in _home(portal)
            ],
        )
        for portal in portals
    ]
    others = [{case.meant: case for case in reversed(_others(portal))} for portal in portals]
    ended = []
    for number, outcome in enumerate(Outcome):
        having = [of_portal[outcome] for of_portal in others if outcome in of_portal]
        if having:
            ended.append(having[number % len(having)])
    return [*parts, DemoPart("What ends otherwise, at one portal or another", _outcomes(out), ended)]


def _home(portal: FakePortal) -> Sequence[str]:
    listed = portal.book.listed
    return portal.shown or [name for name, case in listed.items() if case.outcome == Outcome.COMPLETE]


def _others(portal: FakePortal) -> Sequence[DemoCase]:
    """Those who end otherwise, with one whom the portal does not know and one who mistypes every code."""
    found = [
        DemoCase(portal, case.username, case.purpose, Outcome(case.outcome))
        for case in portal.book.listed.values()
        if case.outcome != Outcome.COMPLETE
    ]
    found.append(
        DemoCase(
            portal, portal.stranger, "a user name that the portal does not know", Outcome.BAD_CREDENTIALS
        )
    )
    if name := _confused(portal):
        shows = "the owner never enters the right code"
        found.append(DemoCase(portal, name, shows, Outcome.MFA_FAILED, Owner.WRONG))
    return found


def _confused(portal: FakePortal) -> str:
    """A customer who is sent a code by mail, if the portal has such."""
    like = next((case for case in portal.book.listed.values() if case.challenges == (("email",),)), None)
    return numbered_form(like).replace(".N@", f".{_CONFUSED}@") if like else ""


def clear(out: Path, parts: Iterable[DemoPart]) -> None:
    """Remove what an earlier demo left in ``out`` and beside it, and nothing else."""
    shutil.rmtree(out / _HOME, ignore_errors=True)
    for part in parts:
        for case in part.cases:
            shutil.rmtree(case.folder(part.folder), ignore_errors=True)


def _outcomes(out: Path) -> Path:
    return out.with_name(f"{out.name}-outcomes")


def _set_environment(home: Path, at: Addresses) -> None:
    """The workers' environment: the demo's own state, and nothing of what is set for other commands."""
    for name in _OURS:
        os.environ.pop(name, None)
    os.environ.update({"METERFARM_HOME": str(home), **at.settings()})


def _add(store: CompanyStore, case: DemoCase) -> Customer:
    secrets = {SecretKind.PASSWORD: "any password will do"}
    known = case.portal.book.listed.get(case.username)
    if known is not None and known.totp_secret:
        secrets[SecretKind.TOTP_SECRET] = known.totp_secret
    return store.customers.add(case.portal.id, case.username, secrets=secrets)


async def _watch(title: str, shown: Sequence[_Shown], store: CompanyStore, owners: Owners) -> bool:
    """Show how they come along until each has ended; whether all ended as they were meant to."""
    lines: dict[int, Line] = {}
    brings = any(customer.meant is Outcome.COMPLETE for customer in shown)
    console = Console()
    live = Live(
        console=console, refresh_per_second=8, redirect_stdout=False, redirect_stderr=sys.stderr.isatty()
    )
    with live if sys.stdout.isatty() else nullcontext():
        while not all(customer.ended for customer in shown):
            await asyncio.to_thread(owners.answer, store)
            for customer in shown:
                if customer.ended is None:
                    lines[customer.customer.id] = await asyncio.to_thread(_look, customer, store)
            live.update(as_table(title, lines.values(), brings=brings))
            await asyncio.sleep(_LOOK)
    if not sys.stdout.isatty():
        show(as_table(title, lines.values(), brings=brings))
    return all(customer.ended is not None and customer.ended.outcome is customer.meant for customer in shown)


def _look(customer: _Shown, store: CompanyStore) -> Line:
    """How far the customer is; their files are written once they have ended."""
    runs = store.runs.list(customer_id=customer.customer.id, limit=10)
    waits = any(run.state is RunState.WAITING for run in runs)
    active = [run for run in runs if run.state in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)]
    ends = any(run.state is RunState.ENDED for run in runs)
    if ends and all(run.not_before > datetime.now(UTC) for run in active):  # what is for later is not awaited
        customer.ended = next(run for run in runs if run.state is RunState.ENDED)
        story = store.runs.story(customer.ended.id)
        if story is not None:
            write_out(store, customer.customer, customer.folder, load_utility(customer.customer.utility).zone)
            write_summary(summarise_run(store, story, customer.customer), customer.folder)
    accounts = store.accounts.list(customer.customer)
    return Line(
        username=customer.customer.username,
        shows=customer.shows,
        run=customer.ended or active[-1],
        waits=waits,
        accounts=len(accounts),
        bills=sum(len(store.bills.of_account(account.id)) for account in accounts),
        readings=sum(
            meter.readings for account in accounts for meter in store.readings.coverage(account.id).values()
        ),
        seconds=sum(sum(run.seconds.values()) for run in runs),
    )


async def _stop(working: asyncio.Task[None]) -> None:
    working.cancel()
    await asyncio.wait({working})


def _about(sentence: str) -> None:
    """For people; in a pipe, where the tables go to programs, on standard error."""
    if sys.stdout.isatty():
        show(Text(sentence))
    elif sentence:
        warn(sentence, by="")


_NAMES = ("customer", "shows", "outcome", "who_acts", "accounts", "bills", "readings", "seconds", "message")


@dataclass(frozen=True, slots=True)
class Line:
    """A customer as they stand: the ``run`` under way or the last; ``waits`` for the owner's answer."""

    username: str
    shows: str
    run: RunInfo
    waits: bool
    accounts: int
    bills: int
    readings: int
    seconds: float


def as_table(title: str, lines: Iterable[Line], *, brings: bool) -> Listing:
    """Counts where customers bring something home, else what they show; both where there is room."""
    columns = [
        Column("customer"),
        Column("outcome"),
        Column("what it shows", if_room=brings),
        Column("accounts", right=True, if_room=True),
        Column("bills", right=True, if_room=not brings),
        Column("readings", right=True, if_room=not brings),
        Column("seconds", right=True, if_room=not brings),
    ]
    table = Listing(columns, _NAMES, title)
    for line in lines:
        outcome = line.run.outcome
        record = {
            "customer": line.username,
            "shows": line.shows,
            "outcome": outcome,
            "who_acts": outcome.who_acts if outcome else None,
            "accounts": line.accounts,
            "bills": line.bills,
            "readings": line.readings,
            "seconds": f"{line.seconds:.1f}",
            "message": line.run.message,
        }
        cells: list[Shown] = [
            line.username.partition("@")[0],
            _state(line),
            line.shows,
            str(line.accounts),
            str(line.bills),
            f"{line.readings:,}",
            f"{line.seconds:.1f}",
        ]
        table.add(cells, record)
    return table


def _state(line: Line) -> Text:
    if line.run.outcome is not None:
        return run_result(line.run)
    if line.waits:
        return styled("waits for an answer", "cyan")
    if line.run.state is RunState.QUEUED:
        return styled("queued", "dim")
    return Text("signing in" if line.run.kind is RunKind.CONNECT else "collecting")
