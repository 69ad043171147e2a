"""`bench dashboard`: how long the dashboard takes, in a company of thousands of customers and many users.

`api` serves as it is. A user signs in and asks for one page after the other, while others do the same side by
side. One customer has 24 bills and five years of quarter-hours of three meters.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console
from rich.table import Table

from meterfarm.bench.api import server
from meterfarm.bench.api_store import fill
from meterfarm.bench.child import BenchFailed
from meterfarm.bench.rows import percentile
from meterfarm.console.errors import NotSetUp
from meterfarm.services.users import add_user, choose_password
from meterfarm.storage.customers import Role
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store

_PASSWORD = "a phrase for a benchmark"  # noqa: S105 - of users that are made for it
_YEARS = 5
_TIMES = 20
_SIDE_BY_SIDE = 4
_AIM = 0.2
_TWO_YEARS = "?start=1640000000&end=1703000000"
"""They are plotted by the day."""
_STATES = ("", "?q=number+77", "?state=new", "?outcome=complete")


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page: seconds of half the requests and of 95 of 100, alone and with four users at once."""

    page: str
    kib: int
    median: float
    p95: float
    p95_of_four: float


async def bench(customers: int, users: int) -> object:
    """Measure, print the table; its figures as JSON has them."""
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-", ignore_cleanup_errors=True) as scratch:
        try:
            rows = await _measured(Path(scratch), customers, users)
        except (BenchFailed, httpx.HTTPError) as exc:
            raise NotSetUp(f"{str(exc) or type(exc).__name__} Nothing was measured.") from exc
    _show(rows, customers, users)
    return [asdict(row) for row in rows]


async def _measured(scratch: Path, customers: int, users: int) -> Sequence[PageRow]:
    home = scratch / "meterfarm"
    home.mkdir(mode=0o700)
    emails, customer, bill = await asyncio.to_thread(_fill, home, customers, users)
    environment = {**os.environ, "METERFARM_HOME": str(home), "METERFARM_API_BURST": "0"}
    pages = {
        "customers": "/test/customers",
        **{f"customers {query}": f"/test/customers{query}" for query in _STATES if query},
        "a customer": f"/test/customers/{customer}",
        "a bill": f"/test/customers/{customer}/bills/{bill}",
        "intervals": f"/test/customers/{customer}/intervals",
        "plot of five years": f"/test/customers/{customer}/intervals/data",
        "plot of two years": f"/test/customers/{customer}/intervals/data{_TWO_YEARS}",
        "runs": f"/test/customers/{customer}/runs",
        "users": "/test/settings/users",
        "settings": "/test/settings",
        "statement": "/test/settings/statement",
        "utilities": "/test/utilities",
    }
    command = ["-m", "meterfarm.cli", "api", "--port"]
    async with server(command, environment) as address:
        browsers = [await _signed_in(address, email) for email in emails[:_SIDE_BY_SIDE]]
        try:
            return [await _page(browsers, name, path) for name, path in pages.items()]
        finally:
            for browser in browsers:
                await browser.aclose()


def _fill(home: Path, customers: int, users: int) -> tuple[Sequence[str], int, int]:
    """The users' addresses, the customer with data and one of their bills."""
    _, customer, _ = fill(home, _YEARS)
    with Store.open(Settings(home=home)) as farm:
        store = farm.of()
        company = farm.companies.only()
        for number in range(customers):
            profile = {
                "email": f"customer{number}@example.com",
                "first_name": "Number",
                "last_name": str(number),
            }
            store.customers.create("speculoos_power", external_id=f"n-{number}", profile=profile)
        emails = [f"user{number}@acme.example" for number in range(users)]
        for number, email in enumerate(emails):
            _, link = add_user(farm, company, email, Role.MEMBER if number else Role.OWNER)
            if number < _SIDE_BY_SIDE:
                choose_password(farm, link, _PASSWORD)
        found = store.customers.by_id(customer)
        if found is None:
            raise BenchFailed("The customer with data is not there.")
        return emails, customer, store.bills.list(found)[0].id


async def _signed_in(address: str, email: str) -> httpx.AsyncClient:
    browser = httpx.AsyncClient(base_url=f"{address}/dashboard", timeout=30)
    answer = await browser.post("/sign_in", data={"email": email, "password": _PASSWORD})
    if not re.search("/dashboard", answer.headers.get("location", "")):
        raise BenchFailed(f"{email} could not sign in: HTTP {answer.status_code}.")
    return browser


async def _page(browsers: Sequence[httpx.AsyncClient], name: str, path: str) -> PageRow:
    size, _ = await _asked(browsers[0], path)
    alone = [(await _asked(browsers[0], path))[1] for _ in range(_TIMES)]
    together = await asyncio.gather(*(_several(browser, path) for browser in browsers))
    several = [seconds for each in together for seconds in each]
    figures = (median(alone), percentile(alone, 0.95), percentile(several, 0.95))
    return PageRow(name, round(size / 1024), *(round(seconds, 4) for seconds in figures))


async def _several(browser: httpx.AsyncClient, path: str) -> Sequence[float]:
    return [(await _asked(browser, path))[1] for _ in range(_TIMES)]


async def _asked(browser: httpx.AsyncClient, path: str) -> tuple[int, float]:
    began = time.perf_counter()
    answer = await browser.get(path)
    seconds = time.perf_counter() - began
    if not answer.is_success:
        raise BenchFailed(f"{path} was answered {answer.status_code}.")
    return len(answer.content), seconds


def _show(rows: Sequence[PageRow], customers: int, users: int) -> None:
    table = Table(
        "page", title=f"The dashboard, {customers:,} customers and {users} users", title_justify="left"
    )
    for heading in ("KiB", "median", "p95", "p95 of 4", "aim 0.2 s"):
        table.add_column(heading, justify="right")
    for row in rows:
        seconds = (f"{each * 1000:.0f} ms" for each in (row.median, row.p95, row.p95_of_four))
        table.add_row(row.page, str(row.kib), *seconds, "met" if row.p95 < _AIM else "missed")
    Console().print(table)
