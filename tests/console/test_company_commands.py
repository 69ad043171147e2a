"""The `company` commands, and the company that other commands work in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meterfarm.services.onboarding import wish_utility
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.console.command import Command
from tests.images import image

ADD = ("customer", "add", "speculoos_power", "--username", "ada@bayou.energy", "--password-stdin")


NO_BRAND = {
    "shown_name": "",
    "colour": "",
    "logo_type": "",
    "logo_bytes": 0,
    "policy_url": "",
    "origins": [],
    "open_form": True,
}


def _json(command: Command, *arguments: str) -> Any:
    ran = command(*arguments, "--json")
    assert ran.status == 0, ran.stderr
    return json.loads(ran.stdout)


def test_with_one_company_there_is_nothing_to_name(command: Command) -> None:
    assert command(*ADD, stdin="x\n").stdout == "customer 1 added; run 1 queued\n"
    assert _json(command, "company", "list") == [{"id": 1, "name": "default", "live_id": 2}]
    assert len(_json(command, "customer", "list", "--company", "default")) == 1


def test_with_several_each_command_works_in_the_one_that_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(*ADD, stdin="x\n").status == 0
    assert _json(command, "company", "add", "acme") == {
        "id": 3,
        "company": 3,
        "name": "acme",
        "live_id": 4,
    }
    assert command("company", "list").stdout == "company\tname\tlive_id\n1\tdefault\t2\n3\tacme\t4\n"
    added = command(*ADD, "--company", "acme", stdin="y\n")
    assert added.stdout == "customer 2 added; run 2 queued\n", added.stderr
    for arguments in (["customer", "list"], ["runs"], ["refresh", "--all"], ["events"], ["challenges"]):
        ran = command(*arguments)
        assert (ran.status, ran.stdout) == (2, "")
        assert ran.stderr == (
            "meterfarm: There are several companies (default, acme): name one with --company or "
            "METERFARM_COMPANY.\n"
        )
    assert [one["id"] for one in _json(command, "runs", "--company", "acme")] == [2]
    assert (
        command("sandbox", "fire", "customer_has_filled_credentials", "1", "--company", "default").status == 0
    )
    assert [one["customer"] for one in _json(command, "events", "--company", "default")] == [1]
    assert _json(command, "events", "--company", "acme") == []
    for arguments in (["run", "cancel", "1"], ["run", "show", "1"], ["customer", "show", "1"]):
        ran = command(*arguments, "--company", "acme")
        assert (ran.status, "There is no" in ran.stderr) == (2, True)
    monkeypatch.setenv("METERFARM_COMPANY", "acme")
    assert [one["id"] for one in _json(command, "customer", "list")] == [2]
    assert [one["id"] for one in _json(command, "customer", "list", "--company", "default")] == [1]
    assert _json(command, "company", "show", "acme") == {
        "id": 3,
        "name": "acme",
        "live": False,
        "customers": {"new": 0, "active": 1, "must_reauthenticate": 0, "removed": 0},
        "mailboxes": 0,
        "numbers": 0,
        "unlock_history": "all",
        "unlock_continuous": True,
        "meter_preference": "both",
        "gas_as_text": False,
        "notification_email": "",
        "mail_domains": [],
        "brand": NO_BRAND,
    }


def test_what_unlocks_by_itself_is_a_choice_of_one_side_of_a_company(command: Command) -> None:
    """Customers who are added from then on have it; without a choice everything is unlocked."""
    changed = {
        "unlock_history": "24",
        "unlock_continuous": False,
        "meter_preference": "gas",
        "gas_as_text": True,
        "notification_email": "ops@acme.example",
        "mail_domains": ["acme.example", "acme.test"],
    }
    asked = ["--history", "24", "--no-continuous", "--gas-as-text", "--notify", "ops@acme.example"]
    asked += ["--mail-domain", "acme.example", "--mail-domain", "acme.test", "--meters", "gas"]
    identity = {"id": 1, "name": "default", "live": False}
    assert _json(command, "company", "set", *asked) == {**identity, **changed, "brand": NO_BRAND}
    assert changed.items() <= _json(command, "company", "show").items()
    live = _json(command, "company", "show", "--live")
    assert (live["unlock_history"], live["unlock_continuous"], live["gas_as_text"]) == ("all", True, False)
    refused = command("company", "set", "--history", "some")
    assert (refused.status, refused.stderr) == (
        2,
        "meterfarm: The history “some” cannot be unlocked; give all, none, or a number of months "
        "up to 1200.\n",
    )


def test_what_a_meter_costs_is_set_for_all_companies_or_for_one(command: Command) -> None:
    assert command("company", "price").stdout == "company\tcents\tcurrency\n\t0\tUSD\n"
    command("company", "add", "acme")
    assert _json(command, "company", "price", "acme") == [{"company": "acme", "cents": 0, "currency": "USD"}]
    everybody = {"company": "", "cents": 200, "currency": "EUR"}
    assert _json(command, "company", "price", "--set", "2.00", "--currency", "eur") == [everybody]
    own = {"company": "acme", "cents": 150, "currency": "EUR"}
    assert _json(command, "company", "price", "acme", "--set", "1.50") == [own]
    assert _json(command, "company", "price") == [everybody, own]
    assert _json(command, "company", "price", "acme", "--unset") == [{**everybody, "company": "acme"}]
    for arguments, why in (
        (["--set", "x"], "The price “x” cannot be used; write it like 2 or 2.00, without a currency."),
        (["--set", "1", "--unset"], "A price is set or taken away; leave out --set or --unset."),
        (["--currency", "USD"], "A currency goes with a price; give --set, too."),
        (["nobody"], "There is no company “nobody”; `company list` shows those there are."),
    ):
        refused = command("company", "price", *arguments)
        assert (refused.status, refused.stderr) == (2, f"meterfarm: {why}\n")
    refused = command("company", "set", "acme", "--meters", "water")
    assert (refused.status, "give electric, gas or both" in refused.stderr) == (2, True)


def test_a_form_for_anybody_may_be_closed_and_wishes_are_listed(command: Command) -> None:
    assert "form for anybody  /companies/1/sign_up" in command("company", "show").stdout.replace("\t", "  ")
    assert _json(command, "company", "set", "--no-open-form")["brand"]["open_form"] is False
    assert "closed" in command("company", "show").stdout
    assert _json(command, "company", "set", "--open-form")["brand"]["open_form"] is True
    assert command(*ADD, stdin="x\n").status == 0
    with Store.open(Settings()) as farm:
        store = farm.of()
        customer = store.customers.by_id(1)
        assert customer is not None
        wish_utility(store, customer, "Tiny Town Electric")
    (wished,) = _json(command, "company", "wishes")
    assert (wished["utility"], wished["customer"]) == ("Tiny Town Electric", 1)
    assert command("company", "wishes").stdout.splitlines()[0] == "utility\tcustomer\tat"


def test_a_side_of_a_company_has_a_brand_of_its_own(command: Command, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(image("PNG"))
    asked = ("--shown-name", "Acme Solar", "--colour", "#0B6B4F", "--logo", str(logo))
    origins = ("--origin", "https://www.acme.example", "--origin", "http://localhost:3000")
    policy = ("--policy-url", "https://www.acme.example/privacy")
    brand = {
        "shown_name": "Acme Solar",
        "colour": "#0b6b4f",
        "logo_type": "image/png",
        "logo_bytes": logo.stat().st_size,
        "policy_url": "https://www.acme.example/privacy",
        "origins": ["https://www.acme.example", "http://localhost:3000"],
        "open_form": True,
    }
    assert _json(command, "company", "set", *asked, *origins, *policy)["brand"] == brand
    assert _json(command, "company", "show")["brand"] == brand
    assert _json(command, "company", "show", "--live")["brand"] == NO_BRAND
    shown = command("company", "show").stdout
    assert f"image/png, {logo.stat().st_size:,} bytes" in shown
    assert "https://www.acme.example, http://localhost:3000" in shown
    less = _json(command, "company", "set", "--logo", "", "--origin", "", "--history", "3")
    assert (less["brand"]["logo_bytes"], less["brand"]["origins"], less["unlock_history"]) == (0, [], "3")
    for arguments, sentence in (
        (("--logo", str(tmp_path / "none.png")), "none.png cannot be read: No such file or directory."),
        (("--logo", str(tmp_path)), "cannot be read: Is a directory."),
        (
            ("--colour", "green", "--history", "none"),
            "The colour “green” cannot be used; give its hexadecimal",
        ),
        ((), "There is nothing to change of the company default."),
    ):
        refused = command("company", "set", *arguments)
        assert (refused.status, sentence in refused.stderr) == (2, True), refused.stderr
    assert _json(command, "company", "show")["unlock_history"] == "3", "what is refused changes nothing"


def test_a_company_that_is_not_there_is_a_usage_error(command: Command) -> None:
    for arguments in (["customer", "list", "--company", "acme"], ["company", "show", "acme"]):
        ran = command(*arguments)
        assert ran.status == 2
        assert ran.stderr == "meterfarm: There is no company “acme”; `company list` shows those there are.\n"
    assert command("company", "add", "acme").stdout == "company 3 added: acme; its live side is 4\n"
    again = command("company", "add", "acme")
    assert (again.status, "acme is there already" in again.stderr) == (2, True)


def test_the_live_side_has_nothing_of_the_test_side_and_no_fake_utility(command: Command) -> None:
    assert command(*ADD, stdin="x\n").status == 0
    assert _json(command, "customer", "list", "--live") == []
    refused = command(*ADD, "--live", stdin="x\n")
    assert (refused.status, refused.stdout) == (2, "")
    assert (
        "Speculoos Power is a fake utility: only a company's test side has customers of it." in refused.stderr
    )
    shown = command("customer", "show", "1", "--live")
    assert (shown.status, "There is no customer “1”" in shown.stderr) == (2, True)
    assert _json(command, "company", "show", "--live")["live"] is True
