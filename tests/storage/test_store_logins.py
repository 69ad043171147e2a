"""What is known of a login: refused passwords, spent TOTP steps, one customer, its consent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from meterfarm.records import LedgerItem, Outcome, SecretKind
from meterfarm.storage import LeaseLost
from meterfarm.storage.store import CompanyStore
from tests.storage.made import USERNAME, UTILITY, begun, claimed
from tests.storage.opening import ON_BOTH, OpenStore, Rows

pytestmark = ON_BOTH


def test_a_customer_is_one_however_the_name_is_typed(store: CompanyStore) -> None:
    first = store.customers.ensure(UTILITY, f" {USERNAME} ")
    assert first.username == USERNAME
    assert store.customers.ensure(UTILITY, USERNAME) == first
    assert store.customers.ensure(UTILITY, USERNAME.upper()) == replace(first, username=USERNAME.upper())
    assert store.customers.ensure("other_power", USERNAME).login_id != first.login_id


def test_the_spelling_given_last_is_kept(store: CompanyStore, rows: Rows) -> None:
    for spelling in (USERNAME, f"{USERNAME.upper()} ", USERNAME.lower()):
        assert store.customers.ensure(UTILITY, spelling).username == spelling.strip()
        assert rows("SELECT username FROM customer") == [(spelling.strip(),)]
        assert rows("SELECT username FROM login") == [(USERNAME.lower(),)]


def test_a_password_is_refused_only_with_the_user_name_so_spelled(store: CompanyStore) -> None:
    given = store.customers.ensure(UTILITY, USERNAME)
    store.logins.reject(given, "Wrong", Outcome.BAD_CREDENTIALS, "No match.")
    assert store.logins.rejection(store.customers.ensure(UTILITY, USERNAME.upper()), "Wrong") is None
    assert store.logins.rejection(store.customers.ensure(UTILITY, f" {USERNAME}"), "Wrong") is not None


def test_consent_is_written_once_at_first_use(store: CompanyStore, rows: Rows) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.customers.ensure(UTILITY, USERNAME)
    assert rows("SELECT customer_id, method, revoked_at FROM consent") == [
        (customer.id, "command line", None)
    ]


def test_nothing_may_be_collected_once_every_consent_is_revoked(store: CompanyStore, rows: Rows) -> None:
    customer, other = (
        store.customers.ensure(UTILITY, USERNAME),
        store.customers.ensure(UTILITY, "other@example.org"),
    )
    assert store.credentials.run_context(customer).may_collect
    rows(
        "INSERT INTO consent (company_id, customer_id, scope, terms_hash, method, granted_at)"
        " SELECT company_id, customer_id, scope, terms_hash, 'form', granted_at FROM consent"
        " WHERE customer_id = :id",
        id=customer.id,
    )
    revoke = "UPDATE consent SET revoked_at = granted_at WHERE customer_id = :id AND method = :method"
    rows(revoke, id=customer.id, method="form")
    assert store.credentials.run_context(customer).may_collect, "the other consent stands"
    rows(revoke, id=customer.id, method="command line")
    assert not store.credentials.run_context(customer).may_collect
    assert store.credentials.run_context(other).may_collect
    assert store.customers.ensure(UTILITY, USERNAME) == customer
    assert not store.credentials.run_context(customer).may_collect, (
        "finding the customer again consents to nothing"
    )


def test_only_the_very_password_that_was_refused_is_known(store: CompanyStore) -> None:
    customer, other = (
        store.customers.ensure(UTILITY, USERNAME),
        store.customers.ensure(UTILITY, "other@example.org"),
    )
    store.logins.reject(customer, "Wrong", Outcome.BAD_CREDENTIALS, "No match.")
    store.logins.reject(customer, "Wrong", Outcome.ACCOUNT_LOCKED, "Locked.")
    rejection = store.logins.rejection(customer, "Wrong")
    assert rejection is not None
    assert (rejection.outcome, rejection.message) == (Outcome.ACCOUNT_LOCKED, "Locked.")
    assert store.logins.rejection(customer, "wrong") is None
    assert store.logins.rejection(other, "Wrong") is None
    store.logins.clear(customer)
    assert store.logins.rejection(customer, "Wrong") is None


def test_a_totp_step_is_claimed_once_among_many_that_try(open_store: OpenStore) -> None:
    store = open_store()
    customer, other = (
        store.customers.ensure(UTILITY, USERNAME),
        store.customers.ensure(UTILITY, "other@example.org"),
    )
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: store.logins.claim_totp_step(customer, 58_000_000), range(16)))
    assert sum(claims) == 1
    assert store.logins.claim_totp_step(customer, 58_000_001)
    assert store.logins.claim_totp_step(other, 58_000_000)


def test_a_run_ends_once_with_its_ledger(store: CompanyStore, rows: Rows) -> None:
    run = begun(store, store.customers.ensure(UTILITY, USERNAME))
    ledger = [
        LedgerItem("123", "bill 2026-01-05", stored=True, downloaded=True),
        LedgerItem("123", "bill 2026-02-05", stored=False, reason="unavailable"),
    ]
    store.runs.finish(
        run, Outcome.PARTIAL, "One missing.", use="new", seconds={"collect": 1.5}, ledger=ledger
    )
    ended = rows("SELECT state, outcome, message, session, CAST(seconds AS TEXT) FROM run")
    assert ended == [("ended", "partial", "One missing.", "new", '{"collect": 1.5}')]
    items = rows("SELECT item, stored, downloaded, reason FROM ledger_item ORDER BY id")
    assert items == [("bill 2026-01-05", 1, 1, ""), ("bill 2026-02-05", 0, 0, "unavailable")]
    with pytest.raises(LeaseLost, match="has ended"):
        store.runs.finish(run, Outcome.COMPLETE, "")


def test_a_sending_is_in_doubt_until_something_is_known_of_it(store: CompanyStore) -> None:
    customer, other = (
        store.customers.ensure(UTILITY, USERNAME),
        store.customers.ensure(UTILITY, "other@example.org"),
    )
    assert store.logins.unconfirmed(customer, "Sent") is None
    for sends in (1, 2):
        store.logins.note_sending(customer, "Sent", timedelta(hours=1))
        doubt = store.logins.unconfirmed(customer, "Sent")
        assert doubt is not None
        assert (doubt.sends, doubt.again_at - doubt.at) == (sends, timedelta(hours=1))
    assert store.logins.rejection(customer, "Sent") is None
    assert store.logins.unconfirmed(customer, "sent") is None
    assert store.logins.unconfirmed(other, "Sent") is None
    store.logins.note_unsent(customer, "Sent")
    doubt = store.logins.unconfirmed(customer, "Sent")
    assert doubt is not None
    assert doubt.sends == 1
    store.logins.note_unsent(customer, "Sent")
    assert store.logins.unconfirmed(customer, "Sent") is None


def test_a_refusal_ends_the_doubt_and_outlasts_what_clears_it(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.logins.note_sending(customer, "Wrong", timedelta(hours=1))
    store.logins.note_sending(customer, "Other", timedelta(hours=1))
    store.logins.reject(customer, "Wrong", Outcome.BAD_CREDENTIALS, "No match.")
    store.logins.note_unsent(customer, "Wrong")
    assert store.logins.unconfirmed(customer, "Wrong") is None
    store.logins.clear_doubts(customer)
    assert store.logins.rejection(customer, "Wrong") is not None
    assert store.logins.unconfirmed(customer, "Other") is None


def test_a_password_given_anew_may_be_sent_again_and_a_success_clears_all(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets={SecretKind.PASSWORD: "Sent"})
    store.logins.note_sending(customer, "Sent", timedelta(hours=1))
    store.customers.update(customer, secrets={SecretKind.TOTP_SECRET: "JBSWY3DP"})
    assert store.logins.unconfirmed(customer, "Sent") is not None
    store.customers.update(customer, secrets={SecretKind.PASSWORD: "Sent"})
    assert store.logins.unconfirmed(customer, "Sent") is None
    store.logins.note_sending(customer, "Sent", timedelta(hours=1))
    store.logins.clear(customer)
    assert store.logins.unconfirmed(customer, "Sent") is None


def test_a_password_given_anew_is_tried_once_more_after_the_utility_unlocked_the_account(
    store: CompanyStore,
) -> None:
    """One that the portal rejected itself stays refused, whoever gives it again."""
    customer = store.customers.add(UTILITY, USERNAME, secrets={SecretKind.PASSWORD: "Right"})
    store.logins.reject(customer, "Right", Outcome.ACCOUNT_LOCKED, "Locked.")
    store.logins.reject(customer, "Wrong", Outcome.BAD_CREDENTIALS, "No match.")
    store.customers.update(customer, secrets={SecretKind.TOTP_SECRET: "JBSWY3DP"})
    assert store.logins.rejection(customer, "Right") is not None
    for password in ("Wrong", "Right"):
        store.customers.update(customer, secrets={SecretKind.PASSWORD: password})
    assert store.logins.rejection(customer, "Right") is None
    assert store.logins.rejection(customer, "Wrong") is not None
    store.logins.reject(customer, "Right", Outcome.ACCOUNT_LOCKED, "Locked.")
    assert store.logins.rejection(customer, "Right") is not None


def test_a_person_who_asks_for_a_run_asks_for_one_sending(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets={SecretKind.PASSWORD: "Sent"})
    (ring,) = store.farm.runs.to_notify()
    claim = claimed(store, ring.run_id, ring.attempt)
    assert claim is not None
    assert not claim.asked
    store.runs.finish(claim.lease, Outcome.PORTAL_DOWN, "")
    run_id = store.runs.retry(claim.lease.run_id)
    again = claimed(store, run_id, 1)
    assert again is not None
    assert again.asked
    store.holding(again.lease).logins.note_sending(customer, "Sent", timedelta(hours=1))
    store.runs.fail(again.lease, "a fault", timedelta(0))
    third = claimed(store, run_id, 2)
    assert third is not None
    assert not third.asked
