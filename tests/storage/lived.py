"""What a farm usually asks of a store, from a customer's entry to the end of a run, each once."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from meterfarm.records import Challenge, Factor, Outcome, RunKind, SecretKind
from meterfarm.storage.store import Store
from tests.storage.made import (
    ACCOUNT,
    ELECTRIC,
    EXPORT,
    UTILITY,
    bill,
    claimed,
    listed,
    pdf,
    save_bill,
    series,
)

_MOMENT = timedelta(minutes=10)
_ZONE = ZoneInfo("America/New_York")


def live_once(farm: Store) -> None:
    """A customer is added, signs in with a code, and has a bill and readings."""
    store = farm.of()
    customer = store.customers.add(UTILITY, "ida@bayou.energy", secrets={SecretKind.PASSWORD: "x"})
    farm.workforce.heartbeat()
    farm.runs.to_notify()
    (run,) = store.runs.list(customer_id=customer.id)
    claim = claimed(store, run.id, 1)
    if claim is None:
        raise RuntimeError("the run was not to be had")
    held = farm.holding(claim)
    held.credentials.load(customer)
    held.logins.rejection(customer, "x")
    held.logins.unconfirmed(customer, "x")
    held.logins.note_sending(customer, "x", _MOMENT)
    challenge = held.challenges.open(claim.lease, Challenge("Code?", Factor.SMS), _MOMENT)
    store.challenges.list(only_open=True)
    store.challenges.answer(challenge, {"text": "1"})
    held.challenges.take_answer(claim.lease, challenge)
    held.logins.clear_doubts(customer)
    held.credentials.save_session(customer, b"{}", trusted_since=None)
    held.runs.renew()
    account = held.accounts.save(customer, ACCOUNT)
    held.bills.in_store(account)
    save_bill(held, account, listed(), pdf(), bill(), layout=UTILITY, layout_version=1)
    held.readings.whole_days(account, ELECTRIC.id, _ZONE)
    held.readings.zero_days(account, ELECTRIC.id, _ZONE)
    held.pending_exports.list(account)
    held.readings.save(account, EXPORT, "all", [series([1, 2])])
    held.runs.finish(claim.lease, Outcome.COMPLETE, "All is in store.")
    store.accounts.list(customer)
    store.bills.of_account(account)
    store.readings.coverage(account)
    store.readings.fingerprints(account)
    store.readings.exports(account)
    store.readings.series(account, ELECTRIC.id)
    store.runs.story(run.id)
    store.runs.begin(store.customers.ensure(UTILITY, "joe@bayou.energy"), RunKind.SCRAPE)
    store.customers.info(customer)
    store.events.after()
    farm.runs.reap()
