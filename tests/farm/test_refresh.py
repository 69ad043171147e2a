"""Keeping fresh: only what is new, without a password, a code or a browser page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from meterfarm.records import CustomerState, EventKind, Outcome, RunKind
from tests.fake_portal import fake_portal
from tests.farm.whole import Farm, farm_at, many

_KINDS = ("iamvalid", "ineedmfa+text_message", "ineedmfa+security_question")
_EACH = many(15) // 3
_A_DAY = 96 + 24


def test_a_day_later_customers_are_refreshed_without_signing_in(tmp_path: Path) -> None:
    """Exactly one day more of each meter is stored, and the readings that the portal restated."""
    today = datetime.now(UTC).replace(microsecond=0)
    portal = tmp_path / "portal"
    home = tmp_path / "home"
    with (
        fake_portal(portal, now=today.isoformat()) as url,
        farm_at(home, url) as farm,
    ):
        customers = [one for kind in _KINDS for one in farm.add_many(f"{kind}@bayou.energy", _EACH)]
        with farm.owners():
            farm.start(2)
            farm.wait_for_quiet(150)
        farm.stop()
        before = farm.readings()
    tomorrow = (today + timedelta(days=1)).isoformat()
    with fake_portal(portal, now=tomorrow) as url, farm_at(home, url) as farm:
        farm.start(2)
        farm.store.runs.refresh()
        farm.wait_for_quiet(120)
        refreshed = [farm.last(customer) for customer in customers]
        assert {(run.kind, run.outcome, run.pages) for run in refreshed} == {
            (RunKind.COLLECT, Outcome.COMPLETE, 0)
        }
        assert all(stats["password_attempts"] == 0 for stats in farm.stats()["customers"].values())
        assert farm.readings() - before == _A_DAY * len(customers)
        told = farm.store.events.after(limit=100_000, kinds=[EventKind.NEW_INTERVALS])
        assert sum(event.facts["inserted"] for event in told) == _A_DAY * len(customers)
        assert {event.customer_id for event in told} == {customer.id for customer in customers}
        assert 0 < sum(event.facts["changed"] for event in told) <= _A_DAY / 8 * len(customers)


def test_when_the_portal_wants_the_customer_they_are_asked_once_and_left_alone(tmp_path: Path) -> None:
    """A refresh that would make the portal send a code ends before; the customer comes back by a new run.

    While only the session has ended, and the device is trusted, it signs in and asks nobody.
    """
    portal = tmp_path / "portal"
    with fake_portal(portal) as url, farm_at(tmp_path / "home", url) as farm:
        customer = farm.add("ineedmfa+text_message@bayou.energy")
        with farm.owners():
            farm.start(1)
            farm.wait_for_quiet()
        farm.stop()
    with (
        fake_portal(portal, now=_in_days(40)) as url,
        farm_at(tmp_path / "home", url) as farm,
    ):
        farm.store.runs.refresh()
        farm.start(1)
        farm.wait_for_quiet()
        farm.stop()
        assert farm.last(customer).outcome is Outcome.COMPLETE
        counted = farm.stats()["customers"][customer.username]
        assert (counted["password_attempts"], counted["codes_sent"]) == (1, 0)
    with (
        fake_portal(portal, now=_in_days(200)) as url,
        farm_at(tmp_path / "home", url, METERFARM_INTERVALS_EVERY="1", METERFARM_BILLS_EVERY="1") as farm,
    ):
        farm.store.runs.refresh()
        farm.start(1)
        farm.wait(lambda: _state(farm, customer.id) is CustomerState.MUST_REAUTHENTICATE, 60, "the reason")
        farm.wait_for_quiet()
        (told,) = farm.store.events.after(kinds=[EventKind.CUSTOMER_MUST_REAUTHENTICATE])
        assert "mfa_required" in told.facts["reason"]
        assert farm.stats()["customers"].get(customer.username, {"codes_sent": 0})["codes_sent"] == 0
        runs = len(farm.runs(customer))
        farm.store.runs.refresh()
        assert len(farm.runs(customer)) == runs
        again = farm.store.runs.retry(farm.last(customer).id)
        with farm.owners():
            farm.wait(lambda: _state(farm, customer.id) is CustomerState.ACTIVE, 60, "the customer back")
        farm.stop()
        story = farm.store.runs.story(again)
        assert story is not None
        assert (story.run.kind, story.run.outcome) == (RunKind.CONNECT, Outcome.COMPLETE)


def _in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def test_due_customers_are_refreshed_by_the_clock(tmp_path: Path) -> None:
    """Hourly and daily stand here for a second and a minute."""
    with (
        fake_portal(tmp_path / "p") as url,
        farm_at(tmp_path / "h", url, METERFARM_INTERVALS_EVERY="1", METERFARM_BILLS_EVERY="60") as farm,
    ):
        customer = farm.add("iamvalid@bayou.energy")
        farm.start(1)
        farm.wait(lambda: [run for run in farm.runs(customer) if run.why == "refresh"], 60, "a refresh")
        refreshes = [run for run in farm.runs(customer) if run.why == "refresh"]
        assert {run.parts for run in refreshes} == {"intervals"}


def _state(farm: Farm, customer_id: int) -> CustomerState:
    return next(one.state for one in farm.store.customers.list() if one.id == customer_id)
