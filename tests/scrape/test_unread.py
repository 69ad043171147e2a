"""A bill of a layout that nobody knows: stored and downloaded once, and read later from what is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF

from meterfarm import cli
from meterfarm.records import Bill, EventKind
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.utilities.speculoos_power.script import SpeculoosPower
from tests.scrape.command import BRIEFLY, scrape
from tests.scrape.faulty import Spoil, spoiled
from tests.scrape.portal import Portal
from tests.storage.made import bill

IAMVALID = "iamvalid@bayou.energy"
WORDS = "A layout of next year"


def other_layout(fetched: list[str]) -> Spoil:
    """One of the bills comes in another layout; ``fetched`` gets the path of every bill's PDF."""
    made = FPDF()
    made.add_page()
    made.set_font("helvetica")
    made.cell(text=WORDS)
    content = bytes(made.output())

    def spoil(path: str, _: bytes) -> bytes | None:
        if not path.endswith(".pdf"):
            return None
        fetched.append(path)
        return content if path == fetched[0] else None

    return spoil


def test_a_bill_of_unknown_layout_is_downloaded_once_and_read_again_without_the_portal(
    portal: Portal,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And what the layout reads differently without counting its version up is an error."""
    fetched: list[str] = []
    with spoiled(portal.url, other_layout(fetched)) as url:
        for downloaded in (True, False):
            ran = scrape(home, tmp_path / "out", IAMVALID, "--base-url", url, *BRIEFLY)
            assert (ran.summary["outcome"], ran.status) == ("complete", 0), ran.stderr
            ledger = ran.summary["ledger"]
            (unread,) = ledger["unread"]
            assert unread["item"].startswith("bill of 2026-")
            assert unread["reason"]
            assert (ledger["missing"], ledger["stored"]) == ([], ledger["listed"])
            assert (ledger["downloaded"] > 0) is downloaded
    assert len(fetched) == len(set(fetched)) == 2
    assert statuses(tmp_path) == ["unlocked", "unparsed"]
    with Store.open(Settings(home=home)).of() as store:
        assert len(store.events.after(kinds=[EventKind.NEW_UNPARSED_BILL])) == 1
        assert len(store.events.after(kinds=[EventKind.NEW_BILL])) == 1

    account = ran.summary["accounts"][0]["number"]
    known = SpeculoosPower.read_bill

    def read_both(self: SpeculoosPower, text: Sequence[str]) -> Bill:
        return replace(bill(), account_number=account) if WORDS in text[0] else known(self, text)

    monkeypatch.setattr(SpeculoosPower, "read_bill", read_both)
    monkeypatch.setattr(SpeculoosPower, "bill_layout_version", 2)
    monkeypatch.setenv("METERFARM_HOME", str(home))
    before = portal.requests()
    assert reread(capsys) == {"read": 2, "unchanged": 1, "newly_read": 1, "updated": 0, "failed": 0}
    assert reread(capsys) == {"read": 2, "unchanged": 2, "newly_read": 0, "updated": 0, "failed": 0}
    assert portal.requests() == before
    with Store.open(Settings(home=home)).of() as store:
        assert len(store.events.after(kinds=[EventKind.NEW_BILL])) == 2

    ran = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url, *BRIEFLY)
    assert ran.summary["ledger"]["unread"] == []
    assert ran.summary["ledger"]["downloaded"] == 0
    assert statuses(tmp_path) == ["unlocked", "unlocked"]

    monkeypatch.setattr(SpeculoosPower, "read_bill", lambda *_: replace(bill(1), account_number=account))
    assert "count the version up" in meterfarm(capsys, 3, "reread", "--customer", IAMVALID)
    monkeypatch.setattr(SpeculoosPower, "read_bill", read_both)
    assert reread(capsys)["unchanged"] == 2, "what was read before is kept"


def reread(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(meterfarm(capsys, 0, "reread", "--json"))
    return {name: told[name] for name in ("read", "unchanged", "newly_read", "updated", "failed")}


def meterfarm(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    """What the command prints, in this process."""
    capsys.readouterr()
    assert (cli.app(arguments, standalone_mode=False) or 0) == status
    return capsys.readouterr().out


def statuses(tmp_path: Path) -> list[str]:
    """Of the bills as they were written out."""
    (listed,) = (tmp_path / "out").rglob("bills.json")
    return sorted(one["status"] for one in json.loads(listed.read_text()))
