"""The commands about mail: what went out, whether the server takes it, and `mail-in` as a process."""

from __future__ import annotations

import re
import signal
import smtplib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from meterfarm.records import Mail
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.mail import queue_mail
from meterfarm.storage.store import CompanyStore
from tests.console.command import Command
from tests.farm.mails_made import AUTHSERV, DOMAIN, SENDER, mail
from tests.farm.smtp_sink import Sink, smtp_sink
from tests.scrape.command import start
from tests.services.printed import PDF

TEST = "bills+test@in.farm.example"
HEADER = "id\tcompany\tto\tabout\tstate\ttries\tsince\tnext_at\tended_at\tfault"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with smtp_sink() as sink:
        monkeypatch.setenv("METERFARM_SMTP_URL", f"smtp+plain://127.0.0.1:{sink.port}")
        monkeypatch.setenv("METERFARM_MAIL_FROM", "noreply@farm.example")
        yield sink


def test_a_mail_is_tried_and_those_that_wait_are_listed(
    command: Command, store: CompanyStore, sink: Sink
) -> None:
    ran = command("mail", "test", "ada@example.com")
    assert (ran.status, ran.stdout) == (
        0,
        f"The mail server 127.0.0.1:{sink.port} took a mail to ada@example.com.\n",
    )
    assert sink.taken[0].message["Subject"] == "Meterfarm sends mail"
    sink.to_recipients[:] = ["550 no such user"]
    ran = command("mail", "test", "bea@example.com")
    assert (ran.status, "refuses the recipient (550 no such user)." in ran.stdout) == (1, True)
    assert command("mail", "test", "bea").status == 2

    assert command("mail", "list").stdout.splitlines() == [HEADER]
    queue_mail(store, Mail("bea@example.com", "canary", "canary"))
    (due,) = store.farm.mails.take(1, timedelta(seconds=1))
    store.farm.mails.settle(due, "It is \x1b[31mfull.", timedelta(minutes=1))
    ran = command("mail", "list", "--failed")
    assert "bea@example.com" in ran.stdout
    assert "\x1b[31mfull" not in ran.stdout
    assert "canary" not in ran.stdout + command("mail", "list", "--json").stdout


def test_a_mail_server_without_a_sender_is_one_sentence(
    command: Command, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("METERFARM_MAIL_FROM")
    ran = command("mail", "test", "ada@example.com")
    assert (ran.status, ran.stderr.count("\n")) == (1, 1)
    assert "METERFARM_SMTP_URL is set, and METERFARM_MAIL_FROM is not" in ran.stderr
    monkeypatch.delenv("METERFARM_SMTP_URL")
    ran = command("mail", "test", "ada@example.com")
    assert (ran.status, ran.stderr) == (
        1,
        "meterfarm: No mail goes out from here: set METERFARM_SMTP_URL and METERFARM_MAIL_FROM.\n",
    )


def test_mail_in_takes_a_bill_and_ends_when_asked_to(store: CompanyStore, command: Command) -> None:
    assert "need METERFARM_MAIL_IN_ADDRESS" in command("mail-in").stderr
    farm = store.farm
    change_company(farm, farm.companies.only(), ChangeCompany(mail_domains=[DOMAIN]))
    names = {"METERFARM_MAIL_IN_ADDRESS": "bills@in.farm.example", "METERFARM_MAIL_IN_AUTHSERV_ID": AUTHSERV}
    with start(farm.home, "mail-in", "--port", "0", **names) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"is received at 127\.0\.0\.1:(\d+); Ctrl-C stops it", line)
        assert found is not None, line
        with smtplib.SMTP("127.0.0.1", int(found[1]), timeout=30) as client:
            client.sendmail(SENDER, [TEST], mail(("bill.pdf", "application/pdf", PDF)))
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert len(store.bills.list(None)) == 1
