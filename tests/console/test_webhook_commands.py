"""The `webhooks` commands: endpoints and their secrets, deliveries, replays, a listener for developers."""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from pathlib import Path

from standardwebhooks import Webhook

from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import AttemptResult
from tests.console.asked import customer
from tests.console.command import Command
from tests.farm.receivers import publish
from tests.hook import listening_hook
from tests.scrape.command import start

LEASE = timedelta(minutes=1)


def test_an_endpoint_is_added_listed_changed_and_removed(command: Command, store: CompanyStore) -> None:
    refused = command("webhooks", "endpoint", "add", "http://127.0.0.1:9/hook")
    assert (refused.status, "--private" in refused.stderr) == (2, True)
    added = json.loads(
        command("webhooks", "endpoint", "add", "http://127.0.0.1:9/hook", "--private", "--json").stdout
    )
    assert added["secret"].startswith("whsec_")
    assert (added["id"], added["private"], added["state"]) == (1, True, "active")
    header, row = command("webhooks", "endpoint", "list").stdout.splitlines()
    assert header.startswith("id\turl\tevents")
    assert "whsec_" not in row
    rotated = command("webhooks", "endpoint", "rotate", "1").stdout.splitlines()
    assert rotated[-1].startswith("whsec_")
    changed = command("webhooks", "endpoint", "set", "1", "--event", "new_bill", "--pause")
    assert changed.stdout == "webhook endpoint 1 changed; it is paused\n"
    assert command("webhooks", "endpoint", "set", "1").status == 2
    assert command("webhooks", "endpoint", "remove", "1").status == 0
    assert command("webhooks", "endpoint", "remove", "1").stderr == (
        "meterfarm: There is no webhook endpoint 1; list those that are there.\n"
    )


def test_deliveries_that_failed_are_listed_and_sent_again(command: Command, store: CompanyStore) -> None:
    command("webhooks", "endpoint", "add", "https://93.184.215.14/hook")
    publish(store, customer(store, "ada"), "1")
    (due,) = store.farm.webhooks.take(1, 10, LEASE)
    store.farm.webhooks.settle(due, AttemptResult(500, "oh", "It answered with HTTP 500.", 7), None)
    (failed,) = json.loads(command("webhooks", "deliveries", "--failed", "--json").stdout)
    assert (failed["state"], failed["attempts"][0]["status"]) == ("parked", 500)
    assert "It answered with HTTP 500." in command("webhooks", "deliveries").stdout
    assert command("webhooks", "replay").stdout == "1 delivery is sent again\n"
    assert command("webhooks", "replay", "--event", "1", "--endpoint", "1").status == 0
    assert command("webhooks", "replay", "--after", "0", "--event", "1").status == 2
    (due,) = store.farm.webhooks.take(1, 10, LEASE)
    assert due.attempt == 2


def test_a_made_up_event_is_posted_at_once(command: Command, store: CompanyStore) -> None:
    with listening_hook() as hook:
        args = ("webhooks", "endpoint", "add", hook.url, "--private", "--json")
        secret = json.loads(command(*args).stdout)["secret"]
        assert command("webhooks", "test", "1", "--event", "bills_ready").status == 0
        headers, body = hook.got[-1]
        assert Webhook(secret).verify(body, headers)["event"] == "bills_ready"
    dead = command("webhooks", "test", "1")
    assert (dead.status, dead.stdout) == (1, "It cannot be reached (Connection refused).\n")
    assert command("webhooks", "test", "1", "--event", "run_failed").status == 2


def test_a_developer_listens_to_events_as_they_happen(home: Path, store: CompanyStore) -> None:
    whose = customer(store, "ada")
    publish(store, whose, "before")
    with (
        listening_hook() as hook,
        start(home, "webhooks", "listen", "--forward-to", hook.url) as process,
    ):
        assert process.stdout is not None
        assert hook.url in process.stdout.readline()
        secret = process.stdout.readline().strip()
        publish(store, whose, "since")
        headers, body = hook.came.get(timeout=30)
        assert headers["webhook-id"] == "evt_2"
        assert Webhook(secret).verify(body, headers)["event"] == "new_bill"
        line = process.stdout.readline()
        assert "evt_2  new_bill  customer 1: 204 in " in line
        process.send_signal(signal.SIGINT)
        assert (process.stdout.read(), process.wait(30)) == ("", 0)
