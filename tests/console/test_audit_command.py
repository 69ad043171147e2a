"""The command `audit`, on what workers and commands have opened."""

from __future__ import annotations

import json
import os

import pytest

from meterfarm.storage.store import CompanyStore
from tests.console.asked import customer
from tests.console.command import Command


def test_it_tells_who_opened_what_and_what_for(command: Command, store: CompanyStore) -> None:
    assert command("audit").stdout == "at\tcustomer\tmailbox\tkinds\trun\tcommand\tprocess\n"
    ada, bea = customer(store, "ada"), customer(store, "bea")
    (run,) = store.runs.list(customer_id=ada.id)
    assert store.farm.runs.take(run.id, 1) is not None
    store.credentials.load(bea)
    newest, first = json.loads(command("audit", "--json").stdout)
    assert (newest["customer"], newest["run"], newest["kinds"]) == (bea.id, None, ["password"])
    assert (first["customer"], first["run"], first["mailbox"]) == (ada.id, run.id, None)
    assert first["at"].endswith("Z")
    assert first["process"].endswith(f":{os.getpid()}")
    (only,) = json.loads(command("audit", "--customer", "X-ada", "--since", "2h", "--json").stdout)
    assert only == first
    shown = command("audit").stdout
    assert f"\tpassword\t{run.id}\t" in shown
    assert "password of" not in shown
    assert "--all" not in shown


def test_it_says_when_there_are_more_and_cuts_off_nothing_since_a_time(
    command: Command, store: CompanyStore
) -> None:
    ada = customer(store, "ada")
    for _ in range(101):
        store.credentials.load(ada)
    assert command("audit").stderr.endswith("These are the newest 100; --all shows the others, too.\n")
    found = {"--since=1h": 101, "--all": 101, "--limit=7": 7}
    for option, many in found.items():
        assert len(json.loads(command("audit", option, "--json").stdout)) == many
    assert len(json.loads(command("audit", "--json").stdout)) == 100


def test_it_tells_of_customers_who_were_erased(command: Command, store: CompanyStore) -> None:
    ada = customer(store, "ada")
    store.credentials.load(ada)
    store.customers.remove(ada, data=True)
    (told,) = json.loads(command("audit", "--customer", str(ada.id), "--json").stdout)
    assert told["customer"] == ada.id
    assert "no customer “bea”" in command("audit", "--customer", "bea").stderr


@pytest.mark.parametrize(
    ("since", "found"),
    [
        ("1min", 1),
        ("2026-01-31T08:00+01:00", 1),
        ("2000-01-01", 1),
        ("2999-01-01", 0),
        ("2999-01-01T00:00Z", 0),
    ],
)
def test_it_begins_where_it_is_told(command: Command, store: CompanyStore, since: str, found: int) -> None:
    store.credentials.load(customer(store, "ada"))
    assert len(json.loads(command("audit", "--since", since, "--json").stdout)) == found


@pytest.mark.parametrize("since", ["yesterday", "7 weeks", "2026-13-01", "999999d"])
def test_a_time_that_cannot_be_meant_is_refused(command: Command, since: str) -> None:
    ran = command("audit", "--since", since)
    assert ran.status == 2
    assert f"not “{since}”" in ran.stderr
