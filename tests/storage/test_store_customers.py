"""Customers are entered once, come back, change and go, with all that hangs on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from meterfarm.records import (
    Challenge,
    CustomerState,
    EventKind,
    Outcome,
    Part,
    RunKind,
    RunState,
    SecretKind,
)
from meterfarm.storage import AlreadyThere, RunRefused, StorageError
from meterfarm.storage.customers import Customer, credentials
from meterfarm.storage.database import Database, now
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore
from tests.storage.made import (
    ACCOUNT,
    EXPORT,
    USERNAME,
    UTILITY,
    begun,
    bill,
    claimed,
    listed,
    pdf,
    save_bill,
    series,
)
from tests.storage.opening import ON_BOTH, OpenStore, Rows

pytestmark = ON_BOTH

OTHER = "other@example.org"
PASSWORD = {SecretKind.PASSWORD: "canary-51d0"}
ANSWER = SecretKind.SECURITY_ANSWER
FILLED = EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS


def _told(store: CompanyStore) -> list[EventKind]:
    return [event.kind for event in store.events.after()]


def _collected(store: CompanyStore, customer: Customer) -> int:
    account = store.accounts.save(customer, ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    store.readings.save(account, EXPORT, "jan", [series([1, 2, 3])])
    return account


def _back(store: CompanyStore, customer: Customer) -> None:
    """A connect run signs in."""
    (run,) = store.runs.list(customer_id=customer.id, active=True)
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=FollowUp(is_back=True))


def test_a_customer_with_a_password_is_tried_at_once(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, f" {USERNAME} ", external_id="X1", secrets=PASSWORD)
    info = store.customers.info(customer)
    assert (info.username, info.external_id, info.state) == (USERNAME, "X1", CustomerState.ACTIVE)
    assert info.secrets == {SecretKind.PASSWORD}
    (run,) = store.runs.list()
    assert (run.kind, run.state, run.why) == (RunKind.CONNECT, RunState.QUEUED, "new credentials")
    assert _told(store) == []
    _back(store, customer)
    (event,) = store.events.after()
    assert (event.kind, event.customer_id, event.run_id) == (FILLED, customer.id, run.id)
    about = event.facts
    assert event.kind == "customer_has_filled_credentials"
    assert (event.customer_id, about["customer_external_id"]) == (customer.id, "X1")
    assert (about["utility"], about["has_filled_credentials"]) == (UTILITY, True)
    assert about["has_filled_credentials_on"].endswith("Z")


def test_a_customer_without_a_password_waits_for_one(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets={SecretKind.TOTP_SECRET: "JBSWY3DP"})
    assert store.customers.info(customer).state == CustomerState.NEW
    assert store.runs.list() == []
    assert store.events.after() == []
    store.customers.update(customer, secrets=PASSWORD)
    assert store.customers.info(customer).state == CustomerState.ACTIVE
    assert [run.kind for run in store.runs.list()] == [RunKind.CONNECT]


def test_one_that_is_there_is_refused_and_nothing_is_changed(store: CompanyStore) -> None:
    there = store.customers.add(UTILITY, USERNAME, external_id="X1", secrets=PASSWORD)
    change = f"change it with `customer update {there.id}`"
    with pytest.raises(AlreadyThere, match=rf"as customer {there.id} \(external id X1\); {change}"):
        store.customers.add(UTILITY, USERNAME.upper(), secrets={SecretKind.PASSWORD: "other"})
    with pytest.raises(AlreadyThere, match=rf"The external id X1 is there already as customer {there.id}"):
        store.customers.add(UTILITY, OTHER, external_id="X1", secrets=PASSWORD)
    assert [info.id for info in store.customers.list()] == [there.id]
    assert (
        store.credentials.load(there)[SecretKind.PASSWORD].get_secret_value() == PASSWORD[SecretKind.PASSWORD]
    )
    assert store.customers.add("other_power", USERNAME, secrets={}).id != there.id


def test_of_many_who_add_the_same_customer_one_succeeds(open_store: OpenStore) -> None:
    stores = [open_store() for _ in range(4)]

    def add(number: int) -> bool:
        try:
            stores[number % 4].customers.add(
                UTILITY, USERNAME, external_id=f"X{number // 8}", secrets=PASSWORD
            )
        except AlreadyThere:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(16))) == 1
    assert len(stores[0].runs.list()) == len(stores[0].customers.list()) == 1


def test_secrets_are_replaced_by_kind_and_masked(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)
    store.credentials.save(
        customer, {SecretKind.TOTP_SECRET: "JBSWY3DP", SecretKind.PASSWORD: "canary-new é"}
    )
    kept = store.credentials.load(customer)
    assert {kind: secret.get_secret_value() for kind, secret in kept.items()} == {
        SecretKind.PASSWORD: "canary-new é",
        SecretKind.TOTP_SECRET: "JBSWY3DP",
    }
    assert "canary" not in repr(kept)


def test_answers_are_kept_by_question(store: CompanyStore, rows: Rows) -> None:
    """One replaces that to the same question, however it is written; none opens as another's."""
    answers = {"Your pet\u2019s name?": "canary-1", "Your street?": "canary-2"}
    customer = store.customers.add(UTILITY, USERNAME, secrets={ANSWER: "canary-any"}, answers=answers)
    store.customers.update(customer, secrets={}, answers={"YOUR PET'S NAME": "canary-3"})
    kept = store.credentials.run_context(customer).answers
    assert {question: answer.get_secret_value() for question, answer in kept.items()} == {
        "": "canary-any",
        "your pets name": "canary-3",
        "your street": "canary-2",
    }
    assert store.customers.info(customer).questions == ["your pets name", "your street"]
    assert store.credentials.load(customer).keys() == {ANSWER}
    (read, *_) = store.audit.list()
    assert list(read.kinds) == ["security_answer"]
    assert "canary" not in str(rows("SELECT * FROM credential"))
    rows("UPDATE credential SET question = 'your cat' WHERE question = 'your street'")
    with pytest.raises(StorageError, match="does not open"):
        store.credentials.load(customer)


def test_a_secret_does_not_open_as_another_kind(store: CompanyStore, rows: Rows) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)
    rows("UPDATE credential SET kind = 'security_answer'")
    with pytest.raises(StorageError, match="does not open"):
        store.credentials.load(customer)


def test_no_secret_is_in_a_row_a_log_of_a_run_or_a_payload(store: CompanyStore, rows: Rows) -> None:
    store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)
    for table in ("credential", "event", "run", "run_step", "customer"):
        assert "canary" not in str(rows(f"SELECT * FROM {table}"))  # noqa: S608 - a test's own


def test_who_must_come_back_is_back_once_a_run_signed_in(store: CompanyStore) -> None:
    """They get to know both: that they must come back, and that they are."""
    customer = store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)
    (run,) = store.runs.list()
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    follow = FollowUp(must_reauthenticate="credentials_are_invalid")
    store.runs.finish(claim.lease, Outcome.BAD_CREDENTIALS, "No match.", follow=follow)
    assert _told(store) == [], "who was never let in is still trying"
    last = store.customers.info(customer).last_run
    assert last is not None
    assert (last.id, last.kind, last.outcome) == (run.id, RunKind.CONNECT, Outcome.BAD_CREDENTIALS)
    store.customers.update(customer, secrets={SecretKind.PASSWORD: "better"})
    assert store.customers.info(customer).state == CustomerState.MUST_REAUTHENTICATE
    _back(store, customer)
    assert store.customers.info(customer).state == CustomerState.ACTIVE
    assert _told(store) == [FILLED]
    store.customers.update(customer, secrets={SecretKind.PASSWORD: "wrong"})
    (run,) = store.runs.list(customer_id=customer.id, active=True)
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    store.runs.finish(claim.lease, Outcome.BAD_CREDENTIALS, "No match.", follow=follow)
    store.customers.update(customer, secrets={SecretKind.PASSWORD: "better"})
    _back(store, customer)
    assert _told(store) == [FILLED, EventKind.CUSTOMER_MUST_REAUTHENTICATE, FILLED]


def test_a_user_name_can_be_respelled_and_an_external_id_changed(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, external_id="X1", secrets={})
    store.credentials.save_session(customer, b"state", trusted_since=None)
    store.customers.update(customer, username=USERNAME.upper(), external_id="X2", secrets={})
    info = store.customers.info(customer)
    assert (info.username, info.external_id) == (USERNAME.upper(), "X2")
    assert store.credentials.run_context(customer).session is not None
    store.customers.update(customer, external_id="", secrets={})
    assert store.customers.info(customer).external_id is None


def test_another_login_keeps_the_secrets_and_drops_the_session(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, "typo@example.org", secrets=PASSWORD)
    store.credentials.save_session(customer, b"state", trusted_since=None)
    store.logins.reject(customer, "x", Outcome.BAD_CREDENTIALS, "No.")
    store.customers.update(customer, username=USERNAME, secrets={})
    now_called = store.customers.find(USERNAME)
    assert now_called is not None
    assert (now_called.id, now_called.login_id != customer.login_id) == (customer.id, True)
    assert store.credentials.run_context(now_called).session is None
    assert (
        store.credentials.load(now_called)[SecretKind.PASSWORD].get_secret_value()
        == PASSWORD[SecretKind.PASSWORD]
    )
    (run,) = store.runs.list(active=True)
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    assert claim.customer == now_called, "the run that was queued uses the new login"


def test_it_is_known_what_a_run_under_way_has_not_tried(store: CompanyStore, settings: Settings) -> None:
    """New secrets, and old ones with another user name."""
    customer = store.customers.add(UTILITY, "typo@example.org", secrets=PASSWORD)
    database = Database(settings, settings.home)

    def changed_since(at: datetime) -> bool:
        with database.reading() as session:
            return credentials.saved_since(session, customer, at)

    def instant() -> datetime:
        with database.reading() as session:
            return now(session)

    began = instant()
    assert not changed_since(began)
    store.customers.update(customer, username="TYPO@example.org", secrets={})
    assert not changed_since(began)
    store.customers.update(customer, secrets={SecretKind.TOTP_SECRET: "JBSWY3DP"})
    assert changed_since(began)
    began = instant()
    assert not changed_since(began)
    store.customers.update(customer, username=USERNAME, secrets={})
    assert changed_since(began)
    database.close()


def test_a_login_that_no_portal_accepted_is_given_up_for_another_utility(
    store: CompanyStore, rows: Rows
) -> None:
    customer = store.customers.create(UTILITY)
    store.customers.choose_utility(customer, "other_power")
    store.customers.choose_utility(customer, UTILITY)
    store.customers.update(customer, username=USERNAME, secrets=PASSWORD)
    (run,) = store.runs.list(active=True)
    claim = claimed(store, run.id, 1)
    assert claim is not None
    with pytest.raises(RunRefused, match="under way"):
        store.customers.choose_utility(claim.customer, "other_power")
    store.logins.reject(claim.customer, "canary-51d0", Outcome.BAD_CREDENTIALS, "No.")
    store.credentials.save_session(claim.customer, b"state", trusted_since=None)
    again = FollowUp(next_kind=RunKind.CONNECT, must_reauthenticate="bad_credentials: No.")
    store.runs.finish(claim.lease, Outcome.BAD_CREDENTIALS, "No.", follow=again)
    store.customers.choose_utility(customer, "other_power")
    found = store.customers.by_id(customer.id)
    assert found == Customer(customer.id, customer.company_id, 0, "other_power", "")
    info = store.customers.info(found)
    assert (info.state, info.reason, info.secrets) == (CustomerState.NEW, "", frozenset())
    assert info.session_saved_at is None
    assert not rows("SELECT * FROM sent_password")
    assert not store.runs.list(active=True)
    store.customers.update(found, username=OTHER, secrets=PASSWORD)
    (run,) = store.runs.list(active=True)
    assert (run.utility, run.username) == ("other_power", OTHER)
    _back(store, store.customers.by_id(customer.id) or found)
    with pytest.raises(AlreadyThere, match=f"connected at other_power: add another one for {UTILITY}"):
        store.customers.choose_utility(found, UTILITY)


def test_another_customers_login_or_external_id_is_refused(store: CompanyStore) -> None:
    one = store.customers.add(UTILITY, USERNAME, external_id="X1", secrets={})
    two = store.customers.add(UTILITY, OTHER, secrets={})
    with pytest.raises(AlreadyThere, match=f"as customer {one.id}"):
        store.customers.update(two, username=USERNAME, secrets={})
    with pytest.raises(AlreadyThere, match=f"as customer {one.id}"):
        store.customers.update(two, external_id="X1", secrets={})
    assert store.customers.info(two).username == OTHER


def test_customers_are_found_by_id_external_id_or_user_name(store: CompanyStore) -> None:
    one = store.customers.add(UTILITY, USERNAME, external_id="77", secrets={})
    two = store.customers.add("other_power", USERNAME, secrets={})
    three = store.customers.add(UTILITY, OTHER, secrets={})
    assert store.customers.find(str(two.id)) == two
    assert store.customers.find("77") == one
    assert store.customers.find(f" {OTHER.upper()}") == three
    for nobody in ("78", "nobody", "", "9" * 30, "²"):
        assert store.customers.find(nobody) is None
    with pytest.raises(StorageError, match=f"{one.id} at {UTILITY}, {two.id} at other_power"):
        store.customers.find(USERNAME)
    store.customers.remove(two, data=False)
    assert store.customers.find(USERNAME) == one


def test_a_removed_customer_leaves_data_and_no_secret(store: CompanyStore, rows: Rows) -> None:
    """The key that opened anything is gone, whatever copy of a ciphertext is still about."""
    customer = store.customers.add(UTILITY, USERNAME, external_id="X1", secrets=PASSWORD)
    other = store.customers.add(UTILITY, OTHER, secrets=PASSWORD)
    _back(store, customer)
    account = _collected(store, customer)
    store.credentials.save_session(customer, b"state", trusted_since=None)
    store.logins.reject(customer, "x", Outcome.BAD_CREDENTIALS, "No.")
    store.logins.reject(other, "x", Outcome.BAD_CREDENTIALS, "No.")
    store.runs.refresh([customer.id])
    held = begun(store, customer)
    challenge = store.challenges.open(held, Challenge("Code?"), timedelta(minutes=5))
    store.challenges.answer(challenge, {"code": "123"})
    store.customers.remove(customer, data=False)
    info = store.customers.info(customer)
    assert (info.state, info.secrets, info.session_saved_at) == (CustomerState.REMOVED, frozenset(), None)
    assert (info.accounts, info.bills, info.readings) == (1, 1, 3)
    assert (info.bills_due_at, info.intervals_due_at) == (None, None)
    assert rows("SELECT key_id, length(wrapped_key) FROM customer WHERE id = :id", id=customer.id) == [
        ("", 0)
    ]
    assert rows("SELECT answer, state FROM challenge") == [(None, "expired")]
    assert not store.credentials.run_context(customer).may_collect
    assert store.readings.coverage(account)
    assert store.logins.rejection(customer, "x") is None
    assert store.logins.rejection(other, "x") is not None, "another's is another's"
    states = {run.kind: (run.state, run.id) for run in store.runs.list(customer_id=customer.id)}
    assert states[RunKind.COLLECT][0] == RunState.CANCELLED
    assert states[RunKind.SCRAPE] == (RunState.WAITING, held.run_id)
    assert [beat.cancelled for beat in store.farm.workforce.heartbeat()] == [True]
    with pytest.raises(StorageError, match="was removed"):
        store.credentials.save_session(customer, b"late", trusted_since=None)
    with pytest.raises(StorageError, match="was removed"):
        store.credentials.save(customer, PASSWORD)
    with pytest.raises(StorageError, match="was removed"):
        store.logins.reject(customer, "x", Outcome.BAD_CREDENTIALS, "No.")
    with pytest.raises(StorageError, match="was removed"):
        store.customers.update(customer, secrets=PASSWORD)
    assert store.customers.info(other).state == CustomerState.ACTIVE


def test_a_removed_customer_comes_back_with_another_key(store: CompanyStore, rows: Rows) -> None:
    customer = store.customers.add(UTILITY, USERNAME, external_id="X1", secrets=PASSWORD, method="form")
    (before,) = rows("SELECT wrapped_key FROM customer")
    _back(store, customer)
    _collected(store, customer)
    store.customers.remove(customer, data=False)
    store.customers.remove(customer, data=False)
    with pytest.raises(AlreadyThere, match=r"which was removed"):
        store.customers.add(UTILITY, OTHER, external_id="X1", secrets={})
    again = store.customers.add(UTILITY, USERNAME.upper(), secrets=PASSWORD, method="letter")
    assert again.id == customer.id
    info = store.customers.info(again)
    assert (info.state, info.external_id, info.bills) == (CustomerState.ACTIVE, "X1", 1)
    assert store.credentials.run_context(again).may_collect
    consents = rows("SELECT method, revoked_at IS NULL FROM consent ORDER BY id")
    assert consents == [("form", False), ("letter", True)]
    assert rows("SELECT wrapped_key FROM customer") != [before]
    assert [run.kind for run in store.runs.list(active=True)] == [RunKind.CONNECT]


def test_a_removed_customer_comes_back_by_being_used_at_the_command_line(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.customers.remove(customer, data=False)
    assert store.customers.ensure(UTILITY, USERNAME) == customer
    assert store.credentials.run_context(customer).may_collect
    store.credentials.save_session(customer, b"state", trusted_since=None)


def test_with_its_data_nothing_of_a_customer_stays(store: CompanyStore, rows: Rows) -> None:
    customer = store.customers.add(UTILITY, USERNAME, external_id="X1", secrets=PASSWORD)
    _back(store, customer)
    _collected(store, customer)
    store.logins.reject(customer, "x", Outcome.BAD_CREDENTIALS, "No.")
    store.customers.remove(customer, data=True)
    for table in ("customer", "login", "credential", "consent", "account", "reading", "run", "event", "file"):
        assert rows(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608 - a test's own
    assert not list(store.files.leftovers(-1))
    assert store.customers.find("X1") is None
    with pytest.raises(StorageError, match="was removed"):
        store.customers.info(customer)
    assert store.customers.add(UTILITY, USERNAME, secrets=PASSWORD).id > customer.id


def test_what_the_portal_asked_of_a_login_is_remembered(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)
    assert store.logins.last_factor(customer) == ""
    store.logins.note_factor(customer, "sms")
    assert store.logins.last_factor(customer) == "sms"


def test_ten_thousand_customers_are_listed_in_two_queries(store: CompanyStore, rows: Rows) -> None:
    customer = store.customers.add(UTILITY, "number 0", secrets=PASSWORD)
    _back(store, customer)
    store.credentials.save_session(customer, b"state", trusted_since=None)
    rows(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) INSERT INTO login"
        " (utility, username, factor) SELECT utility, 'number ' || i, '' FROM n, login WHERE id = :id",
        id=customer.login_id,
    )
    rows(
        "INSERT INTO customer (company_id, login_id, utility, username, state, reason, since, faults, key_id,"
        " wrapped_key, created_at, unlock_continuous, revision) SELECT company_id, login.id, login.utility,"
        " login.username, state, reason, since, faults, key_id, wrapped_key, created_at, unlock_continuous,"
        " revision FROM customer, login"
        " WHERE login.id <> customer.login_id"
    )
    for table, columns in {
        "credential": "kind, question, ciphertext, saved_at",
        "saved_session": "version, ciphertext, saved_at",
        "run": "kind, state, parts, why, attempt, fence, worker, not_before, cancelled, asked, outcome,"
        " message, session, pages, evidence, seconds, requested_at, ended_at, login_id",
    }.items():
        given = ", ".join(f"its.{name}" for name in columns.split(", "))
        rows(
            f"INSERT INTO {table} (company_id, customer_id, {columns}) SELECT its.company_id, customer.id,"  # noqa: S608
            f" {given} FROM {table} its, customer WHERE customer.id <> its.customer_id"
        )
    rows("ANALYZE")
    asked: list[str] = []
    event.listen(
        store.farm._farm.database.engine,
        "before_cursor_execute",
        lambda *given: asked.append(given[2].split()[0]),
    )
    everybody = store.customers.list()
    assert len(everybody) == 10_000
    assert all(info.last_run and info.session_saved_at and info.secrets for info in everybody)
    assert everybody[0].readings is None
    assert asked.count("SELECT") + asked.count("WITH") <= 2


def test_due_times_are_told(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)
    (run,) = store.runs.list()
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    due = run.requested_at + timedelta(days=1)
    follow = FollowUp(is_back=True, due={Part.BILLS: due})
    store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=follow)
    info = store.customers.info(customer)
    assert (info.bills_due_at, info.intervals_due_at) == (due, None)
