"""The `customer` and `vault` commands as a person or a program runs them."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path
from typing import Any

import pytest

from meterfarm.records import CustomerState, SecretKind
from meterfarm.services.customers import find_customer
from meterfarm.services.errors import Conflict
from meterfarm.storage.store import CompanyStore
from meterfarm.utilities.speculoos_power.script import SpeculoosPower
from tests.console.asked import UTILITY, customer
from tests.console.command import Command
from tests.forked import at_terminal
from tests.scrape.command import environment, meterfarm
from tests.scrape.terminal import Terminal

PASSWORD = "correct horse battery"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"
ADA = ("speculoos_power", "--username", "ada@bayou.energy")


def _json(command: Command, *arguments: str) -> Any:
    ran = command(*arguments, "--json")
    assert ran.status == 0, ran.stderr
    return json.loads(ran.stdout)


def test_adding_keeps_the_secrets_and_queues_a_run(home: Path, command: Command, store: CompanyStore) -> None:
    """The lines of standard input are password, TOTP secret, security answer, and answers to questions.

    A byte order mark before them, as some shells write it, is none of the password's.
    """
    secrets = f"\ufeff{PASSWORD}\n{TOTP_SECRET}\nwaffles, of course\nRex\nMain St\n"
    questions = ("--security-answer-to", "Your pet?", "--security-answer-to", "Your street?")
    stdin = ("--security-answer-stdin", "--totp-secret-stdin", *questions, "--password-stdin")
    ran = meterfarm(home, "customer", "add", *ADA, "--external-id", "A-1", *stdin, stdin=secrets)
    assert (ran.status, ran.stdout) == (0, "customer 1 added; run 1 queued\n"), ran.stderr
    ada = find_customer(store, "A-1")
    assert {kind: secret.get_secret_value() for kind, secret in store.credentials.load(ada).items()} == {
        SecretKind.PASSWORD: PASSWORD,
        SecretKind.TOTP_SECRET: TOTP_SECRET,
        SecretKind.SECURITY_ANSWER: "waffles, of course",
    }
    answers = store.credentials.run_context(ada).answers
    assert answers["your pet"].get_secret_value() == "Rex"
    assert answers["your street"].get_secret_value() == "Main St"
    again = command("customer", "add", "speculoos_power", "--username", "Ada@Bayou.energy")
    assert (again.status, again.stdout) == (2, "")
    assert "customer 1 (external id A-1)" in again.stderr
    shown = _json(command, "customer", "show", "ada@bayou.energy")
    assert (shown["id"], shown["state"], shown["runs"][0]["kind"]) == (1, "active", "connect")
    assert shown["secrets"] == ["password", "security_answer", "totp_secret"]
    assert shown["since"].endswith("Z")
    told = command("customer", "show", "1")
    assert "ada@bayou.energy at speculoos_power" in told.stdout
    assert "security answer, answer to “your pet”, answer to “your street”" in " ".join(told.stdout.split())
    assert PASSWORD not in json.dumps(shown) + told.stdout


def test_a_portal_whose_address_is_not_set_is_told_at_once(
    command: Command, store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SpeculoosPower, "local_url", "")
    ran = command("customer", "add", *ADA)
    assert ran.status == 0
    assert "set METERFARM_PORTAL_URLS=speculoos_power=https://" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (("add", *ADA, "--password-stdin", "--totp-secret-stdin"), "pass\nnot!base32!\n", "TOTP secret is"),
        (("add", "speculoos_pwer", "--username", "ada@bayou.energy"), "", "did you mean speculoos_power?"),
        (("add", *ADA, "--password-stdin"), "", "password was to come on standard input"),
        (("add", "speculoos_power", "--username", "ada"), "", "e-mail address"),
        (
            ("add", "speculoos_power", "--username", "a\u200bda@bayou.energy"),
            "",
            "invisible character (U+200B)",
        ),
        (("add", *ADA, "--external-id", "A\x1b-1"), "", "external id has a control character (U+001B)"),
        (("add", *ADA, "--password-stdin"), "pass\x00word\n", "password has a control character (U+0000)"),
        (("show", "nobody"), "", "There is no customer “nobody”"),
        (("update", "nobody"), "", "nothing to change"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    command: Command, arguments: tuple[str, ...], stdin: str, says: str
) -> None:
    ran = command("customer", *arguments, stdin=stdin)
    assert (ran.status, ran.stdout) == (2, "")
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert "not!base32!" not in ran.stderr


def test_changing_removing_and_listing(home: Path, command: Command, store: CompanyStore) -> None:
    ada, bea = customer(store, "ada"), customer(store, "bea")
    changed = meterfarm(
        home, "customer", "update", "X-ada", "--external-id", "", "--username", "Ada@bayou.energy"
    )
    assert (changed.status, changed.stdout) == (0, "customer 1 updated; run 1 queued\n"), changed.stderr
    taken = command("customer", "update", str(ada.id), "--external-id", "X-bea")
    assert taken.status == 2
    assert f"customer {bea.id}" in taken.stderr
    asked = command("customer", "remove", "X-bea")
    assert asked.status == 2
    assert "--yes" in asked.stderr
    assert store.credentials.load(bea)
    assert _json(command, "customer", "remove", "X-bea", "--yes")["removed"] is True
    again = command("customer", "remove", "X-bea", "--yes")
    assert "removed already; --data" in again.stderr
    back = command("customer", "update", "X-bea", "--external-id", "other")
    assert "bring it back with `customer add`" in back.stderr
    listed = _json(command, "customer", "list")
    assert [(one["username"], one["external_id"], one["state"]) for one in listed] == [
        ("Ada@bayou.energy", None, CustomerState.ACTIVE),
        ("bea@bayou.energy", "X-bea", CustomerState.REMOVED),
    ]
    assert command("customer", "remove", "2", "--yes", "--data").status == 0
    assert [one.id for one in store.customers.list()] == [ada.id]


def test_a_user_name_that_several_have_names_nobody(store: CompanyStore) -> None:
    customer(store, "ada")
    store.customers.add("another_utility", "ada@bayou.energy", secrets={})
    with pytest.raises(Conflict, match="name one by its id"):
        find_customer(store, "Ada@bayou.energy")


def test_importing_a_file(home: Path, command: Command, store: CompanyStore) -> None:
    """What is refused is told by its line, the rest goes in, and the status says so."""
    file = home / "customers.csv"
    file.write_text(
        "utility,username,password\n" + f"{UTILITY},ada@bayou.energy,{PASSWORD}\nzzz,b@c.example,x\n"
    )
    file.chmod(0o644)
    refused = command("customer", "import", str(file))
    assert (refused.status, store.customers.list()) == (2, [])
    assert "chmod 600" in refused.stderr
    file.chmod(0o600)
    ran = command("customer", "import", str(file))
    assert (ran.status, ran.stdout) == (2, "1 added, 1 refused\n")
    assert ran.stderr.startswith("line 3: there is no such utility")
    file.write_text(f"utility,username,password\n{UTILITY},bea@bayou.energy,\n")
    assert _json(command, "customer", "import", str(file)) == {"added": 1, "refused": []}
    assert (
        store.credentials.load(find_customer(store, "ada@bayou.energy"))[
            SecretKind.PASSWORD
        ].get_secret_value()
        == PASSWORD
    )


def test_at_a_terminal_secrets_are_asked_for_without_echo(home: Path, store: CompanyStore) -> None:
    """Enter means no password yet; removing asks first."""
    for command, answers in (
        (("add", *ADA), [("Password of", PASSWORD)]),
        (("add", UTILITY, "--username", "bea@bayou.energy"), [("Enter: none yet", "")]),
        (("update", "2", "--password-stdin"), [("The password: ", PASSWORD)]),
        (("remove", "1"), [("Remove customer 1", "y")]),
    ):
        ours, theirs = pty.openpty()
        with at_terminal(
            ["customer", *command], environment(home, TERM="xterm"), home.parent, theirs
        ) as process:
            terminal = Terminal(ours)
            for asks, answer in answers:
                terminal.expect(asks)
                os.write(ours, f"{answer}\n".encode())
            terminal.expect("customer ")
            assert process.wait(60) == 0, terminal.shown
        os.close(theirs)
        os.close(ours)
        assert PASSWORD not in terminal.shown
    ada, bea = store.customers.list()
    assert (ada.state, bea.secrets) == (CustomerState.REMOVED, frozenset({SecretKind.PASSWORD}))


def test_rotating_the_vault_keeps_what_is_sealed(home: Path, command: Command, store: CompanyStore) -> None:
    ada = customer(store, "ada")
    before = (home / "vault.key").read_text()
    ran = command("vault", "rotate")
    assert ran.status == 0, ran.stderr
    said, warned, _ = ran.stdout.split("\n", 2)
    count, _, key_id = said.partition(" data key now wrapped with key ")
    assert (count, len(key_id)) == ("1", 16)
    assert "the one before, which backups from before still need" in warned
    assert (home / "vault.key").read_text() != before
    assert SecretKind.PASSWORD in store.credentials.load(ada)
    (home / "vault.key").write_text(before)
    refused = command("customer", "list")
    assert refused.status == 1
    assert "vault" in refused.stderr
