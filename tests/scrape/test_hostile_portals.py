"""Every fake portal does its worst: no other host hears of it, nothing is paid, no more memory is taken than
a document may have, nothing is written outside, and the run ends in an outcome that is true.

With ``FARM_SCALE=1`` each portal does every one of its tricks alone, too.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.customers import Customer, Oddities
from meterfarm.fake_utility.kit.hostile_documents import OUTSIDE
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.scrapers.browser.chromium import find_chromium
from tests import asking
from tests.fake_portal import fake_portals as running
from tests.foreign_host import ForeignHost, foreign_host
from tests.scale import FULL
from tests.scrape.command import start

PORTALS = fake_portals()
SINCE = ("--since", "2026-08-01")
"""Four bills, and readings of as many months."""
MEMORY = 300 * 2**20
"""A run grows by no more than this; a bomb has more."""
BOMB = re.compile(r"unpacks to far more than an export holds|sends too much \(more than the \d+ MiB")


WAYS = {
    *("/style.css", "/script.js", "/image.png", "/frame", "/object", "/fetch", "/beacon", "/events"),
    *("/socket", "/worker", "/popup", "/form"),
}
PAYS = 10


@dataclass(frozen=True, slots=True)
class Trick:
    """What a portal does, how the run ends, and what is said: of the items that are missing, or of it all."""

    what: Mapping[str, object]
    outcome: str = "partial"
    status: int = 13
    item: str = ""
    says: str = ""


LED_AWAY = "led to 127.0.0.2, which is not one of its own hosts"
TRICKS: Mapping[str, Trick] = {
    "a button that pays": Trick(
        {"pay": True}, "action_required", PAYS, says="and pay now”; only the customer may do that"
    ),
    "calls": Trick({"pages": True}, "complete", 0),
    "names that lead out": Trick({"names": True}, "complete", 0),
    "a bill of 80 MB": Trick({"bills": ["large"]}, item="bill of ", says="sends too much .80 MiB, more than"),
    "an endless bill": Trick({"bills": ["endless"]}, item="bill of ", says="sends too much .more than"),
    "a bill elsewhere": Trick({"bills": ["elsewhere"]}, "blocked", 11, says=LED_AWAY),
    "a bomb": Trick({"exports": ["bomb"]}, item="intervals ", says=BOMB.pattern),
    "members that lead out": Trick({"exports": ["outside"]}, "complete", 0),
    "an export elsewhere": Trick({"exports": ["elsewhere"]}, "blocked", 11, says=LED_AWAY),
}


@dataclass(frozen=True, slots=True)
class Run:
    status: int
    summary: Mapping[str, Any]
    grown: int

    def missing(self, what: str) -> Sequence[str]:
        """The reasons of the gaps whose names begin so."""
        gaps = self.summary["ledger"]["missing"]
        return [gap["reason"] for gap in gaps if gap["item"].startswith(what)]


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    with running(tmp_path_factory.mktemp("portals"), now="2026-11-21T09:00") as addresses:
        yield addresses


@pytest.fixture
def foreign() -> Iterator[ForeignHost]:
    with foreign_host() as host:
        yield host
        assert (host.asked, host.datagrams()) == ([], 0)


@pytest.fixture(params=PORTALS, ids=lambda portal: portal.id)
def portal(request: pytest.FixtureRequest, portals: Addresses) -> Iterator[FakePortal]:
    yield request.param
    hostile(portals, request.param, {})


def test_a_portal_that_does_all_at_once_gets_nothing(
    portal: FakePortal, portals: Addresses, foreign: ForeignHost, tmp_path: Path
) -> None:
    always = {"foreign": foreign.address, "pages": True, "names": True}
    hostile(portals, portal, {**always, "bills": ["large", "endless"], "exports": ["bomb"]})
    ran = scrape(portals, portal, tmp_path)
    assert (ran.summary["outcome"], ran.status) == ("partial", 13), json.dumps(ran.summary)
    bills, readings = ran.missing("bill of 2026-"), ran.missing("intervals ")
    assert len(bills) == 2
    assert all("sends too much" in reason and "32 MiB" in reason for reason in bills), bills
    assert readings
    assert all(BOMB.search(reason) for reason in readings), readings
    assert ran.grown < MEMORY

    hostile(portals, portal, {**always, "bills": ["elsewhere"], "exports": ["outside", "outside"]})
    led_away = scrape(portals, portal, tmp_path)
    assert (led_away.summary["outcome"], led_away.status) == ("blocked", 11), json.dumps(led_away.summary)
    assert sum("led to 127.0.0.2, which is not" in reason for reason in led_away.missing("bill of ")) == 1

    hostile(portals, portal, always)
    mended = scrape(portals, portal, tmp_path)
    assert (mended.summary["outcome"], mended.summary["ledger"]["missing"]) == ("complete", []), mended
    assert paid(portals, portal) == 0


@pytest.mark.parametrize("name", TRICKS if FULL else ["a button that pays"])
def test_a_trick_alone(
    portal: FakePortal, name: str, portals: Addresses, foreign: ForeignHost, tmp_path: Path
) -> None:
    trick = TRICKS[name]
    hostile(portals, portal, {"foreign": foreign.address, **trick.what})
    before = attempts(portals, portal)
    ran = scrape(portals, portal, tmp_path)
    assert (ran.summary["outcome"], ran.status) == (trick.outcome, trick.status), json.dumps(ran.summary)
    said = ran.missing(trick.item) if trick.item else [ran.summary["message"]]
    assert said
    assert all(re.search(trick.says, reason) for reason in said), said
    assert ran.grown < MEMORY
    assert paid(portals, portal) == 0
    assert attempts(portals, portal) - before == (trick.status != PAYS)


@pytest.mark.usefixtures("own_driver")
async def test_pages_that_nobody_holds_back_reach_the_other_host(portals: Addresses, tmp_path: Path) -> None:
    """In a browser as it is: so that it is known what visits are kept from."""
    portal = PORTALS[0]
    with foreign_host() as foreign:
        hostile(portals, portal, {"foreign": foreign.address, "pages": True})
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            page = await browser.new_page()
            await page.goto(f"{portals.http[portal.id]}/login")
            assert await asyncio.to_thread(foreign.missing, WAYS, 20) == set()
            assert await asyncio.to_thread(foreign.has_datagram, 20)
            await page.get_by_role("button", name="Pay now").click()
            await page.get_by_text("Thank you for your payment").wait_for()
            await browser.close()
        assert paid(portals, portal) == 1
        hostile(portals, portal, {})


def guest(portal: FakePortal) -> Customer:
    """The first customer whose visit is an ordinary one."""
    ordinary: Iterator[Customer] = (
        one
        for one in portal.book.listed.values()
        if (one.outcome, one.then, one.challenges, one.oddities) == ("complete", None, (), Oddities())
    )
    return next(ordinary)


def scrape(portals: Addresses, portal: FakePortal, folder: Path) -> Run:
    """The command, with all that it writes below ``folder``; nothing of it is anywhere else afterwards."""
    own = folder / "own"
    own.mkdir(exist_ok=True)
    home, out, scratch = own / "home", own / "out", own / "scratch"
    scratch.mkdir(exist_ok=True)
    arguments = ("scrape", portal.id, "--username", guest(portal).username, "--password-stdin", "--json")
    where = ("--base-url", portals.http[portal.id]) if portal.id in portals.http else ()
    extra = {"METERFARM_LOCAL_HOSTS": portals.hosts, "TMPDIR": str(scratch)}
    command = start(home, *arguments, *where, "--out", str(out), *SINCE, **extra)
    with command as process, memory(process.pid) as took:
        stdout, stderr = process.communicate("any password\n")
        status = process.wait()
    assert stdout, stderr
    assert "Traceback" not in stderr
    assert [path for path in own.iterdir() if path not in (home, out, scratch)] == []
    assert [path for path in folder.iterdir() if path != own] == []
    assert list(Path("/tmp").glob(f"{Path(OUTSIDE).name}*")) == []  # noqa: S108 - it is to be empty
    return Run(status, json.loads(stdout), took[-1] - took[0])


@contextmanager
def memory(pid: int) -> Iterator[Sequence[int]]:
    """The most memory that the process has had, again and again while the block lasts."""
    took = [_peak(pid)]
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05) and (peak := _peak(pid)):
            took.append(peak)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield took
    finally:
        over.set()
        watching.join()


def _peak(pid: int) -> int:
    """0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def hostile(portals: Addresses, portal: FakePortal, what: Mapping[str, object]) -> None:
    asking.post(f"{portals.controls[portal.id]}/hostile", json=what).raise_for_status()


def paid(portals: Addresses, portal: FakePortal) -> int:
    """How often somebody paid."""
    return int(asking.get(f"{portals.controls[portal.id]}/hostile").json()["paid"])


def attempts(portals: Addresses, portal: FakePortal) -> int:
    """How often the guest's password arrived."""
    stats = asking.get(f"{portals.controls[portal.id]}/stats.json").json()
    return int(stats["customers"].get(guest(portal).username, {"password_attempts": 0})["password_attempts"])
