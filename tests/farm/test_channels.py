"""Shown as a whole: customers connect with nobody at hand, among messages that are none of theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.records import ChallengeState, MailSecurity, Outcome, RunKind
from meterfarm.storage.channels import MailAccount
from tests.fake_portal import fake_portal
from tests.farm.inboxes import TOKEN, RunningInbox, inbox, text_form
from tests.farm.post import PASSWORD, USER, Post, code_mail, free_port, post
from tests.farm.whole import farm_at, rows

EMAIL = "ineedmfa+email@bayou.energy"
TEXT = "ineedmfa+text_message@bayou.energy"
CHOICE = "ineedmfa+choice@bayou.energy"


@contextmanager
def _lying_about(house: Post, running: RunningInbox, number: str) -> Iterator[None]:
    """Meanwhile, again and again: an old mail, other people's, other kinds, and copies of all."""
    done = threading.Event()
    old = datetime.now(UTC) - timedelta(hours=2)

    def pester() -> None:
        twice = text_form(number, "555555", sid="SM" + "f" * 32)
        while not done.wait(1):
            house.put(code_mail(EMAIL, "111111", at=old, message_id="<old@speculoos.example>"), old)
            house.put(code_mail("somebody@else.example", "222222"))
            house.put(code_mail(EMAIL, "333333", sender="no-reply@speculoos.example.evil.example"))
            house.put(code_mail(EMAIL, "444444", subject="Reset your password"))
            running.post(text_form("+15185550000", "666666"))
            running.post(text_form(number, "777777", sender="+15185559999"))
            running.post(text_form(number, "888888", body="Your bill of $88 is ready, reference 888888."))
            running.post(twice, signature="bm90IHNpZ25lZA==")

    thread = threading.Thread(target=pester)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(20)


@pytest.mark.timeout(180)
def test_customers_connect_with_nobody_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One by mail, one by text message, one who may choose; no portal saw a wrong code."""
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    port = free_port()
    number, other = CUSTOMERS[TEXT].phone, CUSTOMERS[CHOICE].phone
    with (
        post() as house,
        fake_portal(
            home=tmp_path / "p",
            smtp=f"127.0.0.1:{house.smtp}",
            sms_webhook=f"http://127.0.0.1:{port}/sms",
        ) as url,
        farm_at(tmp_path / "h", url) as farm,
        inbox(farm, port) as running,
    ):
        channels = farm.store.channels
        by_mail, by_text, by_choice = farm.add(EMAIL), farm.add(TEXT), farm.add(CHOICE)
        customers = [by_mail, by_text, by_choice]
        account = MailAccount("127.0.0.1", house.imap, MailSecurity.NONE, USER)
        channels.add_mailbox(account, PASSWORD, [by_mail])
        channels.add_number(number, [by_text])
        channels.add_number(other, [by_choice])
        running.post(text_form(number, "999999"))
        with _lying_about(house, running, number):
            farm.start(2)
            farm.wait_for_quiet(120)
        assert farm.outcomes(customers) == [Outcome.COMPLETE] * 3
        assert {run.kind for customer in customers for run in farm.runs(customer)} == {
            RunKind.CONNECT,
            RunKind.COLLECT,
        }
        stats = farm.stats()["customers"]
        assert {stats[one.username]["code_attempts"] for one in customers} == {1}
        assert {one.state for one in farm.store.challenges.list()} == {ChallengeState.USED}
        assert len(farm.store.challenges.list()) == 3
        assert not [mail for mail in house.mails() if mail[b"FLAGS"] and b"\\Seen" in mail[b"FLAGS"]]
        kept = rows(farm, "SELECT code FROM inbound_message WHERE code IS NOT NULL")
        assert not kept
