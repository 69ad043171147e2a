"""A mailbox answers what portals ask by mail, with no code but the right one; else a person does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fake_utility.running import fake_utility
from farm.said import said_code
from records import ChallengeState, EventKind, MailSecurity, Outcome, RunKind
from storage.receiving import MailAccount
from storage.results import Customer
from storage.work import ChallengeInfo
from tests.farm.post import PASSWORD, USER, Between, Post, code_mail, free_port, imap_server, post
from tests.farm.whole import Farm, farm_at

EMAIL = "ineedmfa+email@bayou.energy"
CHOICE = "ineedmfa+choice@bayou.energy"


@pytest.fixture
def house() -> Iterator[Post]:
    with post() as house:
        yield house


@pytest.fixture
def farm(tmp_path: Path, house: Post) -> Iterator[Farm]:
    with _portal(tmp_path, house) as url, farm_at(tmp_path / "h", url) as farm:
        yield farm


@contextmanager
def _portal(folder: Path, house: Post, now: str | None = None) -> Iterator[str]:
    address = f"127.0.0.1:{house.smtp}"
    with fake_utility(random_codes=True, home=folder / "p", smtp=address, now=now) as url:
        yield url


def _account(port: int) -> MailAccount:
    return MailAccount("127.0.0.1", port, MailSecurity.NONE, USER)


def _attempts(farm: Farm, customer: Customer) -> int:
    return int(farm.stats()["customers"][customer.username]["code_attempts"])


def _told(farm: Farm, challenge: ChallengeInfo, words: str) -> ChallengeInfo:
    """The challenge, once these words stand at it."""

    def found() -> ChallengeInfo | None:
        one = farm.store.challenge(challenge.id)
        return one if one is not None and words in one.channel else None

    return farm.wait(found, 20, f"“{words}” at the challenge")


def test_several_customers_of_one_mailbox_each_get_their_own_code(farm: Farm, house: Post) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    house.put(code_mail(EMAIL, "111111", at=long_ago), long_ago)
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    customers = [farm.add(EMAIL), farm.add(CHOICE), *farm.add_many(EMAIL, 3)]
    farm.start(2)
    farm.wait_for_quiet()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * len(customers)
    assert {_attempts(farm, one) for one in customers} == {1}
    assert not [mail for mail in house.mails() if b"\\Seen" in mail[b"FLAGS"]]


def test_after_a_wrong_code_the_next_mail_is_used_and_no_copy(farm: Farm, house: Post) -> None:
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    customer = farm.add(EMAIL)
    house.held = []
    farm.start(1)
    farm.challenge_of(customer)
    wrong = code_mail(EMAIL, "000000", message_id="<wrong@speculoos.example>")
    house.put(wrong)
    farm.wait(lambda: farm.challenge_of(customer).challenge.error, what="another challenge")
    house.put(wrong)
    house.put(code_mail(EMAIL, "000000", message_id="<copy@speculoos.example>"))
    house.let_go()
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    assert _attempts(farm, customer) == 2


def test_a_person_may_be_quicker(farm: Farm, house: Post) -> None:
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    customer = farm.add(EMAIL)
    house.held = []
    farm.start(1)
    challenge = _told(farm, farm.challenge_of(customer), "waits for the mail")
    farm.answer(challenge)
    house.let_go()
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    assert _attempts(farm, customer) == 1


def test_a_mailbox_without_idle_is_asked_now_and_then(farm: Farm, house: Post) -> None:
    with Between(house.imap, change=lambda answer: answer.replace(b" IDLE", b"")) as old:
        farm.store.channels.add_mailbox(_account(old.port), PASSWORD, None)
        customer = farm.add(EMAIL)
        farm.start(1)
        farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    assert _attempts(farm, customer) == 1


def test_a_connection_that_breaks_is_made_again(farm: Farm, house: Post) -> None:
    """What comes meanwhile is found afterwards: it is known where new mail began."""
    with Between(house.imap) as between:
        farm.store.channels.add_mailbox(_account(between.port), PASSWORD, None)
        customer = farm.add(EMAIL)
        house.held = []
        farm.start(1)
        challenge = _told(farm, farm.challenge_of(customer), "waits for the mail")
        between.cut()
        house.let_go()
        farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    answered = farm.store.challenge(challenge.id)
    assert answered is not None
    assert answered.state is ChallengeState.USED


@pytest.mark.parametrize("fault", ["refuses the user name or the password", "cannot be reached"])
def test_a_dead_mailbox_is_reported_and_a_person_answers(farm: Farm, house: Post, fault: str) -> None:
    is_there = "refuses" in fault
    account = _account(house.imap if is_there else free_port())
    mailbox_id = farm.store.channels.add_mailbox(account, "wrong" if is_there else PASSWORD, None)
    customer = farm.add(EMAIL)
    farm.start(1)
    challenge = _told(farm, farm.challenge_of(customer), fault)
    assert "Somebody has to answer." in challenge.channel
    known = farm.store.channels.mailbox(mailbox_id)
    assert known is not None
    assert fault in known.fault
    (told,) = farm.store.events(kinds=[EventKind.MAILBOX_FAILED])
    assert (told.customer_id, told.run_id) == (customer.id, challenge.run_id)
    with farm.owners():
        farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE


def test_a_password_that_is_given_anew_is_tried_soon(farm: Farm, house: Post) -> None:
    mailbox_id = farm.store.channels.add_mailbox(_account(house.imap), "wrong", None)
    customer = farm.add(EMAIL)
    house.held = []
    farm.start(1)
    challenge = _told(farm, farm.challenge_of(customer), "refuses")
    farm.store.channels.change_mailbox(mailbox_id, password=PASSWORD)
    _told(farm, challenge, "waits for the mail")
    house.let_go()
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE


def test_a_mailbox_that_comes_back_brings_what_comes_from_then_on(tmp_path: Path) -> None:
    port = free_port()
    house = Post(port)
    house.held = []
    with post() as smtp, _portal(tmp_path, smtp) as url, farm_at(tmp_path / "h", url) as farm:
        smtp.imap, smtp.held = port, house.held
        farm.store.channels.add_mailbox(_account(port), PASSWORD, None)
        customer = farm.add(EMAIL)
        farm.start(1)
        challenge = _told(farm, farm.challenge_of(customer), "cannot be reached")
        with imap_server(port=port):
            _told(farm, challenge, "waits for the mail")
            smtp.let_go()
            farm.wait_for_quiet()
            assert farm.last(customer).outcome is Outcome.COMPLETE


def test_old_and_foreign_mail_is_never_used_even_if_it_is_all_there_is(tmp_path: Path, house: Post) -> None:
    """A code that was sent before it was asked for, moved into the mailbox afterwards."""
    extra = {"METERFARM_MFA_WAIT": "6"}
    with _portal(tmp_path, house) as url, farm_at(tmp_path / "h", url, **extra) as farm:
        farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
        customer = farm.add(EMAIL)
        house.held = []
        farm.start(1)
        _told(farm, farm.challenge_of(customer), "waits for the mail")
        before = datetime.now(UTC) - timedelta(minutes=20)
        house.put(code_mail(EMAIL, "111111", at=before), before)
        house.put(code_mail("ineedmfa+emails@bayou.energy", "222222"))
        house.put(code_mail(EMAIL, "333333", sender="Speculoos Power <no-reply@speculoos.evil>"))
        farm.wait_for_quiet()
        assert farm.last(customer).outcome is Outcome.MFA_EXPIRED
        assert _attempts(farm, customer) == 0


def test_a_refresh_signs_in_by_itself_once_the_mailbox_has_proved_itself(tmp_path: Path, house: Post) -> None:
    """The portal has forgotten the device; a customer whose codes nobody receives has to come back."""
    with _portal(tmp_path, house) as url, farm_at(tmp_path / "h", url) as farm:
        proven, other = farm.add(EMAIL), farm.add("ineedmfa+email.2@bayou.energy")
        farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, [proven])
        with farm.owners(other.username):
            farm.start(1)
            farm.wait_for_quiet()
        farm.stop()
        assert farm.outcomes([proven, other]) == [Outcome.COMPLETE] * 2
        farm.store.channels.change_mailbox(1, everybody=True)
    later = (datetime.now(UTC) + timedelta(days=200)).isoformat()
    with _portal(tmp_path, house, later) as url, farm_at(tmp_path / "h", url) as farm:
        farm.store.queue_refresh()
        farm.start(1)
        farm.wait_for_quiet()
        assert (farm.last(proven).kind, farm.last(proven).outcome) == (RunKind.COLLECT, Outcome.COMPLETE)
        assert _attempts(farm, proven) == 1
        assert farm.last(other).outcome is Outcome.MFA_REQUIRED
        assert farm.stats()["customers"].get(other.username, {"codes_sent": 0})["codes_sent"] == 0


def test_its_password_is_in_no_log_row_or_file(farm: Farm, house: Post, tmp_path: Path) -> None:
    farm.environment["METERFARM_LOG"] = "debug"
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    customer = farm.add(EMAIL)
    with (tmp_path / "log").open("w") as log:
        farm.start(1, stderr=log)
        farm.wait_for_quiet()
        farm.stop()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    places = [tmp_path / "log", *(path for path in farm.home.rglob("*") if path.is_file())]
    found = [path for path in places if os.access(path, os.R_OK) and PASSWORD.encode() in path.read_bytes()]
    assert len(places) > 5
    assert not found


def test_a_code_given_by_a_person_is_not_given_again(farm: Farm, house: Post) -> None:
    """The mail that brings it is left for what it is worth: another challenge, if that code was not it."""
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    customer = farm.add(EMAIL)
    house.held = []
    farm.start(1)
    challenge = _told(farm, farm.challenge_of(customer), "waits for the mail")
    farm.store.answer_challenge(challenge.id, said_code("000000"))
    farm.wait(lambda: farm.challenge_of(customer).challenge.error, what="another challenge")
    house.let_go()
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    assert _attempts(farm, customer) == 2
