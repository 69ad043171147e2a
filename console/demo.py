"""The `demo` command: seven fake customers through the real parts, their owners answering MFA."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.live import Live
from rich.table import Table

from console.summary import summarise, write_summary
from fake_utility.running import fake_utility
from mfa.person import Ask, Person
from records import Challenge, Factor, Outcome
from scrapers.attempt import Request, Result
from scrapers.browser import Chromium
from scrapers.guard import host_of
from scrapers.logs import log_to_stderr
from scrapers.progress import Unwatched
from scrapers.redact import Secrets
from scrapers.scrape import Run
from scrapers.scratch import scratch_folder
from storage.export import write_out
from storage.settings import Settings
from storage.store import Store
from utilities import load_utility

CUSTOMERS: Sequence[tuple[str, str]] = (
    ("iamvalid@bayou.energy", "electricity and gas"),
    ("multi-account@bayou.energy", "three accounts"),
    ("ineedmfa+security_question@bayou.energy", "MFA: security question"),
    ("ineedmfa+text_message@bayou.energy", "MFA: text message"),
    ("ineedmfa+email@bayou.energy", "MFA: e-mail"),
    ("ineedmfa+totp@bayou.energy", "MFA: authenticator app"),
    ("ineedmfa+choice@bayou.energy", "MFA: text message or e-mail"),
)
_UTILITY = "speculoos_power"
_HOME = ".home"


async def demo(out: Path) -> int:
    """Fetch all seven into ``out``; 0 if each came home complete."""
    clear(out)
    settings = Settings(home=out / _HOME)
    console = _console()
    complete = True
    with (
        fake_utility(random_codes=True, home=settings.home) as base_url,
        scratch_folder(settings.home) as scratch,
        Store.open(settings) as store,
    ):
        console.print(f"The fake utility Speculoos Power runs at {base_url}; its codes are random.\n")
        table = _table()
        with Live(table, console=console, refresh_per_second=8):
            async with Chromium([host_of(base_url)], scratch) as chromium:
                for username, what_for in CUSTOMERS:
                    began = time.monotonic()
                    result = await _one(username, base_url, store, chromium, settings)
                    folder = out / _folder(username)
                    await asyncio.to_thread(_write, result, store, folder)
                    _add_row(table, what_for, result, store, time.monotonic() - began)
                    complete = complete and result.outcome is Outcome.COMPLETE
    console.print(f"\nBills, intervals and a summary.json of each customer: {out}/")
    return 0 if complete else 1


def clear(out: Path) -> None:
    """Remove what an earlier demo left in ``out``, and nothing else."""
    for name in (_HOME, *(_folder(username) for username, _ in CUSTOMERS)):
        shutil.rmtree(out / name, ignore_errors=True)


def _folder(username: str) -> str:
    return username.partition("@")[0]


async def _one(
    username: str,
    base_url: str,
    store: Store,
    chromium: Chromium,
    settings: Settings,
) -> Result:
    async def password() -> SecretStr:
        return SecretStr("any password will do")

    request = Request(
        utility=load_utility(_UTILITY),
        base_url=base_url,
        username=username,
        password=password,
        person=Person(owner_of(username, base_url)),
    )
    secrets = Secrets()
    log_to_stderr(secrets)
    run = Run(request, store, chromium, secrets, Unwatched(), settings.home / "evidence")
    return await run.go()


def owner_of(username: str, base_url: str) -> Ask:
    """Answer as the customer would, who holds the phone, reads the mailbox and knows the answer."""

    async def ask(challenge: Challenge) -> str | None:
        if challenge.options:
            return challenge.options[0].factor
        outbox = await asyncio.to_thread(_outbox, base_url)
        if challenge.factor is Factor.QUESTION:
            found = [row["answer"] for row in outbox["security_answers"] if row["username"] == username]
        elif challenge.factor is Factor.TOTP:
            found = [row["code"] for row in outbox["authenticators"] if row["username"] == username]
        else:
            found = [
                row["code"]
                for row in outbox["messages"]
                if row["username"] == username and row["kind"] == challenge.factor
            ]
        return str(found[-1]) if found else None

    return ask


def _outbox(base_url: str) -> Any:
    with urllib.request.urlopen(f"{base_url}/outbox.json", timeout=10) as response:  # noqa: S310 - our own loopback server
        return json.load(response)


def _write(result: Result, store: Store, folder: Path) -> None:
    write_out(store, result.customer, folder, load_utility(_UTILITY).zone)
    write_summary(summarise(result, store), folder)


def _console() -> Console:
    """Wide enough for the table where the output is a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=126)


def _table() -> Table:
    table = Table(title="What came home", title_justify="left")
    for heading in ("customer", "what it shows", "outcome"):
        table.add_column(heading)
    for heading in ("accounts", "bills", "readings", "seconds"):
        table.add_column(heading, justify="right")
    return table


def _add_row(table: Table, what_for: str, result: Result, store: Store, seconds: float) -> None:
    accounts = store.accounts(result.customer)
    bills = sum(len(store.stored_bills(account.id)) for account in accounts)
    readings = sum(meter.readings for account in accounts for meter in store.coverage(account.id).values())
    table.add_row(
        result.customer.username,
        what_for,
        f"[{'green' if result.outcome is Outcome.COMPLETE else 'red'}]{result.outcome}[/]",
        str(len(accounts)),
        str(bills),
        f"{readings:,}",
        f"{seconds:.1f}",
    )
