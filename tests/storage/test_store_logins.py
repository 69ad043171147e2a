"""What is known of a login: refused passwords, spent TOTP steps, one customer, its consent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from meterfarm.records import LedgerItem, Outcome, SecretKind
from meterfarm.storage.store import Store
from meterfarm.storage.work import LeaseLost
from tests.storage.conftest import ON_BOTH, OpenStore, Rows
from tests.storage.made import USERNAME, UTILITY, begun

pytestmark = ON_BOTH


def test_a_customer_is_one_however_the_name_is_typed(store: Store) -> None:
    first = store.customer(UTILITY, f" {USERNAME} ")
    assert first.username == USERNAME
    assert store.customer(UTILITY, USERNAME) == first
    assert store.customer(UTILITY, USERNAME.upper()) == replace(first, username=USERNAME.upper())
    assert store.customer("other_power", USERNAME).login_id != first.login_id


def test_the_spelling_given_last_is_kept(store: Store, rows: Rows) -> None:
    for spelling in (USERNAME, f"{USERNAME.upper()} ", USERNAME.lower()):
        assert store.customer(UTILITY, spelling).username == spelling.strip()
        assert rows("SELECT username FROM customer") == [(spelling.strip(),)]
        assert rows("SELECT username FROM login") == [(USERNAME.lower(),)]


def test_a_password_is_refused_only_with_the_user_name_so_spelled(store: Store) -> None:
    given = store.customer(UTILITY, USERNAME)
    store.reject_password(given, "Wrong", Outcome.BAD_CREDENTIALS, "No match.")
    assert store.rejection(store.customer(UTILITY, USERNAME.upper()), "Wrong") is None
    assert store.rejection(store.customer(UTILITY, f" {USERNAME}"), "Wrong") is not None


def test_consent_is_written_once_at_first_use(store: Store, rows: Rows) -> None:
    customer = store.customer(UTILITY, USERNAME)
    store.customer(UTILITY, USERNAME)
    assert rows("SELECT customer_id, method, revoked_at FROM consent") == [
        (customer.id, "command line", None)
    ]


def test_nothing_may_be_collected_once_every_consent_is_revoked(store: Store, rows: Rows) -> None:
    customer, other = store.customer(UTILITY, USERNAME), store.customer(UTILITY, "other@example.org")
    assert store.may_collect(customer)
    rows(
        "INSERT INTO consent (company_id, customer_id, scope, terms_hash, method, granted_at)"
        " SELECT company_id, customer_id, scope, terms_hash, 'form', granted_at FROM consent"
        " WHERE customer_id = :id",
        id=customer.id,
    )
    revoke = "UPDATE consent SET revoked_at = granted_at WHERE customer_id = :id AND method = :method"
    rows(revoke, id=customer.id, method="form")
    assert store.may_collect(customer), "the other consent stands"
    rows(revoke, id=customer.id, method="command line")
    assert not store.may_collect(customer)
    assert store.may_collect(other)
    assert store.customer(UTILITY, USERNAME) == customer
    assert not store.may_collect(customer), "finding the customer again consents to nothing"


def test_only_the_very_password_that_was_refused_is_known(store: Store) -> None:
    customer, other = store.customer(UTILITY, USERNAME), store.customer(UTILITY, "other@example.org")
    store.reject_password(customer, "Wrong", Outcome.BAD_CREDENTIALS, "No match.")
    store.reject_password(customer, "Wrong", Outcome.ACCOUNT_LOCKED, "Locked.")
    rejection = store.rejection(customer, "Wrong")
    assert rejection is not None
    assert (rejection.outcome, rejection.message) == (Outcome.ACCOUNT_LOCKED, "Locked.")
    assert store.rejection(customer, "wrong") is None
    assert store.rejection(other, "Wrong") is None
    store.clear_rejections(customer)
    assert store.rejection(customer, "Wrong") is None


def test_a_totp_step_is_claimed_once_among_many_that_try(open_store: OpenStore) -> None:
    store = open_store()
    customer, other = store.customer(UTILITY, USERNAME), store.customer(UTILITY, "other@example.org")
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: store.claim_totp_step(customer, 58_000_000), range(16)))
    assert sum(claims) == 1
    assert store.claim_totp_step(customer, 58_000_001)
    assert store.claim_totp_step(other, 58_000_000)


def test_a_run_ends_once_with_its_ledger(store: Store, rows: Rows) -> None:
    run = begun(store, store.customer(UTILITY, USERNAME))
    ledger = [
        LedgerItem("123", "bill 2026-01-05", stored=True, downloaded=True),
        LedgerItem("123", "bill 2026-02-05", stored=False, reason="unavailable"),
    ]
    store.finish_run(run, Outcome.PARTIAL, "One missing.", use="new", seconds={"collect": 1.5}, ledger=ledger)
    ended = rows("SELECT state, outcome, message, session, CAST(seconds AS TEXT) FROM run")
    assert ended == [("ended", "partial", "One missing.", "new", '{"collect": 1.5}')]
    items = rows("SELECT item, stored, downloaded, reason FROM ledger_item ORDER BY id")
    assert items == [("bill 2026-01-05", 1, 1, ""), ("bill 2026-02-05", 0, 0, "unavailable")]
    with pytest.raises(LeaseLost, match="has ended"):
        store.finish_run(run, Outcome.COMPLETE, "")


def test_a_sending_is_in_doubt_until_something_is_known_of_it(store: Store) -> None:
    customer, other = store.customer(UTILITY, USERNAME), store.customer(UTILITY, "other@example.org")
    assert store.doubt(customer, "Sent") is None
    for sends in (1, 2):
        store.note_sending(customer, "Sent", timedelta(hours=1))
        doubt = store.doubt(customer, "Sent")
        assert doubt is not None
        assert (doubt.sends, doubt.again_at - doubt.at) == (sends, timedelta(hours=1))
    assert store.rejection(customer, "Sent") is None
    assert store.doubt(customer, "sent") is None
    assert store.doubt(other, "Sent") is None
    store.note_unsent(customer, "Sent")
    doubt = store.doubt(customer, "Sent")
    assert doubt is not None
    assert doubt.sends == 1
    store.note_unsent(customer, "Sent")
    assert store.doubt(customer, "Sent") is None


def test_a_refusal_ends_the_doubt_and_outlasts_what_clears_it(store: Store) -> None:
    customer = store.customer(UTILITY, USERNAME)
    store.note_sending(customer, "Wrong", timedelta(hours=1))
    store.note_sending(customer, "Other", timedelta(hours=1))
    store.reject_password(customer, "Wrong", Outcome.BAD_CREDENTIALS, "No match.")
    store.note_unsent(customer, "Wrong")
    assert store.doubt(customer, "Wrong") is None
    store.clear_doubts(customer)
    assert store.rejection(customer, "Wrong") is not None
    assert store.doubt(customer, "Other") is None


def test_a_password_given_anew_may_be_sent_again_and_a_success_clears_all(store: Store) -> None:
    customer = store.add_customer(UTILITY, USERNAME, secrets={SecretKind.PASSWORD: "Sent"})
    store.note_sending(customer, "Sent", timedelta(hours=1))
    store.update_customer(customer, secrets={SecretKind.TOTP_SECRET: "JBSWY3DP"})
    assert store.doubt(customer, "Sent") is not None
    store.update_customer(customer, secrets={SecretKind.PASSWORD: "Sent"})
    assert store.doubt(customer, "Sent") is None
    store.note_sending(customer, "Sent", timedelta(hours=1))
    store.clear_rejections(customer)
    assert store.doubt(customer, "Sent") is None


def test_a_person_who_asks_for_a_run_asks_for_one_sending(store: Store) -> None:
    customer = store.add_customer(UTILITY, USERNAME, secrets={SecretKind.PASSWORD: "Sent"})
    (ring,) = store.runs_to_ring()
    claim = store.claim_run(ring.run_id, ring.attempt)
    assert claim is not None
    assert not claim.asked
    store.finish_run(claim.lease, Outcome.PORTAL_DOWN, "")
    run_id = store.retry_run(claim.lease.run_id)
    again = store.claim_run(run_id, 1)
    assert again is not None
    assert again.asked
    store.under(again.lease).note_sending(customer, "Sent", timedelta(hours=1))
    store.fail_run(again.lease, "a fault", timedelta(0))
    third = store.claim_run(run_id, 2)
    assert third is not None
    assert not third.asked
