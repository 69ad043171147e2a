"""Meterfarm as a library: the five lines of README.md, what they give, and what they raise."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import meterfarm
from meterfarm.fake_utility.running import FakeUtility

SAMPLES = Path(__file__).parents[2] / "utilities" / "speculoos_power" / "samples"
VALID = "iamvalid@bayou.energy"
ASKS = "ineedmfa+text_message@bayou.energy"
SINCE = date(2026, 9, 1)
SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with FakeUtility(home=tmp_path_factory.mktemp("portal"), now="2026-11-21T09:00") as at:
        address = at.http["speculoos_power"]
        yield address


async def test_a_customer_is_fetched_and_the_portals_question_answered(tmp_path: Path, portal: str) -> None:
    """Two at the same time, one of them asked for a code; the readings come as Arrow and as pandas."""
    asked: list[meterfarm.Challenge] = []

    def ask(challenge: meterfarm.Challenge) -> str:
        asked.append(challenge)
        return "1234"

    async with meterfarm.open(tmp_path / "home") as farm:
        valid, other = await asyncio.gather(
            farm.scrape("speculoos_power", VALID, password=SECRET, address=portal, since=SINCE),
            farm.scrape("speculoos_power", ASKS, password=SECRET, address=portal, since=SINCE, answer=ask),
        )
    assert (valid.outcome, other.outcome) == (meterfarm.Outcome.COMPLETE, meterfarm.Outcome.COMPLETE)
    assert [challenge.factor for challenge in asked] == [meterfarm.Factor.SMS]
    assert valid.bills
    assert all(isinstance(bill, meterfarm.Bill) for bill in valid.bills)
    assert [bill.billed_on for bill in valid.bills] == sorted(bill.billed_on for bill in valid.bills)
    table, frame = valid.readings.to_arrow(), valid.readings.to_pandas()
    assert table.num_rows == len(frame) == valid.readings.reading_count > len(valid.readings)
    first = valid.readings[0]
    exact = Decimal(first.readings[0].mantissa).scaleb(first.exponent)
    assert frame["quantity"][0] == table["quantity"][0].as_py() == exact
    assert frame["start"][0] == first.readings[0].starts_at
    assert not _files_with(SECRET, tmp_path / "home")


async def test_a_portal_without_a_public_address_is_the_fake_utility(tmp_path: Path) -> None:
    """What the caller's ``answer`` raises reaches the caller, and is not taken for the portal's fault."""

    async def ask(challenge: meterfarm.Challenge) -> str:
        raise LookupError(f"nobody has this phone: {challenge.destination}")

    async with meterfarm.open(tmp_path / "home") as farm:
        with pytest.raises(LookupError, match="nobody has this phone"):
            await farm.scrape("speculoos_power", ASKS, password=SECRET, answer=ask)


async def test_what_cannot_be_done_is_one_sentence(tmp_path: Path) -> None:
    async with meterfarm.open(tmp_path / "home") as farm:
        for utility, username, password, address, sentence in (
            ("speculos", VALID, SECRET, "", "did you mean speculoos_power?"),
            ("speculoos_power", "ada", SECRET, "", "wants an e-mail address"),
            ("speculoos_power", VALID, SECRET, "https://evil.example", "a password is not sent there"),
            ("speculoos_power", VALID, "", "", "The password is empty"),
        ):
            with pytest.raises(meterfarm.RequestError, match=sentence):
                await farm.scrape(utility, username, password=password, address=address)
        with pytest.raises(meterfarm.RequestError, match=r"TOTP|authenticator|secret"):
            await farm.scrape("speculoos_power", VALID, password=SECRET, totp_secret="1")
    with pytest.raises(meterfarm.MachineError):
        async with meterfarm.open("~nobody-here/meterfarm"):
            pass


@pytest.mark.parametrize(
    ("name", "bills", "series"),
    [("bill_solar/input.pdf", 1, 0), ("intervals_solar_spring/input.xml", 0, 2)],
)
def test_a_file_is_read(name: str, bills: int, series: int) -> None:
    contents = meterfarm.read(SAMPLES / name)
    assert (len(contents.bills), len(contents.readings), contents.issues) == (bills, series, [])


def test_a_table_is_read_in_the_zone_that_is_given(tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("Meter,Start,End,Electric usage (kWh)\nE1,2026-01-31 00:00,2026-01-31 01:00,1.5\n")
    (series,) = meterfarm.read(file, zone="America/New_York").readings
    assert series.readings[0].starts_at.isoformat() == "2026-01-31T05:00:00+00:00"


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for file, sentence in ((empty, "The file is empty"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(meterfarm.RequestError, match=sentence):
            meterfarm.read(file)
    with pytest.raises(meterfarm.RequestError, match="no time zone"):
        meterfarm.read(SAMPLES / "bill_solar" / "input.pdf", zone="Mars/Olympus")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import meterfarm, sys; print(*(name for name in sys.modules if name.startswith('meterfarm')))"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.split() == ["meterfarm"]
    assert {name for name in meterfarm.__all__ if not hasattr(meterfarm, name)} == set()


def _files_with(secret: str, folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if secret.encode() in path.read_bytes()]
