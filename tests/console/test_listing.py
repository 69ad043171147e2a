"""Listings at 80 and 120 columns and in a pipe, on runs and challenges as workers leave them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from meterfarm.console.customers.customer_tables import customer_card, customers_table, most_urgent_first
from meterfarm.console.runs.challenges import challenges_table
from meterfarm.console.runs.run_tables import NAMES, look, runs_table
from meterfarm.console.terminal.listing import Column, Facts, Listing
from meterfarm.records import (
    Account,
    AccountStatus,
    Challenge,
    Commodity,
    Factor,
    FactorOption,
    LedgerItem,
    Meter,
    Outcome,
)
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from tests.console.asked import SMS, UTILITY, WAIT, taken
from tests.console.command import Command

MESSAGE = (
    "Speculoos Power shows a page that its script does not know (“Pay your bill online and win a trip to the "
    "waffle factory” at /accounts/1234567890/promotions); the script needs mending."
)
EVIL = "\x1b]0;owned\x07[/evil] \x9b31m\u202ereversed\u2069 \u200b=cmd\ttab\r\nline \ud83d end"
LONGEST = "a." + "x" * 250


def _screen(what: RenderableType, width: int, height: int = 24) -> str:
    console = Console(width=width, height=height)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def _runs(store: CompanyStore) -> None:
    stopped = taken(store, "ineedmfa+security_question.of.a.very.long.name")
    store.runs.finish(stopped.lease, Outcome.UNKNOWN_PAGE, MESSAGE, ledger=[LedgerItem("12", "bill", True)])
    rejected = taken(store, "ada")
    follow = FollowUp(must_reauthenticate=f"bad_credentials: {MESSAGE}")
    store.runs.finish(rejected.lease, Outcome.BAD_CREDENTIALS, MESSAGE, follow=follow)
    waiting = taken(store, "bea")
    store.challenges.open(waiting.lease, SMS, WAIT)


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_important_is_cut_and_no_line_is_too_long(store: CompanyStore, width: int) -> None:
    _runs(store)
    found = store.runs.list()
    for shown in (_screen(runs_table(found), width), _screen(customers_table(store.customers.list()), width)):
        assert all(cell_len(line) <= width for line in shown.splitlines())
        assert "…" not in shown
        text = " ".join(shown.split())
        assert MESSAGE in text
        assert "bad_credentials" in text
    asked = _screen(challenges_table(store.challenges.list(only_open=True)), width)
    assert SMS.prompt in asked
    assert "bea@bayou.energy" in asked


def test_what_a_person_can_act_on_comes_first(store: CompanyStore) -> None:
    """In the live view the challenges, though there are many, leave room for runs within the screen."""
    for number in range(30):
        waiting = taken(store, f"c{number}")
        store.challenges.open(waiting.lease, SMS, WAIT + timedelta(seconds=number))
    shown = _screen(look(store, Console(width=80, height=24), None), 80)
    lines = shown.splitlines()
    assert len(lines) <= 24
    assert lines[0].startswith("0 queued  0 running  30 waiting")
    assert shown.index("c0@") < shown.index("c1@") < shown.index("more challenges") < shown.index("stored")
    new = store.customers.add(UTILITY, "new@bayou.energy", secrets={})
    assert most_urgent_first(store.customers.list())[0].id == new.id


def test_in_a_pipe_it_is_tab_separated_and_uncut(command: Command, store: CompanyStore) -> None:
    _runs(store)
    header, *rows = command("runs").stdout.rstrip("\n").split("\n")
    assert header.split("\t") == list(NAMES)
    assert len(rows) == 3
    by_name = [dict(zip(NAMES, row.split("\t"), strict=True)) for row in rows]
    assert [row["outcome"] for row in by_name] == ["", "bad_credentials", "unknown_page"]
    assert by_name[2]["message"] == MESSAGE
    assert by_name[2]["requested_at"].endswith("Z")
    assert by_name[2]["username"] == "ineedmfa+security_question.of.a.very.long.name@bayou.energy"
    header, *rows = command("customer", "list").stdout.rstrip("\n").split("\n")
    assert header.startswith("customer\texternal_id\tusername\t")
    assert [row.partition("\t")[0] for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize("width", [80, 120])
def test_foreign_text_is_never_markup_nor_acts_on_the_terminal(
    command: Command, store: CompanyStore, width: int
) -> None:
    claim = taken(store, "ada")
    asked = Challenge(EVIL, None, EVIL, [FactorOption(Factor.SMS, EVIL, EVIL)], error=EVIL)
    store.challenges.open(claim.lease, asked, WAIT)
    closed = Account(EVIL, EVIL, None, [Meter(EVIL, Commodity.GAS)], EVIL, AccountStatus.CLOSED, {"a": EVIL})
    assert store.accounts.save(claim.customer, closed)
    ledger = [LedgerItem(EVIL, EVIL, stored=False, reason=EVIL)]
    follow = FollowUp(must_reauthenticate=EVIL)
    store.runs.finish(claim.lease, Outcome.LAYOUT_CHANGED, EVIL, ledger=ledger, follow=follow)
    info = store.customers.list()[0]
    for what in (
        runs_table(store.runs.list()),
        challenges_table(store.challenges.list()),
        customers_table([info]),
        *customer_card(info, [closed], store.runs.list()),
    ):
        shown = _screen(what, width)
        assert shown.replace("\n", "").isprintable(), ascii(shown)
    for arguments in (["runs"], ["challenges", "--all"], ["customer", "list"], ["customer", "show", "1"]):
        shown = command(*arguments).stdout
        assert "[/evil]" in shown
        assert shown.replace("\n", "").replace("\t", "").isprintable(), ascii(shown)
    for arguments in (["run", "show", "1"], ["runs"], ["events"]):
        json_arguments = (*arguments, "--json")
        shown = command(*json_arguments).stdout
        json.loads(shown)
        assert shown.replace("\n", "").isprintable(), ascii(shown)
    assert command("run", "show", "1").stdout.replace("\n", "").replace("\t", "").isprintable()


def test_ten_megabytes_are_neither_stored_nor_shown(store: CompanyStore) -> None:
    claim = taken(store, "ada")
    flood = "x" * 10_000_000
    store.challenges.open(claim.lease, Challenge(flood, Factor.SMS, flood, error=flood), WAIT)
    store.runs.finish(claim.lease, Outcome.UNKNOWN_PAGE, flood, ledger=[LedgerItem(flood, flood, False)])
    story = store.runs.story(claim.lease.run_id)
    assert story is not None
    assert len(str(story)) < 10_000
    assert len(str(store.events.after())) < 10_000


def test_a_row_folds_rather_than_being_cut() -> None:
    table = Listing([Column("name"), Column("n", right=True), Column("more", if_room=True)], ("name",))
    table.add([LONGEST, "7", "e" * 40], {"name": LONGEST}, ["below " * 40])
    table.add(["山田" * 60, "8", ""], {"name": "=1+1"})
    shown = _screen(table, 80)
    assert all(cell_len(line) <= 80 for line in shown.splitlines())
    assert "more" not in shown
    assert (shown.count("x"), shown.count("山")) == (250, 60)
    assert table.as_tsv() == f"name\n{LONGEST}\n'=1+1"
    assert Facts([("a", "1"), ("b", "")]).as_tsv() == "a\t1"
