"""`mailbox` and `number`: what goes in, what is shown of it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from meterfarm.records import Factor, MailSecurity
from meterfarm.storage.store import CompanyStore
from tests.console.asked import SMS, WAIT, customer, taken
from tests.console.command import Command
from tests.farm.post import PASSWORD, USER, Between, Post, free_port, post


@pytest.fixture(scope="module")
def house() -> Iterator[Post]:
    with post() as house:
        yield house


def _server(house: Post) -> str:
    return f"127.0.0.1:{house.imap}"


def test_a_mailbox_is_added_looked_into_and_shown_without_its_password(
    command: Command, store: CompanyStore, house: Post
) -> None:
    ada = customer(store, "ada")
    ran = command(
        *("mailbox", "add", "--imap", _server(house), "--user", USER, "--customer", "X-ada"),
        stdin=f"{PASSWORD}\n",
    )
    assert (ran.status, ran.stderr) == (0, ""), ran.stderr
    assert ran.stdout.startswith(f"mailbox 1 added; {USER} at 127.0.0.1:{house.imap} answers, has 0 mails")
    (listed,) = json.loads(command("mailbox", "list", "--json").stdout)
    assert (listed["security"], listed["customers"], listed["everybody"]) == ("none", [ada.id], False)
    assert (listed["well"], listed["fault"], listed["folder"]) == (True, "", "INBOX")
    assert json.loads(command("mailbox", "show", "1", "--json").stdout) == listed
    shown = command("mailbox", "show", "1").stdout + command("mailbox", "list").stdout
    assert "well" in shown
    assert PASSWORD not in shown + json.dumps(listed)
    same = ("mailbox", "add", "--imap", _server(house), "--user", USER, "--folder", "inbox")
    again = command(*same, stdin="other\n")
    assert again.status == 2
    assert "is there already as mailbox 1; change it with `mailbox update 1`" in again.stderr
    assert command("mailbox", "check").stdout.startswith("mailbox 1: codes@company.example at")
    unconfirmed = command("mailbox", "remove", "1")
    assert (unconfirmed.status, "give --yes" in unconfirmed.stderr) == (2, True)
    assert command("mailbox", "remove", "1", "--yes").status == 0
    assert command("mailbox", "list").stdout.startswith("id\thost\tport\t")


def test_one_with_very_many_mails_can_be_used(command: Command, house: Post) -> None:
    """All their numbers would not fit into a line that the IMAP library takes."""
    everything = b"* SEARCH " + b"1234567 " * 150_000
    many: dict[bytes, bytes] = {b" EXISTS": b"150000 EXISTS", b"* SEARCH": everything}

    def change(answer: bytes) -> bytes:
        for few, more in many.items():
            answer = answer.replace(few, more)
        return answer

    with Between(house.imap, change=change) as between:
        at = f"127.0.0.1:{between.port}"
        ran = command("mailbox", "add", "--imap", at, "--user", USER, stdin=f"{PASSWORD}\n")
    assert "150,000 mails" in ran.stdout, ran.stderr


def test_one_that_cannot_be_used_is_told_of_everywhere(
    command: Command, store: CompanyStore, house: Post
) -> None:
    ran = command("mailbox", "add", "--imap", _server(house), "--user", USER, stdin="wrong\n")
    assert ran.status == 0
    assert ran.stdout == "mailbox 1 added\n"
    assert "refuses the user name or the password" in ran.stderr
    assert "people have to answer" in ran.stderr
    checked = command("mailbox", "check", "--json")
    assert checked.status == 1
    assert "refuses" in json.loads(checked.stdout)[0]["fault"]
    doctor = command("doctor", "--json")
    assert doctor.status == 1
    (found,) = [one for one in json.loads(doctor.stdout) if one["check"] == "mailbox 1"]
    assert (found["health"], "refuses" in found["detail"]) == ("failed", True)
    mended = command("mailbox", "update", "1", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "updated; codes@company.example at" in mended.stdout
    assert command("mailbox", "check", "1").status == 0


@pytest.mark.parametrize(
    ("options", "security", "port"),
    [
        (["--imap", "imap.example.invalid"], MailSecurity.TLS, 993),
        (["--imap", "imap.example.invalid:143"], MailSecurity.STARTTLS, 143),
        (["--imap", "imap.example.invalid", "--starttls"], MailSecurity.STARTTLS, 143),
        (["--imap", "imap.example.invalid:1993", "--tls"], MailSecurity.TLS, 1993),
        (["--imap", "[::1]"], MailSecurity.NONE, 143),
        (["--imap", "127.0.0.1:993"], MailSecurity.TLS, 993),
        (["--imap", "localhost:1", "--tls"], MailSecurity.TLS, 1),
    ],
)
def test_a_password_leaves_this_machine_only_by_tls(
    command: Command, store: CompanyStore, options: list[str], security: MailSecurity, port: int
) -> None:
    ran = command("mailbox", "add", *options, "--user", USER, "--json", stdin="secret\n")
    assert ran.status == 0, ran.stderr
    assert json.loads(ran.stdout)["fault"]
    (one,) = store.channels.mailboxes()
    assert (one.account.security, one.account.port, one.everybody) == (security, port, True)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--imap", "imap.example.com", "--tls", "--starttls"], "either --tls or --starttls"),
        (["--imap", "https://imap.example.com"], "cannot be used: write HOST"),
        (["--imap", "imap.example.com:99999"], "up to 65535"),
        (["--imap", ""], "cannot be used: write HOST"),
        (["--imap", "::1"], "or [::1]:993"),
        (["--imap", "imap.example.com", "--folder", " "], "--folder is empty"),
        (["--imap", "imap.example.com", "--customer", "nobody"], "no customer “nobody”"),
        (["--imap", "imap.example.com", "--customer", "X-ada", "--all"], "either --customer or --all"),
    ],
)
def test_what_is_no_mailbox_is_refused(
    command: Command, store: CompanyStore, options: list[str], why: str
) -> None:
    customer(store, "ada")
    ran = command("mailbox", "add", *options, "--user", USER, stdin="secret\n")
    assert ran.status == 2
    assert why in ran.stderr
    assert store.channels.mailboxes() == []


def test_a_mailbox_needs_a_password_and_a_number_to_be_named_by(
    command: Command, store: CompanyStore
) -> None:
    ran = command("mailbox", "add", "--imap", f"127.0.0.1:{free_port()}", "--user", USER)
    assert ran.status == 2
    assert "password of the mailbox was to come on standard input" in ran.stderr
    for arguments in (["show", "7"], ["remove", "7", "--yes"], ["check", "7"]):
        ran = command("mailbox", *arguments)
        assert (ran.status, "There is no mailbox 7" in ran.stderr) == (2, True)


def test_a_number_receives_for_customers(command: Command, store: CompanyStore) -> None:
    ada, bea = customer(store, "ada"), customer(store, "bea")
    named = ("X-ada", str(bea.id), str(ada.id))
    added = command(
        "number", "add", "+1 (518) 555-0123", *(part for one in named for part in ("--customer", one))
    )
    assert added.stdout == "+15185550123 receives for customer 1, 2; `inbox` receives its messages\n"
    assert json.loads(command("number", "list", "--json").stdout) == [
        {"number": "+15185550123", "customers": [ada.id, bea.id]}
    ]
    listed = command("number", "list")
    assert listed.stdout == "number\tcustomers\n+15185550123\t1, 2\n"
    assert "No inbox is running" in listed.stderr
    (found,) = [one for one in json.loads(command("doctor", "--json").stdout) if one["check"] == "numbers"]
    assert found["health"] == "warning"
    twice = command("number", "add", "+15185550124", "--customer", "X-ada")
    assert twice.status == 2
    assert "customer 1 has the number +15185550123 already" in twice.stderr
    wrong = command("number", "add", "5185550123", "--customer", "X-ada")
    assert (wrong.status, "with its country's code" in wrong.stderr) == (2, True)
    assert command("number", "remove", "+15185550123", "--customer", "X-ada").status == 0
    assert command("number", "remove", "+15185550123").status == 0
    gone = command("number", "remove", "+15185550123")
    assert (gone.status, "There is no number" in gone.stderr) == (2, True)
    assert command("number", "list").stdout == "number\tcustomers\n"


def test_a_challenge_shows_what_answers_it_by_itself(
    command: Command, store: CompanyStore, home: Path
) -> None:
    claim = taken(store, "ada")
    challenge = store.challenges.open(claim.lease, SMS, WAIT)
    store.channels.note_channel(challenge, "number +15185550647: waits for the text message")
    (listed,) = json.loads(command("challenges", "--json").stdout)
    assert "number +15185550647: no inbox takes in text messages now" in listed["channel"]
    store.farm.sms.heartbeat("http://127.0.0.1:8700")
    table = command("challenges").stdout
    assert "number +15185550647:" in table
    (listed,) = json.loads(command("challenges", "--json").stdout)
    assert (listed["factor"], listed["channel"]) == (
        Factor.SMS,
        "number +15185550647: waits for the text message",
    )
    assert "waits for the text message" in command("run", "show", str(claim.lease.run_id)).stdout


def test_a_line_without_end_is_refused(house: Post, command: Command) -> None:
    ran = command("mailbox", "add", "--imap", _server(house), "--user", USER, stdin="x" * 200_000)
    assert ran.status == 2
    assert "longer than 64 KiB" in ran.stderr
