"""`utilities`: the catalogue with what each status rests on, and what the farm's own runs showed."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from meterfarm.records import Outcome, SecretKind
from meterfarm.services.customers import (
    CustomerWithoutLogin,
    UpdateCustomer,
    create_customer,
    update_customer,
)
from meterfarm.services.errors import NotFound
from meterfarm.services.utilities import find_utility_entry, list_utilities, nearest_code, utility_code
from meterfarm.storage.runs import FollowUp, PortalHealth
from meterfarm.storage.store import CompanyStore
from tests.console.command import Command

UTILITY = "speculoos_power"
FIELDS = ["id", "name", "parts", "status", "since", "evidence", "last_success"]


def _end(store: CompanyStore, number: int, outcome: Outcome, health: PortalHealth) -> None:
    secrets = {SecretKind.PASSWORD: "a password"}
    customer = store.customers.add(UTILITY, f"c{number}@bayou.energy", secrets=secrets)
    (run,) = store.runs.list(customer_id=customer.id)
    taken = store.farm.runs.take(run.id, run.attempt)
    assert taken is not None
    store.runs.finish(taken[0].lease, outcome, "", follow=FollowUp(portal=health))


def test_the_json_is_an_array_of_all_with_these_fields(command: Command, home: Path) -> None:
    listed = command("utilities", "--json")
    rows: list[dict[str, Any]] = json.loads(listed.stdout)
    assert all(list(row) == FIELDS for row in rows)
    by_id = {row["id"]: row for row in rows}
    assert len(by_id) == len(rows) == len(list_utilities())
    assert by_id[UTILITY] == {
        "id": UTILITY,
        "name": "Speculoos Power",
        "parts": ["bills", "intervals"],
        "status": "verified",
        "since": "2026-11-21",
        "evidence": "tests/ drive it against fake_utility/",
        "last_success": None,
    }
    assert by_id["xcel_energy"]["status"] == "not_supported"
    assert (by_id["xcel_energy"]["since"], by_id["xcel_energy"]["last_success"]) == (None, None)
    assert not home.exists(), "listing stores nothing"


def test_one_is_shown_by_any_of_its_names_and_a_typo_gets_the_nearest(command: Command) -> None:
    shown = command("utilities", "JCP&L")
    assert "id\tjersey_central_power_and_light" in shown.stdout.splitlines()
    assert "also called\tJCPL, JCP&L, Jersey Central" in shown.stdout.splitlines()
    assert json.loads(command("utilities", "pepco", "--json").stdout)["meter_attributes"] == [
        "service_number"
    ]
    wrong = command("utilities", "peco_energi")
    assert (wrong.status, wrong.stdout) == (2, "")
    assert wrong.stderr == "meterfarm: There is no utility “peco_energi”; did you mean peco?\n"
    assert nearest_code("qqq") in {info.entry.id for info in list_utilities()}
    assert (utility_code("Con Ed"), utility_code("Con")) == ("con_edison", None)


def test_a_customer_is_added_by_an_alias_and_an_unsupported_utility_is_explained(
    command: Command, store: CompanyStore
) -> None:
    """The customer has the utility's id, whatever name was given."""
    added = command("customer", "add", "Speculoos", "--username", "ada@bayou.energy")
    assert added.status == 0
    assert [customer.utility for customer in store.customers.list()] == [UTILITY]
    for arguments in (("customer", "add"), ("scrape",)):
        refused = command(*arguments, "Xcel", "--username", "ada@bayou.energy")
        assert refused.status == 2
        assert "Xcel Energy (xcel_energy) is not supported yet" in refused.stderr
        refused = command(*arguments, "speculos", "--username", "ada@bayou.energy")
        assert "no utility “speculos”; did you mean speculoos_power?" in refused.stderr


def test_a_customer_without_a_login_may_have_any_utility_that_is_known(store: CompanyStore) -> None:
    wished = create_customer(store, CustomerWithoutLogin("Xcel"))
    assert wished.utility == "xcel_energy"
    changed = update_customer(store, wished, UpdateCustomer(utility="JCP&L")).customer
    assert store.customers.info(changed).utility == "jersey_central_power_and_light"
    with pytest.raises(NotFound, match="did you mean xcel_energy"):
        create_customer(store, CustomerWithoutLogin("xcel_enery"))
    with pytest.raises(NotFound, match="is not supported yet"):
        update_customer(store, wished, UpdateCustomer(username="ada@bayou.energy"))


def test_own_runs_are_measured_and_an_open_breaker_is_trouble(command: Command, store: CompanyStore) -> None:
    """Runs that end with the customer having to act say nothing of the utility."""
    _end(store, 1, Outcome.COMPLETE, PortalHealth.HEALTHY)
    _end(store, 2, Outcome.BAD_CREDENTIALS, PortalHealth.HEALTHY)
    well = find_utility_entry(UTILITY, store.farm)
    assert (well.status, well.success_rate) == ("verified", 1.0)
    assert well.median_seconds is not None
    for number in range(3, 8):
        _end(store, number, Outcome.PORTAL_DOWN, PortalHealth.AT_FAULT)
    row = next(row for row in json.loads(command("utilities", "--json").stdout) if row["id"] == UTILITY)
    assert row["status"] == "trouble"
    assert "left alone until" in row["evidence"]
    succeeded, since = (datetime.fromisoformat(row[name]) for name in ("last_success", "since"))
    assert succeeded <= since
    assert json.loads(command("utilities", UTILITY, "--json").stdout)["success_rate"] == round(1 / 6, 4)
