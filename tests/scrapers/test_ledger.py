"""What a run amounts to, from what was listed and what is in store."""

from __future__ import annotations

from datetime import UTC, datetime

from meterfarm.records import LedgerItem, Outcome
from meterfarm.scrapers.runs.ledger import Ledger


def test_the_last_word_about_an_item_counts_and_order_stays() -> None:
    ledger = Ledger()
    ledger.missing("1", "bill a", "not fetched yet")
    ledger.stored("1", "bill b", downloaded=False)
    ledger.stored("1", "bill a", downloaded=True)
    assert ledger.items == (
        LedgerItem("1", "bill a", stored=True, downloaded=True),
        LedgerItem("1", "bill b", stored=True, downloaded=False),
    )
    assert not ledger.gaps


def test_items_of_two_accounts_are_two_items() -> None:
    ledger = Ledger()
    ledger.stored("1", "bill a", downloaded=True)
    ledger.missing("2", "bill a", "a placeholder")
    assert len(ledger.items) == 2
    assert ledger.gaps == (LedgerItem("2", "bill a", stored=False, reason="a placeholder"),)


def test_a_run_with_nothing_to_collect() -> None:
    assert Ledger().outcome(0) == (Outcome.NO_ACCOUNTS, "The login has no utility accounts.")
    assert Ledger().outcome(1)[0] is Outcome.NO_DATA_YET


def test_a_run_is_complete_when_nothing_is_missing() -> None:
    ledger = Ledger()
    ledger.stored("1", "bill a", downloaded=True)
    ledger.stored("1", "bill b", downloaded=False)
    assert ledger.outcome(1) == (Outcome.COMPLETE, "All 2 items are in store, 1 of them new.")


def test_what_is_in_doubt_is_stored_and_named() -> None:
    ledger = Ledger()
    ledger.stored("1", "bill a", downloaded=True)
    ledger.stored("1", "intervals E1 2026-11", downloaded=True, doubt="line 3: an hour is listed once")
    doubt = "In doubt: intervals E1 2026-11 (line 3: an hour is listed once)."
    assert ledger.outcome(1) == (Outcome.COMPLETE, f"All 2 items are in store, 2 of them new. {doubt}")
    assert not ledger.gaps
    ledger.stored("1", "intervals E1 2026-12", downloaded=True, doubt="no unit")
    doubts = "In doubt: intervals E1 2026-11 and 1 more (line 3: an hour is listed once)."
    assert ledger.outcome(1)[1].endswith(doubts)


def test_what_is_unread_is_stored_and_named() -> None:
    ledger = Ledger()
    ledger.stored("1", "bill a", downloaded=True)
    ledger.unread("1", "bill b", "no total", downloaded=True)
    assert ledger.items[1] == LedgerItem("1", "bill b", True, True, "no total", unread=True)
    unread = "All 2 items are in store, 2 of them new. Unread: bill b (no total)."
    assert ledger.outcome(1) == (Outcome.COMPLETE, unread)
    assert not ledger.gaps
    ledger.stored("1", "bill a", downloaded=True, doubt="no unit")
    assert ledger.outcome(1)[1] == f"{unread} In doubt: bill a (no unit)."


def test_a_gap_makes_it_partial_and_is_named() -> None:
    ledger = Ledger()
    ledger.stored("1", "bill a", downloaded=True)
    ledger.missing("1", "bill b", "a placeholder")
    assert ledger.outcome(1) == (Outcome.PARTIAL, "Missing: bill b (a placeholder).")
    ledger.missing("1", "bill c", "no PDF")
    assert ledger.outcome(1)[1] == "Missing: bill b and 1 more (a placeholder)."


def test_what_the_portal_is_still_making_is_no_gap_but_not_complete() -> None:
    """A gap beside it counts; the earliest time the portal named is kept."""
    ledger = Ledger()
    ledger.stored("1", "bill a", downloaded=True)
    for hour in (9, 7, 8):
        again_at = datetime(2026, 11, 30, hour, tzinfo=UTC)
        ledger.pending("1", f"intervals E{hour} 2026-11", "being made", again_at)
    says = "1 of 4 items are in store, 1 of them new. Pending: intervals E9 2026-11 and 2 more (being made)."
    assert ledger.outcome(1) == (Outcome.PENDING, says)
    assert (len(ledger.under_way), ledger.gaps, ledger.again_at) == (3, (), again_at.replace(hour=7))
    ledger.missing("1", "bill b", "a placeholder")
    outcome, message = ledger.outcome(1)
    assert outcome is Outcome.PARTIAL
    assert message.startswith("Missing: bill b (a placeholder). Pending: intervals E9")
