"""Mailboxes and numbers are for whom they were given, and each message answers one challenge at most."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from meterfarm.mfa.mailbox_owner import Neighbours
from meterfarm.records import Challenge, EventKind, Factor, MailSecurity, RunKind, SecretKind
from meterfarm.storage import AlreadyThere, StorageError
from meterfarm.storage.channels import DeliveryStatus, InboundText, MailAccount
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import metadata
from tests.storage.made import UTILITY, begun, key
from tests.storage.opening import ON_BOTH, OpenStore, Rows

pytestmark = ON_BOTH

ACCOUNT = MailAccount("imap.example.com", 993, MailSecurity.TLS, "codes@company.example")
NUMBER = "+15185550123"
SENDER = "+18885550142"
WAIT = timedelta(minutes=10)
SMS = Challenge("Enter the code.", Factor.SMS, "***-***-0123")
EMAIL = Challenge("Enter the code.", Factor.EMAIL, "a***a@home.example")


def _customer(store: CompanyStore, name: str = "ada") -> Customer:
    return store.customers.add(UTILITY, f"{name}@home.example", secrets={SecretKind.PASSWORD: "secret"})


def _said(code: str = "271828") -> Mapping[str, str]:
    return {"kind": "code", "text": code}


# mailboxes


def test_a_mailbox_is_there_once_and_its_password_is_in_no_row(store: CompanyStore, rows: Rows) -> None:
    channels = store.channels
    mailbox_id = channels.add_mailbox(ACCOUNT, "canary-2d8e", None)
    with pytest.raises(AlreadyThere, match=f"there already as mailbox {mailbox_id}"):
        channels.add_mailbox(ACCOUNT, "other", None)
    assert channels.mailbox_password(mailbox_id).get_secret_value() == "canary-2d8e"
    channels.change_mailbox(mailbox_id, password="canary-9b")
    assert channels.mailbox_password(mailbox_id).get_secret_value() == "canary-9b"
    for table in metadata.tables:
        found = rows(f'SELECT * FROM "{table}"')  # noqa: S608 - a test's own
        cells = [bytes(cell) if isinstance(cell, memoryview) else cell for row in found for cell in row]
        assert b"canary" not in b" ".join(repr(cell).encode() for cell in cells), table
    channels.remove_mailbox(mailbox_id)
    assert channels.mailboxes() == []
    with pytest.raises(StorageError, match="There is no mailbox"):
        channels.mailbox_password(mailbox_id)


def test_a_password_outlasts_the_rotation_of_keys(
    store: CompanyStore, open_store: OpenStore, backend: str
) -> None:
    mailbox_id = store.channels.add_mailbox(ACCOUNT, "canary-2d8e", None)
    keys = f"{key(5)},{key(9)}" if backend == "postgres" else ""
    turning = open_store(keys)
    turning.farm.rotate_keys()
    fresh = open_store(key(5) if backend == "postgres" else "")
    assert fresh.channels.mailbox_password(mailbox_id).get_secret_value() == "canary-2d8e"


def test_a_mailbox_is_the_customers_own_or_for_all(store: CompanyStore) -> None:
    ada, bea = _customer(store), _customer(store, "bea")
    channels = store.channels
    assert channels.receivers(ada).mailbox is None
    company = channels.add_mailbox(ACCOUNT, "secret", None)
    own = channels.add_mailbox(MailAccount("imap.home.example", 993, MailSecurity.TLS, "ada"), "s", [ada])
    assert [one.id for one in (channels.receivers(ada).mailbox, channels.receivers(bea).mailbox) if one] == [
        own,
        company,
    ]
    assert [one.customers for one in channels.mailboxes()] == [(), [ada.id]]
    channels.change_mailbox(company, customers=[ada])
    assert channels.receivers(bea).mailbox is None
    channels.change_mailbox(own, everybody=True)
    assert channels.receivers(bea).mailbox is not None
    store.customers.remove(ada, data=False)
    assert [one.customers for one in channels.mailboxes()] == [(), ()]


def test_how_a_mailbox_does_is_known_and_a_fault_told_once(store: CompanyStore) -> None:
    ada = _customer(store)
    lease = begun(store, ada, RunKind.SCRAPE)
    channels = store.channels
    mailbox_id = channels.add_mailbox(ACCOUNT, "secret", None)
    for fault in ("", "It refuses.", "It refuses.", "It is gone.", ""):
        channels.note_mailbox(mailbox_id, fault, {lease.run_id: ada.id})
        found = channels.mailbox(mailbox_id)
        assert found is not None
        assert (found.fault, found.is_well) == (fault, not fault)
    (told,) = store.events.after(kinds=[EventKind.MAILBOX_FAILED])
    assert told.facts["reason"] == "It refuses."
    channels.note_mailbox(mailbox_id + 1, "gone", {})


def test_a_mail_answers_once_and_no_challenge_that_somebody_answered(store: CompanyStore) -> None:
    ada = _customer(store)
    lease = begun(store, ada)
    channels = store.channels
    mailbox_id = channels.add_mailbox(ACCOUNT, "secret", None)
    first = store.challenges.open(lease, EMAIL, WAIT)
    assert channels.answer_by_mail(mailbox_id, "f1", ada, first, _said())
    assert store.challenges.take_answer(lease, first) == _said()
    second = store.challenges.open(lease, EMAIL, WAIT)
    assert not channels.answer_by_mail(mailbox_id, "f1", ada, second, _said())
    store.challenges.answer(second, _said("314159"))
    assert not channels.answer_by_mail(mailbox_id, "f2", ada, second, _said())
    assert store.challenges.take_answer(lease, second) == _said("314159")
    third = store.challenges.open(lease, EMAIL, WAIT)
    assert channels.answer_by_mail(mailbox_id, "f2", ada, third, _said()), "it was not used before"
    assert channels.receivers(ada).mail_came
    fourth = store.challenges.open(lease, EMAIL, WAIT)
    channels.change_mailbox(mailbox_id, customers=[_customer(store, "bea")])
    assert not channels.answer_by_mail(mailbox_id, "f3", ada, fourth, _said()), "it is others' now"
    channels.remove_mailbox(mailbox_id)
    assert not channels.answer_by_mail(mailbox_id, "f3", ada, fourth, _said()), "it is gone"


def test_a_challenge_waits_for_no_mail_where_none_is_received_for_it_any_more(store: CompanyStore) -> None:
    """Nor does who is late with how the mailbox does make it say so again."""
    ada, bea = _customer(store), _customer(store, "bea")
    channels, lease = store.channels, begun(store, ada)
    mailbox_id = channels.add_mailbox(ACCOUNT, "secret", None)
    asked, hers = (store.challenges.open(one, EMAIL, WAIT) for one in (lease, begun(store, bea)))

    def told(challenge_id: int) -> str:
        found = store.challenges.find(challenge_id)
        return found.channel if found else ""

    for one in (asked, hers):
        channels.note_mailbox_channel(mailbox_id, one, "waits for the mail")
    waits = f"mailbox {mailbox_id}: waits for the mail"
    assert told(asked) == waits
    gone = f"mailbox {mailbox_id}: receives nothing for this customer any more; somebody has to answer."
    for _ in range(2):
        channels.change_mailbox(mailbox_id, customers=[bea])
        assert (told(asked), told(hers)) == (gone, waits)
        channels.note_mailbox_channel(mailbox_id, asked, "waits for the mail")
        assert told(asked) == gone
        channels.change_mailbox(mailbox_id, customers=[ada, bea])
        assert told(asked) == waits
    channels.remove_mailbox(mailbox_id)
    assert (told(asked), told(hers)) == (gone, gone)
    channels.note_mailbox_channel(mailbox_id, hers, "It cannot be reached.")
    assert told(hers) == gone
    store.challenges.answer(asked, _said())
    assert told(asked) == gone


def test_who_else_a_mail_could_be_for(store: CompanyStore) -> None:
    ada, bea = _customer(store), _customer(store, "bea")
    channels = store.channels
    mailbox_id = channels.add_mailbox(ACCOUNT, "secret", [ada])
    recipients = ["ada@home.example", "bea@home.example", "cat@home.example"]
    assert channels.neighbours(mailbox_id, ada, recipients) == Neighbours(frozenset(), frozenset(), True)
    channels.change_mailbox(mailbox_id, everybody=True)
    store.challenges.open(begun(store, bea), EMAIL, WAIT)
    assert channels.neighbours(mailbox_id, ada, recipients) == Neighbours(
        frozenset({"bea@home.example"}), frozenset({EMAIL.destination}), False
    )
    store.customers.remove(bea, data=False)
    assert channels.neighbours(mailbox_id, ada, recipients).are_none


# numbers and text messages


class Phone:
    """A customer whose codes come to the number, and their run."""

    def __init__(self, store: CompanyStore, name: str = "ada") -> None:
        self.store = store
        self.customer = _customer(store, name)
        store.channels.add_number(NUMBER, [self.customer])
        self.lease: Lease = begun(store, self.customer)
        self._keys = 0

    def expect(self, factor: Factor | None = Factor.SMS) -> None:
        self.store.channels.expect_text(self.lease, self.customer, factor)

    def asked(self, challenge: Challenge = SMS) -> tuple[int, bool]:
        """A new challenge, and whether a text message that came before answered it."""
        challenge_id = self.store.challenges.open(self.lease, challenge, WAIT)
        return challenge_id, self.store.channels.take_buffered_text(self.lease, self.customer, challenge_id)

    def answer(self, challenge_id: int) -> Mapping[str, str] | None:
        return self.store.challenges.take_answer(self.lease, challenge_id)


_SIDS = iter(range(10_000))


def _receive(store: CompanyStore, *whose: Phone, code: str = "271828", key: str = "") -> DeliveryStatus:
    text = InboundText(key or f"SM{next(_SIDS)}", NUMBER, SENDER)
    codes = {phone.customer: _said(code) for phone in whose}
    return store.farm.sms.receive(text, codes, DeliveryStatus.NO_CODE).status


def test_a_number_receives_for_whom_it_was_given(store: CompanyStore) -> None:
    ada, bea = _customer(store), _customer(store, "bea")
    channels = store.channels
    channels.add_number(NUMBER, [ada])
    channels.add_number(NUMBER, [bea])
    assert list(store.farm.sms.customers_of(NUMBER)) == [ada, bea]
    with pytest.raises(AlreadyThere, match=r"customer 1 has the number \+15185550123 already"):
        channels.add_number("+15185550124", [ada])
    assert [one.number for one in channels.numbers()] == [NUMBER]
    channels.remove_number(NUMBER, ada)
    assert (channels.receivers(ada).number, channels.receivers(bea).number) == ("", NUMBER)
    with pytest.raises(StorageError, match="does not receive for customer"):
        channels.remove_number(NUMBER, ada)
    channels.remove_number(NUMBER)
    with pytest.raises(StorageError, match="There is no number"):
        channels.remove_number(NUMBER)
    assert store.farm.sms.customers_of(NUMBER) == []


def test_a_text_message_answers_the_challenge_that_is_open(store: CompanyStore) -> None:
    phone = Phone(store)
    phone.expect()
    asked, answered = phone.asked()
    assert not answered
    assert _receive(store, phone, key="SMa") is DeliveryStatus.ANSWERED
    assert _receive(store, phone, key="SMa") is DeliveryStatus.REPLAYED
    assert phone.answer(asked) == _said()
    assert store.channels.receivers(phone.customer).text_came


def test_one_that_comes_before_the_challenge_is_open_counts(store: CompanyStore, rows: Rows) -> None:
    """The portal sends it while its page is still on its way. Meanwhile it is sealed."""
    phone = Phone(store)
    phone.expect(None)
    assert _receive(store, phone) is DeliveryStatus.BUFFERED
    ((sealed,),) = rows("SELECT code FROM inbound_message")
    assert b"271828" not in bytes(sealed)
    asked, answered = phone.asked()
    assert answered
    assert phone.answer(asked) == _said()
    assert rows("SELECT code FROM inbound_message") == [(None,)]


def test_of_several_that_came_before_only_the_newest_counts(store: CompanyStore, rows: Rows) -> None:
    """If it proves wrong, the older ones are not tried."""
    phone = Phone(store)
    phone.expect()
    assert _receive(store, phone, code="111111") is DeliveryStatus.BUFFERED
    assert _receive(store, phone, code="222222") is DeliveryStatus.BUFFERED
    asked, answered = phone.asked()
    assert answered
    assert phone.answer(asked) == _said("222222")
    assert phone.asked()[1] is False
    assert rows("SELECT code FROM inbound_message") == [(None,), (None,)]


def test_what_came_before_the_code_was_asked_for_is_none(store: CompanyStore) -> None:
    phone = Phone(store)
    assert _receive(store, phone) is DeliveryStatus.UNSOLICITED
    phone.expect()
    assert _receive(store, phone, code="111111") is DeliveryStatus.BUFFERED
    phone.expect()
    asked, answered = phone.asked()
    assert not answered
    assert phone.answer(asked) is None


def test_after_a_wrong_code_only_another_one_counts(store: CompanyStore) -> None:
    phone = Phone(store)
    phone.expect()
    first, _ = phone.asked()
    assert _receive(store, phone, code="111111") is DeliveryStatus.ANSWERED
    assert _receive(store, phone, code="111111") is DeliveryStatus.COPY
    assert phone.answer(first) == _said("111111")
    second, answered = phone.asked()
    assert not answered
    assert _receive(store, phone, code="111111") is DeliveryStatus.COPY
    assert _receive(store, phone, code="222222") is DeliveryStatus.ANSWERED
    assert phone.answer(second) == _said("222222")


def test_one_that_comes_while_another_is_tried_is_not_lost(store: CompanyStore, rows: Rows) -> None:
    """Two that were held up come together. Somebody who waits goes first."""
    phone, other = Phone(store), Phone(store, "bea")
    phone.expect()
    first, _ = phone.asked()
    assert _receive(store, phone, other, code="111111") is DeliveryStatus.ANSWERED
    assert phone.answer(first) == _said("111111")
    assert _receive(store, phone, other, code="222222") is DeliveryStatus.BUFFERED
    second, answered = phone.asked()
    assert answered
    assert phone.answer(second) == _said("222222")
    other.expect()
    hers, _ = other.asked()
    assert _receive(store, phone, other, code="333333") is DeliveryStatus.ANSWERED
    assert other.answer(hers) == _said("333333")
    assert _receive(store, phone, other, code="444444") is DeliveryStatus.UNCERTAIN
    assert rows("SELECT code FROM inbound_message WHERE code IS NOT NULL") == []


def test_a_code_that_went_elsewhere_or_is_of_another_kind_is_not_answered(store: CompanyStore) -> None:
    phone = Phone(store)
    phone.expect()
    phone.asked(Challenge("Code?", Factor.SMS, "***-***-9999"))
    assert _receive(store, phone) is DeliveryStatus.OTHER_DESTINATION
    other = Phone(store, "bea")
    other.expect(Factor.EMAIL)
    other.asked(EMAIL)
    assert _receive(store, other) is DeliveryStatus.UNSOLICITED


def test_of_two_who_wait_at_one_number_neither_gets_a_guess(store: CompanyStore) -> None:
    ada, bea = Phone(store), Phone(store, "bea")
    for phone in (ada, bea):
        phone.expect()
    asked, _ = ada.asked()
    assert _receive(store, ada, bea) is DeliveryStatus.UNCERTAIN
    store.runs.stop(bea.lease)
    assert _receive(store, ada, bea) is DeliveryStatus.UNCERTAIN, "her code may still be on its way"
    assert _receive(store, ada) is DeliveryStatus.ANSWERED, "the message is one of his portal's, not of hers"
    assert ada.answer(asked) == _said()


def test_who_lost_the_run_gets_nothing(store: CompanyStore) -> None:
    phone = Phone(store)
    phone.expect()
    asked, _ = phone.asked()
    store.runs.stop(phone.lease)
    assert _receive(store, phone) is DeliveryStatus.UNSOLICITED
    assert store.challenges.find(asked) is not None


def test_a_removed_customers_messages_are_erased(store: CompanyStore, rows: Rows) -> None:
    phone = Phone(store)
    phone.expect()
    assert _receive(store, phone) is DeliveryStatus.BUFFERED
    store.customers.remove(phone.customer, data=False)
    assert rows("SELECT code FROM inbound_message") == [(None,)]
    assert store.farm.sms.customers_of(NUMBER) == []


def test_it_is_known_whether_an_inbox_runs(store: CompanyStore) -> None:
    assert store.farm.sms.running() == []
    store.farm.sms.heartbeat("http://127.0.0.1:8700")
    store.farm.sms.heartbeat("http://127.0.0.1:8700")
    assert [one.address for one in store.farm.sms.running()] == ["http://127.0.0.1:8700"]
    store.farm.sms.leave()
    assert store.farm.sms.running() == []
