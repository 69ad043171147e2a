"""A document that is not what it claims to be is missing with its reason; the rest of the run is kept."""

from __future__ import annotations

import csv
import itertools
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scrape.command import BRIEFLY, Ran, scrape
from tests.scrape.faulty import Spoil, spoiled
from tests.scrape.portal import Portal

IAMVALID = "iamvalid@bayou.energy"
HTML = b"<!doctype html><html><body><h1>Something went wrong</h1></body></html>"


def first_pdf(body: bytes) -> Spoil:
    """Send ``body`` for one of the bills; ``b"half"`` stands for half of the true one."""
    spoiled_path: list[str] = []

    def spoil(path: str, content: bytes) -> bytes | None:
        if not path.endswith(".pdf"):
            return None
        spoiled_path[:] = spoiled_path or [path]
        if path != spoiled_path[0]:
            return None
        return content[: len(content) // 2] if body == b"half" else body

    return spoil


def refused_pdf(status: int) -> Spoil:
    """Answer one of the bills with an error status, every time."""
    refused: list[str] = []

    def spoil(path: str, content: bytes) -> int | None:
        if path.endswith(".pdf") and not refused:
            refused.append(path)
        return status if path in refused else None

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


def run(portal: Portal, spoil: Spoil, home: Path, out: Path) -> Ran:
    with spoiled(portal.url, spoil) as url:
        return scrape(home, out, IAMVALID, "--base-url", url, *BRIEFLY)


def missing(ran: Ran) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ran.summary["ledger"]["missing"]
    return found


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"half", "cut short"), (HTML, "web page instead of a PDF"), (b"%PDF-1.7 junk", "PDF")],
    ids=["truncated", "html", "junk"],
)
def test_a_broken_pdf_is_missing_and_comes_home_next_time(
    body: bytes, reason: str, portal: Portal, home: Path, tmp_path: Path
) -> None:
    ran = run(portal, first_pdf(body), home, tmp_path / "out")
    assert (ran.summary["outcome"], ran.status) == ("partial", 13), ran.stderr
    (gap,) = missing(ran)
    assert gap["item"].startswith("bill of 2026-")
    assert reason in gap["reason"]
    assert ran.summary["accounts"][0]["bills"] == 1
    assert all(meter["readings"] > 0 for meter in ran.summary["accounts"][0]["meters"])
    assert "Traceback" not in ran.stderr
    mended = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url, *BRIEFLY).summary
    assert (mended["outcome"], mended["ledger"]["downloaded"]) == ("complete", 1)


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


def test_a_bill_that_the_portal_refuses_leaves_the_others(portal: Portal, home: Path, tmp_path: Path) -> None:
    ran = run(portal, refused_pdf(404), home, tmp_path / "out")
    assert (ran.summary["outcome"], ran.status) == ("partial", 13), ran.stderr
    (gap,) = missing(ran)
    assert "HTTP 404" in gap["reason"]
    assert ran.summary["accounts"][0]["bills"] == 1


def test_a_portal_that_hands_over_no_document_is_down(portal: Portal, home: Path, tmp_path: Path) -> None:
    ran = run(
        portal, lambda path, _: 500 if ".pdf" in path or "/export" in path else None, home, tmp_path / "out"
    )
    assert (ran.summary["outcome"], ran.status) == ("portal_down", 11)


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [(rb"(?s).*", b""), (rb"value>", b"valu>")],
    ids=["left out", "unreadable"],
)
def test_readings_that_are_lacking_are_told_every_time(
    pattern: bytes, replacement: bytes, portal: Portal, home: Path, tmp_path: Path
) -> None:
    """A day counts as stored only when it is whole; the next run asks for it again."""
    for _ in range(2):
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
    neighbour = scrape(
        home.with_name("neighbour"),
        tmp_path / "neighbour",
        "electric-only@bayou.energy",
        "--base-url",
        portal.url,
        *BRIEFLY,
    )
    assert neighbour.status == 0
    (foreign, *_) = sorted((tmp_path / "neighbour").rglob("*.pdf"))
    ran = run(portal, first_pdf(foreign.read_bytes()), home, tmp_path / "out")
    (gap,) = missing(ran)
    assert gap["reason"] == "the PDF is another account's bill"
    assert len(list((tmp_path / "out").rglob("*.pdf"))) == 1
