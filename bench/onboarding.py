"""`bench onboarding`: from a submitted login to the customer's data, as a company's program sees it.

`up` runs as it is, with its workers, API and fake utilities. Customers come one after the other: each is
created by the API and goes through the form by HTTP, as a browser without scripts does. From the moment
that the login is sent, the API is asked for the customer until the portal has let them in, and until all
intervals are there.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console
from rich.table import Table

from meterfarm.bench.child import BenchFailed
from meterfarm.bench.journeys import load_journey
from meterfarm.bench.rows import percentile
from meterfarm.bench.task import PASSWORD
from meterfarm.console.errors import NotSetUp

_API = "The API: "
_UTILITY = "speculoos_power"
_STARTS_WITHIN, _DATA_WITHIN, _STOPS_WITHIN = 60.0, 120.0, 30.0
_LOOK = 0.02
_SIGNED_IN_AIM, _INTERVALS_AIM = 2.0, 10.0
_TERMS = re.compile('name="terms" value="([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class OnboardedRow:
    """A customer: seconds from the submitted login to being let in, and to all intervals."""

    signed_in: float
    intervals_ready: float


async def bench(customers: int) -> object:
    """Measure, print the table; its figures as JSON has them."""
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-", ignore_cleanup_errors=True) as scratch:
        try:
            rows = await _measured(Path(scratch), customers)
        except (BenchFailed, httpx.HTTPError) as exc:
            raise NotSetUp(f"{str(exc) or type(exc).__name__} Nothing was measured.") from exc
    _show(rows)
    return [asdict(row) for row in rows]


async def _measured(scratch: Path, customers: int) -> Sequence[OnboardedRow]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("METERFARM_")}
    environment["METERFARM_HOME"] = str(scratch / "home")
    journey = load_journey(_UTILITY)
    async with _up(environment) as address:
        key = json.loads(await _printed(environment, "key", "create", "--json"))["key"]
        async with httpx.AsyncClient(base_url=address, auth=(key, ""), timeout=30) as client:
            await _onboarded(client, journey.username(customers + 1))  # workers in service have a browser
            return [await _onboarded(client, journey.username(number + 1)) for number in range(customers)]


async def _onboarded(client: httpx.AsyncClient, username: str) -> OnboardedRow:
    made = (await client.post("/api/v2/customers", json={"utility": _UTILITY})).raise_for_status().json()
    customer, token = f"/api/v2/customers/{made['id']}", made["onboarding_token"]
    form = httpx.URL(made["onboarding_link"]).path
    async with httpx.AsyncClient(base_url=client.base_url, follow_redirects=True, timeout=30) as browser:
        page = await browser.get(made["onboarding_link"])
        terms = _TERMS.search(page.text)
        if terms is None:
            raise BenchFailed("The form does not begin with the terms.")
        await browser.post(f"{form}/terms", data={"key": token, "accept": "yes", "terms": terms[1]})
        began = time.perf_counter()
        fields = {"key": token, "username": username, "password": PASSWORD}
        (await browser.post(f"{form}/login", data=fields)).raise_for_status()
    try:
        async with asyncio.timeout(_DATA_WITHIN):
            signed_in = await _seconds_until(client, customer, "has_filled_credentials", began)
            return OnboardedRow(
                signed_in, await _seconds_until(client, customer, "intervals_are_ready", began)
            )
    except TimeoutError:
        raise BenchFailed(f"{username} had no data within {_DATA_WITHIN:g} s.") from None


async def _seconds_until(client: httpx.AsyncClient, customer: str, field: str, began: float) -> float:
    while True:
        known = (await client.get(customer)).raise_for_status().json()
        if known[field]:
            return round(time.perf_counter() - began, 3)
        await asyncio.sleep(_LOOK)  # the pace of a program that asks


@asynccontextmanager
async def _up(environment: Mapping[str, str]) -> AsyncIterator[str]:
    """The address of the API, while `up` runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "meterfarm.cli", "up", "--port", "0", "--api-port", "0"),
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        try:
            address = await asyncio.wait_for(_address(process), _STARTS_WITHIN)
        except TimeoutError:
            raise BenchFailed(f"`up` did not serve within {_STARTS_WITHIN:g} s.") from None
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), _STOPS_WITHIN)


async def _address(process: asyncio.subprocess.Process) -> str:
    """As `up` prints it; what it prints after that is read by nobody and fits the pipe."""
    if process.stdout is None:
        raise BenchFailed("`up` prints nothing.")
    async for line in process.stdout:
        if line.decode().startswith(_API):
            return str(httpx.URL(line.decode().split()[2]).copy_with(path="/"))
    raise BenchFailed("`up` ended before it served.")


async def _printed(environment: Mapping[str, str], *command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "meterfarm.cli", *command),
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise BenchFailed(f"`{command[0]}` ended with status {process.returncode}.")
    return printed


def _show(rows: Sequence[OnboardedRow]) -> None:
    console = Console()
    caption = f"seconds from the submitted login; {len(rows)} customers one after the other"
    table = Table("", "median", "9 of 10", "aimed at", "", caption=caption)
    measured = (
        ("has filled credentials", [row.signed_in for row in rows], _SIGNED_IN_AIM),
        ("intervals are ready", [row.intervals_ready for row in rows], _INTERVALS_AIM),
    )
    for name, seconds, aim in measured:
        middle = median(seconds)
        is_met = "met" if middle <= aim else "missed"
        table.add_row(name, f"{middle:.2f}", f"{percentile(seconds, 0.9):.2f}", f"<= {aim:g}", is_met)
    console.print(table)
