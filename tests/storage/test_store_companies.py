"""Two companies in one farm: neither finds, changes or cancels anything of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from meterfarm.records import (
    BillSource,
    Challenge,
    EventKind,
    Factor,
    Mail,
    MailSecurity,
    Outcome,
    RunKind,
    SecretKind,
)
from meterfarm.storage import AlreadyThere, AnswerRefused, LeaseLost, RunRefused, StorageError
from meterfarm.storage.channels import DeliveryStatus, InboundText, MailAccount
from meterfarm.storage.customers import Customer, CustomerFilter
from meterfarm.storage.customers.companies import KeptAnswer
from meterfarm.storage.data import CustomerFacts, ReadBill, ReadingChannel, Reread, RereadBill, UploadedBill
from meterfarm.storage.database import Repository
from meterfarm.storage.runs import Lease
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.storage.webhooks import DELIVERED_KINDS
from tests.storage.company_rows import rows_of
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, START, UTILITY, bill, claimed, listed, pdf, series
from tests.storage.ready_home import ready_home

ZONE = ZoneInfo("America/New_York")
LATER = timedelta(minutes=10)
SECRETS = {SecretKind.PASSWORD: "canary-c0"}
CODE = Challenge("Code?", Factor.SMS)
MAILBOX = MailAccount("imap.example", 993, MailSecurity.TLS, "codes")
NUMBER = "+15185550123"
NEWS = Mail("ada@x.example", "News", "Some.")
DAYS = (date(2026, 10, 1), date(2026, 10, 31))
EVER = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Company:
    """A company with a customer of whom there is something of everything."""

    store: CompanyStore
    customer: Customer
    account: int
    lease: Lease
    challenge: int
    queued: int
    mailbox: int
    endpoint: int
    event: int
    read: ReadBill

    @property
    def run(self) -> int:
        return self.lease.run_id


def _filled(store: CompanyStore, username: str, number: str) -> Company:
    customer = store.customers.add(UTILITY, username, external_id="their own", secrets=SECRETS)
    store.credentials.save_session(customer, b"{}", trusted_since=None)
    store.logins.reject(customer, "refused", Outcome.BAD_CREDENTIALS, "No.")
    store.logins.note_sending(customer, "sent", LATER)
    store.logins.note_factor(customer, "sms")
    account = store.accounts.save(customer, ACCOUNT)
    read = ReadBill(listed(), pdf(), bill(), "layout", 1)
    store.bills.save(account, [read])
    store.readings.save(account, EXPORT, "jan", [series([1, 2, 0])])
    store.pending_exports.keep(account, ELECTRIC.id, DAYS, "job 1")
    mailbox = store.channels.add_mailbox(MAILBOX, "canary-c1", [customer])
    store.channels.add_number(number, [customer])
    (run,) = store.runs.list()
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    challenge = store.challenges.open(claim.lease, CODE, LATER)
    (queued,) = store.runs.refresh()
    store.customers.update(customer, profile={"email": username, "city": "Utica"})
    store.customers.wish_utility(customer, "Acme Power")
    store.api_keys.add("test_key_", "theirs")
    store.kept_answers.enter(username, b"theirs")
    endpoint = store.webhooks.add("https://a.example", DELIVERED_KINDS, allows_private=False)[0].id
    event = store.events.after()[0].id
    store.webhooks.resend([event], endpoint)
    return Company(store, customer, account, claim.lease, challenge, queued, mailbox, endpoint, event, read)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, Company]]:
    """Ours and theirs, whose customers have logins of their own at the same utility."""
    home = tmp_path_factory.mktemp("companies") / "home"
    ready_home(home)
    with Store.open(Settings(home=home)) as store:
        for name in ("ours", "theirs"):
            store.companies.add(name)
        ours = _filled(store.of("ours"), "ada@x.example", "+15185550100")
        theirs = _filled(store.of("theirs"), "bea@x.example", NUMBER)
        yield ours, theirs


def _refused(act: Callable[[], object], error: type[Exception] = StorageError) -> bool:
    with suppress(error):
        act()
        return False
    return True


def _kept(theirs: Company) -> RereadBill:
    (kept,) = theirs.store.bills.to_reread(UTILITY)
    return RereadBill(kept, bill(1), "layout", 2)


def _bill(company: Company) -> int:
    return company.store.bills.list(company.customer)[0].id


def _key_ids(theirs: Company) -> set[int]:
    found = {key.id for key in theirs.store.api_keys.list()}
    assert found
    return found


def _channels(theirs: Company) -> list[ReadingChannel]:
    """As their own store has them, with a second length, so that all of it is looked at."""
    (channel,) = theirs.store.intervals.meters(theirs.customer)[0].channels
    return [replace(channel, series=[*channel.series, *channel.series])]


def _sees_no_wish(ours: CompanyStore, theirs: Company) -> bool:
    wished = {wish.customer_id for wish in ours.customers.utility_wishes()}
    return bool(theirs.store.customers.utility_wishes()) and theirs.customer.id not in wished


def _entry(theirs: Company) -> int:
    """What they entered; to ask for it again changes nothing."""
    return theirs.store.kept_answers.enter(theirs.customer.username, b"theirs").id


Case = Callable[[CompanyStore, Company, Company], bool]

CASES: dict[str, Case] = {
    "customers.ensure": lambda s, _, t: s.customers.ensure(UTILITY, t.customer.username).id != t.customer.id,
    "customers.add": lambda s, _, t: (
        s.customers.add("other_power", "x", secrets={}, external_id="an id").company_id
        != t.customer.company_id
    ),
    "customers.update": lambda s, _, t: _refused(lambda: s.customers.update(t.customer, secrets=SECRETS)),
    "customers.choose_utility": lambda s, _, t: _refused(
        lambda: s.customers.choose_utility(t.customer, "other_power")
    ),
    "customers.create": lambda s, _, t: (
        s.customers.create(UTILITY, external_id="of one to come").company_id != t.customer.company_id
    ),
    "customers.by_id": lambda s, _, t: s.customers.by_id(t.customer.id) is None,
    "customers.by_external_id": lambda s, _, t: (
        getattr(s.customers.by_external_id("their own"), "id", 0) != t.customer.id
    ),
    "customers.profile": lambda s, _, t: _refused(lambda: s.customers.profile(t.customer)),
    "customers.profiles": lambda s, _, t: t.customer.id not in s.customers.profiles(),
    "customers.accept_terms": lambda s, _, t: _refused(lambda: s.customers.accept_terms(t.customer)),
    "customers.wish_utility": lambda s, _, t: _refused(lambda: s.customers.wish_utility(t.customer, "Acme")),
    "customers.utility_wishes": lambda s, _, t: _sees_no_wish(s, t),
    "customers.holder": lambda s, _, t: _refused(lambda: s.customers.holder(t.customer)),
    "customers.record": lambda s, _, t: s.customers.record(t.customer.id) is None,
    "customers.record_by_external_id": lambda s, _, t: (
        getattr(s.customers.record_by_external_id("their own"), "id", 0) != t.customer.id
    ),
    "customers.records": lambda s, _, t: t.customer.id not in {one.id for one in s.customers.records()},
    "consents.list": lambda s, _, t: _refused(lambda: s.consents.list(t.customer)),
    "consents.give": lambda s, _, t: _refused(lambda: s.consents.give(t.customer, "form")),
    "api_keys.add": lambda s, _, t: s.api_keys.add("test_ours_", "k")[0].id not in _key_ids(t),
    "api_keys.list": lambda s, _, t: not {key.id for key in s.api_keys.list()} & _key_ids(t),
    "api_keys.revoke": lambda s, _, t: all(s.api_keys.revoke(key) is None for key in _key_ids(t)),
    "kept_answers.enter": lambda s, _, t: s.kept_answers.enter(t.customer.username, b"x").is_new,
    "kept_answers.keep": lambda s, _, t: s.kept_answers.keep(_entry(t), KeptAnswer("{}", b"ours")) is None,
    "kept_answers.forget": lambda s, _, t: s.kept_answers.forget(_entry(t)) is None,
    "customers.remove": lambda s, _, t: _refused(lambda: s.customers.remove(t.customer, data=True)),
    "customers.find": lambda s, o, t: (
        s.customers.find(str(t.customer.id)) is None and s.customers.find("their own") == o.customer
    ),
    "customers.page": lambda s, _, t: (
        t.customer.id not in {one.info.id for one in s.customers.page(CustomerFilter(), 0, 100)}
    ),
    "customers.states": lambda s, _, t: sum(s.customers.states().values()) == len(s.customers.list()),
    "customers.list": lambda s, _, t: t.customer.id not in {one.id for one in s.customers.list()},
    "customers.info": lambda s, _, t: _refused(lambda: s.customers.info(t.customer)),
    "logins.rejection": lambda s, _, t: _refused(lambda: s.logins.rejection(t.customer, "refused")),
    "logins.unconfirmed": lambda s, _, t: _refused(lambda: s.logins.unconfirmed(t.customer, "sent")),
    "logins.note_sending": lambda s, _, t: _refused(lambda: s.logins.note_sending(t.customer, "x", LATER)),
    "logins.note_unsent": lambda s, _, t: _refused(lambda: s.logins.note_unsent(t.customer, "sent")),
    "logins.clear_doubts": lambda s, _, t: _refused(lambda: s.logins.clear_doubts(t.customer)),
    "logins.reject": lambda s, _, t: _refused(
        lambda: s.logins.reject(t.customer, "x", Outcome.BAD_CREDENTIALS, "No.")
    ),
    "logins.clear": lambda s, _, t: _refused(lambda: s.logins.clear(t.customer)),
    "logins.claim_totp_step": lambda s, _, t: _refused(lambda: s.logins.claim_totp_step(t.customer, 1)),
    "logins.last_factor": lambda s, _, t: _refused(lambda: s.logins.last_factor(t.customer)),
    "logins.note_factor": lambda s, _, t: _refused(lambda: s.logins.note_factor(t.customer, "email")),
    "credentials.load": lambda s, _, t: _refused(lambda: s.credentials.load(t.customer)),
    "credentials.save": lambda s, _, t: _refused(lambda: s.credentials.save(t.customer, SECRETS)),
    "credentials.save_session": lambda s, _, t: _refused(
        lambda: s.credentials.save_session(t.customer, b"x", trusted_since=None)
    ),
    "credentials.end_trust": lambda s, _, t: _refused(lambda: s.credentials.end_trust(t.customer)),
    "credentials.drop_session": lambda s, _, t: _refused(lambda: s.credentials.drop_session(t.customer)),
    "credentials.run_context": lambda s, _, t: _refused(lambda: s.credentials.run_context(t.customer)),
    "accounts.save": lambda s, _, t: _refused(lambda: s.accounts.save(t.customer, ACCOUNT)),
    "accounts.list": lambda s, _, t: _refused(lambda: s.accounts.list(t.customer)),
    "accounts.numbers": lambda s, _, t: not s.accounts.numbers(t.account),
    "bills.of_account": lambda s, _, t: not s.bills.of_account(t.account),
    "bills.save": lambda s, _, t: _refused(lambda: s.bills.save(t.account, [t.read])),
    "bills.in_store": lambda s, _, t: not s.bills.in_store(t.account),
    "bills.to_reread": lambda s, _, t: (
        t.account not in {one.account_id for one in s.bills.to_reread(UTILITY)}
        and not s.bills.to_reread(UTILITY, customer_id=t.customer.id)
    ),
    "bills.save_reread": lambda s, _, t: (
        list(s.bills.save_reread(t.account, [_kept(t)])) == [Reread.OVERTAKEN]
    ),
    "bills.list": lambda s, _, t: (
        _refused(lambda: s.bills.list(t.customer)) and _bill(t) not in {one.id for one in s.bills.list()}
    ),
    "bills.account_numbers": lambda s, _, t: _refused(lambda: s.bills.account_numbers(t.customer)),
    "bills.by_id": lambda s, _, t: s.bills.by_id(_bill(t)) is None,
    "bills.by_external_id": lambda s, _, t: s.bills.by_external_id("their bill") is None,
    "bills.contents": lambda s, _, t: (
        not s.bills.contents([one.version_id for one in t.store.bills.list(t.customer)])
    ),
    "bills.file": lambda s, _, t: s.bills.file(_bill(t)) is None,
    "bills.give_external_id": lambda s, _, t: _refused(lambda: s.bills.give_external_id(_bill(t), "x")),
    "bills.unlock": lambda s, _, t: _refused(lambda: s.bills.unlock(_bill(t), "x")),
    "bills.unlocked_meters": lambda s, _, t: (
        t.store.bills.unlock(_bill(t), "x") is not None and not s.bills.unlocked_meters([_bill(t)])
    ),
    "bills.charges": lambda s, o, t: (
        {one.customer_id for one in s.bills.charges(*EVER, None, 100)} == {o.customer.id}
    ),
    "bills.charged_customers": lambda s, o, t: (
        [one.customer_id for one in s.bills.charged_customers(*EVER, (0, ""), 100)] == [o.customer.id]
    ),
    "bills.unassigned": lambda s, _, t: not s.bills.unassigned(),
    "bills.upload": lambda s, o, t: (
        s.bills.upload(UploadedBill(pdf(), BillSource.API, bill(), UTILITY, "layout", 1)) == _bill(o)
    ),
    "bills.assign": lambda s, _, t: (
        s.bills.assign(_bill(t), UploadedBill(pdf(), BillSource.API, bill(), UTILITY), "") is None
    ),
    "facts.of": lambda s, _, t: (
        s.facts.of([t.customer.id])[t.customer.id] == CustomerFacts(False, False, None, None, [])
    ),
    "facts.revision": lambda s, _, t: s.facts.revision(t.customer.id) == 0,
    "readings.save": lambda s, _, t: _refused(
        lambda: s.readings.save(t.account, EXPORT, "jan", [series([9])])
    ),
    "readings.exports": lambda s, _, t: not s.readings.exports(t.account),
    "readings.series": lambda s, _, t: not s.readings.series(t.account, ELECTRIC.id),
    "readings.fingerprints": lambda s, _, t: not s.readings.fingerprints(t.account),
    "readings.coverage": lambda s, _, t: not s.readings.coverage(t.account),
    "readings.coverage_by_series": lambda s, _, t: not s.readings.coverage_by_series(t.account),
    "readings.whole_days": lambda s, _, t: not s.readings.whole_days(t.account, ELECTRIC.id, ZONE),
    "readings.zero_days": lambda s, _, t: not s.readings.zero_days(t.account, ELECTRIC.id, ZONE),
    "events.removals": lambda s, _, t: not s.events.removals(),
    "intervals.facts": lambda s, _, t: not s.intervals.facts([t.customer.id]),
    "intervals.meters": lambda s, _, t: _refused(lambda: s.intervals.meters(t.customer)),
    "intervals.newest": lambda s, _, t: _refused(lambda: s.intervals.newest(t.customer)),
    "intervals.uncrossed": lambda s, _, t: s.intervals.uncrossed(_channels(t), START + 60) == START + 60,
    "intervals.page": lambda s, _, t: not any(s.intervals.page(_channels(t), START, 9).readings),
    "intervals.sums": lambda s, _, t: (
        s.intervals.sums(_channels(t)[0].series[0], [START, START + 900]) == [None]
    ),
    "pending_exports.keep": lambda s, _, t: _refused(
        lambda: s.pending_exports.keep(t.account, "E1", DAYS, "1")
    ),
    "pending_exports.forget": lambda s, _, t: s.pending_exports.forget(t.account, ELECTRIC.id, DAYS) is None,
    "pending_exports.list": lambda s, _, t: not s.pending_exports.list(t.account),
    "runs.begin": lambda s, _, t: _refused(lambda: s.runs.begin(t.customer, RunKind.SCRAPE)),
    "runs.renew": lambda s, _, t: t.lease not in {one.lease for one in s.runs.renew()},
    "runs.finish": lambda s, _, t: _refused(lambda: s.runs.finish(t.lease, Outcome.COMPLETE, ""), LeaseLost),
    "runs.abandon": lambda s, _, t: _refused(lambda: s.runs.abandon(t.lease), LeaseLost),
    "runs.hand_back": lambda s, _, t: _refused(lambda: s.runs.hand_back(t.lease, "why"), LeaseLost),
    "runs.fail": lambda s, _, t: _refused(lambda: s.runs.fail(t.lease, "why", LATER), LeaseLost),
    "runs.stop": lambda s, _, t: _refused(lambda: s.runs.stop(t.lease), LeaseLost),
    "runs.cancel": lambda s, _, t: all(
        _refused(lambda: s.runs.cancel(run), RunRefused)  # noqa: B023 - called at once
        for run in (t.run, t.queued)
    ),
    "runs.retry": lambda s, _, t: _refused(lambda: s.runs.retry(t.run), RunRefused),
    "runs.refresh": lambda s, _, t: not s.runs.refresh([t.customer.id]),
    "runs.list": lambda s, _, t: (
        not {t.run, t.queued} & {one.id for one in s.runs.list()}
        and not s.runs.list(customer_id=t.customer.id)
    ),
    "runs.counts": lambda s, _, t: sum(s.runs.counts().values()) == len(s.runs.list()),
    "runs.story": lambda s, _, t: s.runs.story(t.run) is None,
    "challenges.open": lambda s, _, t: _refused(lambda: s.challenges.open(t.lease, CODE, LATER), LeaseLost),
    "challenges.answer": lambda s, _, t: _refused(
        lambda: s.challenges.answer(t.challenge, {"text": "1"}), AnswerRefused
    ),
    "challenges.take_answer": lambda s, _, t: _refused(
        lambda: s.challenges.take_answer(t.lease, t.challenge), LeaseLost
    ),
    "challenges.list": lambda s, _, t: t.challenge not in {one.id for one in s.challenges.list()},
    "challenges.find": lambda s, _, t: s.challenges.find(t.challenge) is None,
    "events.newest": lambda s, o, t: s.events.newest() == s.events.after(0, 1000)[-1].id,
    "events.after": lambda s, _, t: t.customer.id not in {one.customer_id for one in s.events.after(0, 1000)},
    "fired_events.fire": lambda s, _, t: _refused(
        lambda: s.fired_events.fire(t.customer, EventKind.NEW_BILL)
    ),
    "audit.list": lambda s, _, t: (
        t.customer.id not in {one.customer_id for one in s.audit.list()}
        and not s.audit.list(customer_id=t.customer.id)
    ),
    "mails.add": lambda s, _, t: (
        s.mails.add(NEWS, "user")
        not in {mail.id for mail in t.store.farm.mails.list() if mail.company_id == t.store.company_id}
    ),
    "mails.knows": lambda s, _, t: (
        s.mails.add(NEWS, "user", cause="known") > 0
        and s.mails.knows("known")
        and not t.store.mails.knows("known")
    ),
    "webhooks.add": lambda s, _, t: (
        s.webhooks.add("https://b.example", (), allows_private=False)[0].company_id != t.customer.company_id
    ),
    "webhooks.list": lambda s, _, t: t.endpoint not in {one.id for one in s.webhooks.list()},
    "webhooks.change": lambda s, _, t: _refused(lambda: s.webhooks.change(t.endpoint, url="https://x")),
    "webhooks.remove": lambda s, _, t: _refused(lambda: s.webhooks.remove(t.endpoint)),
    "webhooks.rotate": lambda s, _, t: _refused(lambda: s.webhooks.rotate(t.endpoint, LATER)),
    "webhooks.secrets": lambda s, _, t: _refused(lambda: s.webhooks.secrets(t.endpoint)),
    "webhooks.deliveries": lambda s, _, t: (
        t.event not in {one.event.id for one in s.webhooks.deliveries()}
        and not s.webhooks.deliveries(endpoint_id=t.endpoint)
    ),
    "webhooks.of_events": lambda s, _, t: not s.webhooks.of_events([t.event]),
    "webhooks.undelivered": lambda s, _, t: t.event not in s.webhooks.undelivered(0, 1000),
    "webhooks.resend": lambda s, o, t: (
        _refused(lambda: s.webhooks.resend([o.event], t.endpoint))
        and s.webhooks.resend([t.event], o.endpoint) == 0
    ),
    "webhooks.resend_after": lambda s, o, t: (
        _refused(lambda: s.webhooks.resend_after(t.endpoint, 0))
        and s.webhooks.resend_after(o.endpoint, t.event - 1) == 0
    ),
    "webhooks.resend_parked": lambda s, _, t: _refused(lambda: s.webhooks.resend_parked(t.endpoint)),
    "channels.receivers": lambda s, _, t: _refused(lambda: s.channels.receivers(t.customer)),
    "channels.sms_receiver_runs": lambda s, _, t: not s.channels.sms_receiver_runs(),
    "channels.add_mailbox": lambda s, _, t: _refused(
        lambda: s.channels.add_mailbox(
            MailAccount("b.example", 993, MailSecurity.TLS, "b"), "x", [t.customer]
        )
    ),
    "channels.change_mailbox": lambda s, o, t: (
        _refused(lambda: s.channels.change_mailbox(o.mailbox, customers=[t.customer]))
        and _refused(lambda: s.channels.change_mailbox(t.mailbox, password="x", everybody=True))
    ),
    "channels.remove_mailbox": lambda s, _, t: _refused(lambda: s.channels.remove_mailbox(t.mailbox)),
    "channels.mailboxes": lambda s, _, t: t.mailbox not in {one.id for one in s.channels.mailboxes()},
    "channels.mailbox": lambda s, _, t: s.channels.mailbox(t.mailbox) is None,
    "channels.mailbox_password": lambda s, _, t: _refused(lambda: s.channels.mailbox_password(t.mailbox)),
    "channels.note_mailbox": lambda s, o, t: (
        s.channels.note_mailbox(t.mailbox, "down", {t.run: t.customer.id}) is None
        and s.channels.note_mailbox(o.mailbox, "down", {t.run: t.customer.id}) is None
    ),
    "channels.note_channel": lambda s, _, t: s.channels.note_channel(t.challenge, "x") is None,
    "channels.note_mailbox_channel": lambda s, o, t: (
        s.channels.note_mailbox_channel(o.mailbox, t.challenge, "x") is None
        and s.channels.note_mailbox_channel(t.mailbox, t.challenge, "x") is None
    ),
    "channels.neighbours": lambda s, o, t: (
        _refused(lambda: s.channels.neighbours(o.mailbox, t.customer, [t.customer.username]))
        and s.channels.neighbours(t.mailbox, o.customer, [t.customer.username]).addresses == frozenset()
    ),
    "channels.answer_by_mail": lambda s, o, t: (
        not s.channels.answer_by_mail(o.mailbox, "mail 1", o.customer, t.challenge, {"text": "1"})
        and _refused(lambda: s.channels.answer_by_mail(t.mailbox, "mail 2", t.customer, t.challenge, {}))
    ),
    "channels.add_number": lambda s, _, t: _refused(
        lambda: s.channels.add_number("+15185550199", [t.customer])
    ),
    "channels.remove_number": lambda s, _, t: (
        _refused(lambda: s.channels.remove_number(NUMBER))
        and _refused(lambda: s.channels.remove_number("+15185550100", t.customer))
    ),
    "channels.numbers": lambda s, _, t: NUMBER not in {one.number for one in s.channels.numbers()},
    "channels.expect_text": lambda s, o, t: _refused(
        lambda: s.channels.expect_text(t.lease, o.customer, None), LeaseLost
    ),
    "channels.take_buffered_text": lambda s, o, t: _refused(
        lambda: s.channels.take_buffered_text(t.lease, o.customer, t.challenge), LeaseLost
    ),
}


def _methods(store: CompanyStore) -> set[str]:
    return {
        f"{name}.{method}"
        for name, repository in vars(store).items()
        if isinstance(repository, Repository)
        for method in dir(repository)
        if not method.startswith("_") and callable(getattr(repository, method))
    }


def test_every_public_method_has_a_case(two: tuple[Company, Company]) -> None:
    assert _methods(two[0].store) == set(CASES)


@pytest.mark.parametrize("method", sorted(CASES))
def test_a_company_finds_and_changes_nothing_of_another(two: tuple[Company, Company], method: str) -> None:
    ours, theirs = two
    before = rows_of(theirs.store, theirs.customer)
    assert CASES[method](ours.store, ours, theirs)
    assert rows_of(theirs.store, theirs.customer) == before


def test_what_a_case_would_find_is_there(two: tuple[Company, Company]) -> None:
    """The other company itself finds all that the cases look for."""
    theirs = two[1]
    store = theirs.store
    assert store.customers.find("their own") == theirs.customer
    assert store.bills.of_account(theirs.account)
    assert store.readings.series(theirs.account, ELECTRIC.id)
    assert store.pending_exports.list(theirs.account)
    assert {one.id for one in store.runs.list()} >= {theirs.run, theirs.queued}
    assert store.challenges.find(theirs.challenge) is not None
    assert store.events.after(kinds=[EventKind.NEW_BILL])
    assert store.audit.list(customer_id=theirs.customer.id)
    assert store.channels.mailbox(theirs.mailbox) is not None
    assert theirs.event in store.webhooks.of_events([theirs.event])
    assert theirs.lease in {one.lease for one in store.runs.renew()}


def test_a_text_message_belongs_to_the_company_of_whom_it_is_for(two: tuple[Company, Company]) -> None:
    ours, theirs = two
    farm = theirs.store.farm
    assert list(farm.sms.customers_of(NUMBER)) == [theirs.customer]
    text_message = InboundText("SM1", NUMBER, "+15185550000")
    delivery = farm.sms.receive(text_message, {theirs.customer: {"text": "1"}}, DeliveryStatus.NO_CODE)
    assert delivery.status is DeliveryStatus.UNSOLICITED
    with farm._farm.database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT count(*) FROM inbound_message WHERE company_id = :ours"),
            {"ours": ours.customer.company_id},
        )
        assert rows.scalar_one() == 0


def test_a_farm_has_one_company_until_another_is_added(tmp_path: Path) -> None:
    ready_home(tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")) as store:
        assert store.companies.list() == []
        first = store.companies.only()
        assert store.companies.list() == [first, store.companies.only(live=True)]
        assert not first.live
        second = store.companies.add("second")
        assert store.companies.find("second") == second
        with pytest.raises(AlreadyThere, match="The company second is there already"):
            store.companies.add(" second ")
        with pytest.raises(StorageError, match=r"several companies \(default, second\); name one"):
            store.of()
        with pytest.raises(StorageError, match="There is no company third"):
            store.of("third")
        customer = store.of("second").customers.add(UTILITY, "ada@x.example", secrets=SECRETS)
        assert customer.company_id == second.id
        assert store.of(first).customers.find("ada@x.example") is None
        live = store.of(store.companies.find("second", live=True))
        assert live.customers.find("ada@x.example") is None
        assert store.of(first).customers.ensure(UTILITY, "ada@x.example").login_id == customer.login_id
