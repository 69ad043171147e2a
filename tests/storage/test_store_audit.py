"""Whoever opens what is sealed is written down before they have it, and no row is ever changed."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from meterfarm.records import Challenge, Factor, MailSecurity, RunKind, SecretKind
from meterfarm.storage import StorageError
from meterfarm.storage.audit import command_of
from meterfarm.storage.channels import MailAccount
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import CompanyStore
from tests.storage.made import USERNAME, UTILITY, begun, key
from tests.storage.opening import ON_BOTH, OpenStore, Rows

ROOT = Path(__file__).parents[2]
SECRETS = {SecretKind.PASSWORD: "canary-40cf", SecretKind.TOTP_SECRET: "canary-77aa"}
_TAKER = """
import os, signal, sys
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store

with Store.open(Settings()).of() as store:
    claim, run_context = store.farm.runs.take(int(sys.argv[1]), 1)
    print(len(run_context.secrets), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _added(store: CompanyStore) -> Customer:
    return store.customers.add(UTILITY, USERNAME, secrets=SECRETS)


def _taken(store: CompanyStore, customer: Customer) -> Lease:
    (run,) = store.runs.list(customer_id=customer.id, active=True)
    taken = store.farm.runs.take(run.id, run.attempt)
    assert taken is not None
    claim, run_context = taken
    assert run_context is not None
    assert run_context.secrets[SecretKind.PASSWORD].get_secret_value() == SECRETS[SecretKind.PASSWORD]
    return claim.lease


@ON_BOTH
def test_taking_a_run_tells_who_was_given_which_secrets_and_what_for(store: CompanyStore) -> None:
    customer = _added(store)
    store.credentials.save_session(customer, b"{}", trusted_since=None)
    assert not store.audit.list()
    lease = _taken(store, customer)
    (read,) = store.audit.list()
    assert sorted(read.kinds) == ["password", "session", "totp_secret"]
    assert (read.run_id, read.customer_id, read.mailbox_id) == (lease.run_id, customer.id, None)
    assert f":{os.getpid()}" in read.process
    assert read.command == command_of(sys.argv)
    assert abs(datetime.now(UTC) - read.at) < timedelta(minutes=1)


@ON_BOTH
def test_a_run_that_is_not_to_be_had_opens_nothing(store: CompanyStore) -> None:
    customer = _added(store)
    (run,) = store.runs.list(customer_id=customer.id)
    assert store.farm.runs.take(run.id, run.attempt + 1) is None
    assert not store.audit.list()


@ON_BOTH
def test_a_process_that_is_killed_at_once_has_left_its_row(
    store: CompanyStore, environment: Mapping[str, str]
) -> None:
    customer = _added(store)
    (run,) = store.runs.list(customer_id=customer.id)
    ended = subprocess.run(
        [sys.executable, "-c", _TAKER, str(run.id)],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "2\n"), ended.stderr
    (read,) = store.audit.list()
    assert (read.run_id, sorted(read.kinds)) == (run.id, ["password", "totp_secret"])


@ON_BOTH
def test_every_way_to_a_secret_leaves_a_row(store: CompanyStore) -> None:
    customer = _added(store)
    store.credentials.save_session(customer, b"{}", trusted_since=None)
    store.credentials.load(customer)
    store.credentials.run_context(customer)
    account = MailAccount("mail.example", 993, MailSecurity.TLS, "codes", "INBOX")
    mailbox = store.channels.add_mailbox(account, "canary-b1", [customer])
    store.channels.mailbox_password(mailbox)
    kinds = [tuple(sorted(read.kinds)) for read in store.audit.list()]
    assert kinds == [
        ("mailbox_password",),
        ("password", "session", "totp_secret"),
        ("password", "totp_secret"),
    ]
    newest = store.audit.list(limit=1)[0]
    assert (newest.mailbox_id, newest.customer_id) == (mailbox, None)


@ON_BOTH
def test_an_answer_that_a_run_takes_is_told(store: CompanyStore) -> None:
    customer = _added(store)
    lease = _taken(store, customer)
    asked = store.challenges.open(lease, Challenge("Code?", Factor.SMS), timedelta(minutes=1))
    store.challenges.answer(asked, {"text": "0815"})
    assert store.challenges.take_answer(lease, asked) == {"text": "0815"}
    read = store.audit.list(limit=1)[0]
    assert (read.kinds, read.run_id, read.customer_id) == (("answer",), lease.run_id, customer.id)


@ON_BOTH
def test_what_the_holder_of_a_run_opens_names_the_run(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    store.credentials.save(customer, SECRETS)
    lease = begun(store, customer, RunKind.SCRAPE)
    store.holding(lease).credentials.run_context(customer)
    store.credentials.run_context(customer)
    assert [read.run_id for read in store.audit.list()] == [None, lease.run_id]


@ON_BOTH
def test_a_secret_that_does_not_open_is_told_of_and_the_run_is_taken_all_the_same(
    store: CompanyStore, rows: Rows
) -> None:
    customer = _added(store)
    rows("UPDATE credential SET ciphertext = :junk", junk=b"junk" * 10)
    (run,) = store.runs.list(customer_id=customer.id)
    taken = store.farm.runs.take(run.id, run.attempt)
    assert taken is not None
    assert taken[1] is None
    assert [read.run_id for read in store.audit.list()] == [run.id]
    with pytest.raises(StorageError, match="does not open"):
        store.holding(taken[0].lease).credentials.run_context(customer)


@ON_BOTH
def test_no_secret_is_opened_where_it_could_not_be_written_down(store: CompanyStore) -> None:
    customer = _added(store)
    sealed = b"whatever"
    with store.farm._farm.database.reading() as session:
        with pytest.raises(RuntimeError, match="write it down"):
            identity.unseal(session, store.farm._farm.vault, customer, "session", sealed)


@ON_BOTH
def test_rows_are_neither_changed_nor_deleted(store: CompanyStore, rows: Rows) -> None:
    customer = _added(store)
    store.credentials.load(customer)
    for statement in ("UPDATE vault_read SET kinds = ''", "DELETE FROM vault_read"):
        with pytest.raises(DBAPIError, match="neither changed nor"):
            rows(statement)
    store.customers.remove(customer, data=True)
    assert [read.customer_id for read in store.audit.list()] == [customer.id]


@ON_BOTH
def test_rows_of_more_than_a_year_ago_may_be_forgotten(store: CompanyStore, rows: Rows) -> None:
    customer = _added(store)
    store.credentials.load(customer)
    rows(
        "INSERT INTO vault_read (company_id, at, process, command, kinds)"
        " SELECT company_id, '2020-01-01 00:00:00.000000', process, command, kinds FROM vault_read"
    )
    assert len(store.audit.list()) == 2
    assert store.farm.audit.forget() == 1
    assert store.farm.audit.forget() == 0
    assert [read.customer_id for read in store.audit.list()] == [customer.id]


@ON_BOTH
def test_reads_are_found_by_customer_and_time(store: CompanyStore) -> None:
    ada, bea = _added(store), store.customers.add(UTILITY, "bea@bayou.energy", secrets=SECRETS)
    for customer in (ada, bea, ada):
        store.credentials.load(customer)
    assert [read.customer_id for read in store.audit.list()] == [ada.id, bea.id, ada.id]
    assert len(store.audit.list(customer_id=ada.id)) == 2
    assert len(store.audit.list(limit=1)) == 1
    last = store.audit.list()[0].at
    assert len(store.audit.list(since=last)) == 1
    assert not store.audit.list(since=last + timedelta(microseconds=1))


@ON_BOTH
def test_no_row_holds_a_secret(store: CompanyStore, rows: Rows, open_store: OpenStore) -> None:
    _taken(store, _added(store))
    assert "canary" not in str(rows("SELECT * FROM vault_read"))
    assert open_store().audit.list()


def test_only_what_writes_it_down_opens_secrets() -> None:
    """Each function that calls the vault's ``unseal`` calls ``audit.note`` before it."""
    found = 0
    for path in sorted((ROOT / "storage").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef) or path.name == "vault.py":
                continue
            calls = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
            if any(call.endswith("vault.unseal") for call in calls):
                found += 1
                assert "audit.note" in calls, f"{path.name}: {function.name}"
    assert found == 6


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["/a/worker.py", "--queue", "data"], "worker"),
        (["/a/cli.py", "scrape", "speculoos_power"], "scrape"),
        (["/usr/bin/meterfarm", "mailbox", "check", "3"], "mailbox"),
        (["-c"], "-c"),
        ([], "python"),
    ],
)
def test_a_command_is_named_without_what_it_was_given(arguments: list[str], command: str) -> None:
    assert command_of(arguments) == command


@ON_BOTH
def test_reads_survive_a_new_master_key(store: CompanyStore, open_store: OpenStore, backend: str) -> None:
    customer = _added(store)
    store.credentials.load(customer)
    if backend == "sqlite":
        store.farm.rotate_keys()
        again = open_store()
    else:
        again = open_store(secret_keys=f"{key(5)},{key(9)}")
        again.farm.rotate_keys()
    again.credentials.load(customer)
    assert len(again.audit.list(customer_id=customer.id)) == 2
