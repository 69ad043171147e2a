"""A document that is not what it claims to be is missing with its reason; the rest of the run is kept."""

from __future__ import annotations

import csv
import itertools
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scrape.command import BRIEFLY, ROOT, Ran, scrape
from tests.scrape.faulty import Spoil, spoiled
from tests.scrape.portal import Portal

IAMVALID = "iamvalid@bayou.energy"
NEIGHBOURS = ROOT / "utilities" / "speculoos_power" / "samples" / "bill_solar" / "input.pdf"
HTML = b"<!doctype html><html><body><h1>Something went wrong</h1></body></html>"


def pdfs(*bodies: bytes | int) -> Spoil:
    """Send these for some of the bills, every time: ``b"half"`` of the true one, a number as a status."""
    spoiled: list[str] = []

    def spoil(path: str, content: bytes) -> bytes | int | None:
        if path.endswith(".pdf") and path not in spoiled and len(spoiled) < len(bodies):
            spoiled.append(path)
        if path not in spoiled:
            return None
        body = bodies[spoiled.index(path)]
        return content[: len(content) // 2] if body == b"half" else body

    return spoil


def thinned_export(pattern: bytes, replacement: bytes) -> Spoil:
    """Spoil nine of ten electric readings."""

    def spoil(path: str, content: bytes) -> bytes | None:
        if "/export?" not in path or "meter=E" not in path:
            return None
        count = itertools.count()
        return re.sub(
            rb"<IntervalReading>.*?</IntervalReading>",
            lambda found: found[0] if next(count) % 10 == 0 else re.sub(pattern, replacement, found[0]),
            content,
            flags=re.DOTALL,
        )

    return spoil


def gas_export(body: bytes) -> Spoil:
    def spoil(path: str, content: bytes) -> bytes | None:
        if "/export?" not in path or "meter=G" not in path:
            return None
        return content[: len(content) // 2] if body == b"half" else body

    return spoil


def run(portal: Portal, spoil: Spoil, home: Path, out: Path, since: tuple[str, ...] = BRIEFLY) -> Ran:
    with spoiled(portal.url, spoil) as url:
        return scrape(home, out, IAMVALID, "--base-url", url, *since)


def missing(ran: Ran) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ran.summary["ledger"]["missing"]
    return found


def test_broken_or_refused_pdfs_are_missing_and_come_home_next_time(
    portal: Portal, home: Path, tmp_path: Path
) -> None:
    """Cut short, a page, no PDF, an error: the other bill and the readings are stored."""
    since = ("--since", "2026-07-01")
    ran = run(portal, pdfs(b"half", HTML, b"%PDF-1.7 junk", 404), home, tmp_path / "out", since)
    assert (ran.summary["outcome"], ran.status) == ("partial", 13), ran.stderr
    assert all(gap["item"].startswith("bill of 2026-") for gap in missing(ran))
    reasons = [gap["reason"] for gap in missing(ran)]
    assert len(reasons) == 4
    for reason, times in {"PDF is cut short": 2, "web page instead of a PDF": 1, "HTTP 404": 1}.items():
        assert sum(reason in each for each in reasons) == times, reasons
    assert ran.summary["accounts"][0]["bills"] == 1
    assert all(meter["readings"] > 0 for meter in ran.summary["accounts"][0]["meters"])
    assert "Traceback" not in ran.stderr
    mended = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url, *since).summary
    assert (mended["outcome"], mended["ledger"]["downloaded"]) == ("complete", 4)


@pytest.mark.parametrize("body", [b"half", b""], ids=["truncated", "empty"])
def test_a_broken_export_leaves_the_other_meter_and_the_bills(
    body: bytes, portal: Portal, home: Path, tmp_path: Path
) -> None:
    ran = run(portal, gas_export(body), home, tmp_path / "out")
    assert (ran.summary["outcome"], ran.status) == ("partial", 13), ran.stderr
    assert {gap["item"].split()[1][0] for gap in missing(ran)} == {"G"}
    assert all(gap["reason"] for gap in missing(ran))
    (account,) = ran.summary["accounts"]
    assert account["bills"] == 2
    assert {meter["commodity"]: meter["readings"] > 0 for meter in account["meters"]} == {
        "electricity": True,
        "gas": False,
    }
    assert "Traceback" not in ran.stderr


def test_an_export_with_something_in_doubt_is_stored_and_the_doubt_told(
    portal: Portal, home: Path, tmp_path: Path
) -> None:
    def cost_of_no_currency(path: str, content: bytes) -> bytes | None:
        if "/export?" not in path or "meter=G" not in path:
            return None
        costly = content.replace(b"<IntervalReading>", b"<IntervalReading><cost>100</cost>")
        return costly.replace(b"<currency>840</currency>", b"")

    ran = run(portal, cost_of_no_currency, home, tmp_path / "out")
    ledger = ran.summary["ledger"]
    assert (ran.summary["outcome"], ledger["missing"]) == ("complete", []), ran.stderr
    assert {item["item"].split()[1][0] for item in ledger["doubtful"]} == {"G"}
    assert all("currency" in item["reason"] for item in ledger["doubtful"])
    assert "In doubt: intervals G" in ran.summary["message"]


def test_a_portal_that_hands_over_no_document_is_down(portal: Portal, home: Path, tmp_path: Path) -> None:
    ran = run(
        portal, lambda path, _: 500 if ".pdf" in path or "/export" in path else None, home, tmp_path / "out"
    )
    assert (ran.summary["outcome"], ran.status) == ("portal_down", 11)


def test_readings_that_are_lacking_are_told_every_time(portal: Portal, home: Path, tmp_path: Path) -> None:
    """Left out or unreadable: only a whole day counts as stored; the next run asks for it again."""
    for pattern, replacement in ((rb"(?s).*", b""), (rb"value>", b"valu>")):
        ran = run(portal, thinned_export(pattern, replacement), home, tmp_path / "out")
        assert (ran.summary["outcome"], ran.status) == ("partial", 13), ran.stderr
        assert {gap["item"].split()[1][0] for gap in missing(ran)} == {"E"}
    mended = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url, *BRIEFLY).summary
    assert (mended["outcome"], mended["ledger"]["downloaded"]) == ("complete", 2)


def test_an_export_with_more_decimals_later_is_stored_exactly(
    portal: Portal, home: Path, tmp_path: Path
) -> None:
    def finer(path: str, content: bytes) -> bytes | None:
        if "/export?" not in path or "meter=G" not in path:
            return None
        return re.sub(rb"<value>(\d+)</value>", rb"<value>\1.25</value>", content)

    first = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url, "--since", "2026-11-01")
    assert first.status == 0
    ran = run(portal, finer, home, tmp_path / "out")
    assert ran.summary["outcome"] == "complete", ran.stderr
    (gas,) = (tmp_path / "out").rglob("intervals/G*.csv")
    rows = list(csv.DictReader(gas.read_text().splitlines()))
    decimals = {row["local_start"][:7]: Decimal(row["quantity"]) % Decimal("0.001") for row in rows}
    assert decimals == {"2026-10": Decimal("0.00025"), "2026-11": Decimal(0)}


def test_a_bill_of_another_account_is_refused(portal: Portal, home: Path, tmp_path: Path) -> None:
    """The portal mixes up its customers: the neighbour's bill is not stored as ours."""
    ran = run(portal, pdfs(NEIGHBOURS.read_bytes()), home, tmp_path / "out")
    (gap,) = missing(ran)
    assert gap["reason"] == "the PDF is another account's bill"
    assert len(list((tmp_path / "out").rglob("*.pdf"))) == 1
