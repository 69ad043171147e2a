"""Secrets are encrypted, bound to their owner, and gone when the customer is removed."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meterfarm.records import Outcome, SecretKind
from meterfarm.storage import StorageError
from meterfarm.storage.customers import RunContext
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.storage.vault import MasterKey, Vault
from tests.storage.made import (
    ACCOUNT,
    EXPORT,
    USERNAME,
    UTILITY,
    begun,
    bill,
    key,
    listed,
    pdf,
    save_bill,
    series,
)
from tests.storage.opening import OpenStore

CANARY = "canary-7f3a91"


def _bytes_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def test_no_secret_is_legible_in_the_files(store: CompanyStore, home: Path) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.credentials.save_session(customer, f"cookie {CANARY}".encode(), trusted_since=None)
    store.logins.reject(customer, CANARY, Outcome.BAD_CREDENTIALS, "Wrong password.")
    assert CANARY.encode() not in _bytes_of(home)
    store.close()
    assert CANARY.encode() not in _bytes_of(home)


def test_a_session_comes_back_until_it_is_dropped(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    assert store.credentials.run_context(customer).session is None
    trusted = datetime(2026, 1, 2, tzinfo=UTC)
    store.credentials.save_session(customer, b"one", trusted_since=None)
    store.credentials.save_session(customer, b"two", trusted_since=trusted)
    saved = store.credentials.run_context(customer).session
    assert saved is not None
    assert (saved.state, saved.version, saved.trusted_since) == (b"two", 2, trusted)
    assert b"two" not in repr(saved).encode()
    store.credentials.drop_session(customer)
    assert store.credentials.run_context(customer).session is None


def test_who_holds_a_run_saves_a_session_only_if_it_changed(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.credentials.save_session(customer, b"one", trusted_since=None)

    def version() -> int:
        saved = store.credentials.run_context(customer).session
        return saved.version if saved else 0

    holder = store.holding(begun(store, customer))
    holder.credentials.save_session(customer, b"one", trusted_since=None)
    assert version() == 2, "it was not loaded"
    for state, trusted, expected in (
        (b"one", None, 2),
        (b"two", None, 3),
        (b"two", None, 3),
        (b"one", None, 4),
        (b"one", datetime(2026, 1, 2, tzinfo=UTC), 5),
    ):
        holder.credentials.save_session(customer, state, trusted_since=trusted)
        assert version() == expected
    store.credentials.save_session(customer, b"other", trusted_since=None)
    for _ in range(2):
        before = version()
        holder.credentials.run_context(customer)
        holder.credentials.save_session(customer, b"other", trusted_since=None)
        assert version() == before
    holder.credentials.drop_session(customer)
    holder.credentials.save_session(customer, b"other", trusted_since=None)
    assert version() == 1


def test_a_briefing_is_what_a_run_needs_at_its_start(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets={SecretKind.PASSWORD: CANARY})
    assert store.credentials.run_context(customer) == RunContext(
        may_collect=True, secrets=store.credentials.load(customer), factor="", session=None
    )
    store.logins.note_factor(customer, "sms")
    store.credentials.save_session(customer, b"state", trusted_since=None)
    run_context = store.credentials.run_context(customer)
    assert (run_context.factor, run_context.session) == (
        "sms",
        store.credentials.run_context(customer).session,
    )
    assert run_context.secrets[SecretKind.PASSWORD].get_secret_value() == CANARY
    assert CANARY not in repr(run_context)
    assert "state" not in repr(run_context.session)
    store.customers.remove(customer, data=False)
    assert store.credentials.run_context(customer) == RunContext(
        may_collect=False, secrets={}, factor="sms", session=None
    )


def test_a_session_that_does_not_open_is_told_of_in_the_briefing(store: CompanyStore, home: Path) -> None:
    customer = store.customers.add(UTILITY, USERNAME, secrets={SecretKind.PASSWORD: CANARY})
    store.credentials.save_session(customer, b"state", trusted_since=None)
    with sqlite3.connect(home / "meterfarm.db") as database:
        database.execute("UPDATE saved_session SET ciphertext = 'short'")
    database.close()
    run_context = store.credentials.run_context(customer)
    assert run_context.session is None
    assert "does not open" in run_context.session_fault
    assert run_context.secrets[SecretKind.PASSWORD].get_secret_value() == CANARY


def test_trust_lasts_through_saves_that_do_not_mention_it(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    trusted = datetime(2026, 1, 2, tzinfo=UTC)
    for given, kept in (
        (trusted, trusted),
        (None, trusted),
        (trusted.replace(day=3), trusted.replace(day=3)),
    ):
        store.credentials.save_session(customer, b"state", trusted_since=given)
        saved = store.credentials.run_context(customer).session
        assert saved is not None
        assert saved.trusted_since == kept
    store.credentials.drop_session(customer)
    store.credentials.save_session(customer, b"state", trusted_since=None)
    fresh = store.credentials.run_context(customer).session
    assert fresh is not None
    assert fresh.trusted_since is None


def test_a_ciphertext_moved_to_another_customer_does_not_open(store: CompanyStore, home: Path) -> None:
    one, two = (
        store.customers.ensure(UTILITY, "one@example.org"),
        store.customers.ensure(UTILITY, "two@example.org"),
    )
    store.credentials.save_session(one, b"one", trusted_since=None)
    store.credentials.save_session(two, b"two", trusted_since=None)
    with sqlite3.connect(home / "meterfarm.db") as database:
        database.execute(
            "UPDATE saved_session SET ciphertext = (SELECT ciphertext FROM saved_session"
            " WHERE customer_id = ?) WHERE customer_id = ?",
            (one.id, two.id),
        )
    database.close()
    run_context = store.credentials.run_context(two)
    assert (run_context.session, "does not open" in run_context.session_fault) == (None, True)


@pytest.mark.parametrize("damaged", [b"", b"short", b"x" * 12, b"x" * 99, "text", 7])
def test_a_damaged_session_is_one_sentence_until_it_is_dropped(
    store: CompanyStore, home: Path, damaged: bytes | str | int
) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.credentials.save_session(customer, b"state", trusted_since=None)
    with sqlite3.connect(home / "meterfarm.db") as database:
        database.execute("UPDATE saved_session SET ciphertext = ?", (damaged,))
    database.close()
    run_context = store.credentials.run_context(customer)
    assert run_context.session is None
    assert re.fullmatch(r"The secret stored for [^.]* does not open: [^.]*\.", run_context.session_fault)
    store.credentials.drop_session(customer)
    store.credentials.save_session(customer, b"anew", trusted_since=None)
    saved = store.credentials.run_context(customer).session
    assert saved is not None
    assert saved.state == b"anew"


def test_a_wrapped_key_and_a_ciphertext_are_bound_to_what_they_belong_to() -> None:
    vault = Vault([MasterKey(b"k" * 32)])
    key_id, wrapped = vault.new_data_key("one")
    sealed = vault.seal(key_id, wrapped, "one", "session", b"state")
    assert vault.unseal(key_id, wrapped, "one", "session", sealed) == b"state"
    with pytest.raises(StorageError, match="does not open"):
        vault.unseal(key_id, wrapped, "one", "password", sealed)
    with pytest.raises(StorageError, match="does not open"):
        vault.rewrap(key_id, wrapped, "two")


def test_removal_destroys_the_key_and_leaves_nothing(store: CompanyStore, home: Path) -> None:
    """Neither the wrapped key, nor a ciphertext, a name or a file can be found afterwards."""
    customer, other = (
        store.customers.ensure(UTILITY, USERNAME),
        store.customers.ensure(UTILITY, "other@example.org"),
    )
    store.credentials.save_session(customer, b"state", trusted_since=None)
    account = store.accounts.save(customer, ACCOUNT)
    shared = store.accounts.save(other, ACCOUNT)
    save_bill(store, account, listed(), pdf(b"%PDF mine"), bill(), layout="l", layout_version=1)
    store.readings.save(account, EXPORT, "export", [series([1, 2, 3])])
    store.readings.save(shared, EXPORT, "export", [series([1, 2, 3])])
    store.runs.finish(begun(store, customer), Outcome.COMPLETE, "")
    with sqlite3.connect(home / "meterfarm.db") as database:
        (wrapped,) = database.execute(
            "SELECT wrapped_key FROM customer WHERE id = ?", (customer.id,)
        ).fetchone()
    database.close()
    assert wrapped in _bytes_of(home)
    store.customers.remove(customer, data=True)
    left = _bytes_of(home)
    assert wrapped not in left
    assert USERNAME.encode() not in left
    assert b"%PDF mine" not in left
    assert EXPORT.content in left, "another customer's document still refers to these bytes"
    with pytest.raises(StorageError, match="was removed"):
        store.credentials.save_session(customer, b"late", trusted_since=None)
    assert store.customers.ensure(UTILITY, USERNAME).id not in (customer.id, other.id)


def test_keys_rotate_and_the_old_one_can_go(open_store: OpenStore) -> None:
    old = open_store(key(1))
    customer = old.customers.ensure(UTILITY, USERNAME)
    old.credentials.save_session(customer, b"state", trusted_since=None)
    old.logins.reject(customer, "wrong", Outcome.BAD_CREDENTIALS, "No.")
    both = open_store(f"{key(2)},{key(1)}")
    assert both.farm.rewrap_keys() == 1
    assert both.farm.rewrap_keys() == 0
    new = open_store(key(2))
    rejection = new.logins.rejection(customer, "wrong")
    assert rejection is not None, "a refused password stays refused"
    assert rejection.message == "No."
    saved = new.credentials.run_context(customer).session
    assert saved is not None
    assert saved.state == b"state"


def test_a_wrong_key_is_refused_at_once(open_store: OpenStore) -> None:
    open_store(key(1)).customers.ensure(UTILITY, USERNAME)
    with pytest.raises(StorageError, match=r"add that key to METERFARM_SECRET_KEYS") as caught:
        open_store(key(2))
    assert key(1) not in str(caught.value)
    assert key(2) not in str(caught.value)


def test_a_missing_key_file_is_not_replaced_while_secrets_need_it(open_store: OpenStore, home: Path) -> None:
    open_store().customers.ensure(UTILITY, USERNAME)
    (home / "vault.key").unlink()
    with pytest.raises(StorageError, match=r"vault\.key is missing"):
        open_store()
    assert not (home / "vault.key").exists()


@pytest.mark.parametrize("text", ["", "short", "not base64 at all!", "\xff"])
def test_a_damaged_key_file_is_one_sentence(open_store: OpenStore, home: Path, text: str) -> None:
    open_store().close()
    (home / "vault.key").write_text(text, "latin-1")
    with pytest.raises(StorageError, match=r"vault\.key"):
        open_store()


def test_a_malformed_key_in_the_environment_is_not_repeated(open_store: OpenStore) -> None:
    with pytest.raises(StorageError, match="METERFARM_SECRET_KEYS") as caught:
        open_store("hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_database_address_needs_keys(home: Path) -> None:
    settings = Settings(home=home, database_url=f"sqlite:///{home / 'other.db'}")
    with pytest.raises(StorageError, match="METERFARM_SECRET_KEYS is not set"):
        Store.open(settings).of()


def test_settings_come_from_the_environment_and_mask_secrets(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERFARM_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{CANARY}@db/x")
    monkeypatch.setenv("METERFARM_SECRET_KEYS", CANARY)
    settings = Settings()
    assert settings.home == home
    assert CANARY not in repr(settings)
