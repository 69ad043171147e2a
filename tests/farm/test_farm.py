"""Customers of every kind go through real workers, each to the outcome they are for."""

from __future__ import annotations

import json
from pathlib import Path

from fake_utility import listing
from fake_utility.running import fake_utility
from records import Outcome, RunState
from tests.farm.whole import Farm, farm_at

_REJECTED = {Outcome.BAD_CREDENTIALS, Outcome.ACCOUNT_LOCKED, Outcome.PASSWORD_CHANGE_REQUIRED}


def test_a_hundred_customers_of_mixed_kinds_end_as_they_are_meant_to(tmp_path: Path) -> None:
    """Their ledgers have no unexplained gap, and the portal saw one attempt of each rejected password."""
    meant = _mixed(100)
    with fake_utility(random_codes=True, home=tmp_path / "p") as url, farm_at(tmp_path / "h", url) as farm:
        customers = {username: farm.add(username) for username in meant}
        with farm.owners():
            farm.start(2)
            farm.wait_for_quiet(150)
        ended = {username: farm.last(customer).outcome for username, customer in customers.items()}
        assert ended == meant
        _check_ledgers(farm)
        attempts = farm.stats()["customers"]
        for username, outcome in meant.items():
            if outcome in _REJECTED:
                assert attempts[username]["password_attempts"] == 1, username


def _check_ledgers(farm: Farm) -> None:
    for run in farm.runs():
        assert run.state is RunState.ENDED or run.why.startswith("retry after"), run
        if run.outcome is Outcome.COMPLETE:
            assert run.stored == run.listed, run


def _mixed(count: int) -> dict[str, Outcome]:
    """One customer of each kind and an unknown one, then more of the ordinary ones."""
    kinds = {row["username"]: Outcome(row["outcome"]) for row in json.loads(listing.as_json())}
    meant = {**kinds, "nobody@nowhere.example": Outcome.BAD_CREDENTIALS}
    ordinary = [
        name for name, outcome in kinds.items() if outcome is Outcome.COMPLETE and "multi" not in name
    ]
    number = 0
    while len(meant) < count:
        local, _, domain = ordinary[number % len(ordinary)].partition("@")
        number += 1
        meant[f"{local}.{number}@{domain}"] = Outcome.COMPLETE
    return meant
