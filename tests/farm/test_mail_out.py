"""Mail goes out by real SMTP: with TLS where it must, once for each cause, and nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from meterfarm.farm.mail.message import composed
from meterfarm.farm.mail.outbox import LEASE, MailOutbox
from meterfarm.farm.mail.sending import MailSender
from meterfarm.farm.mail.server import SmtpServer, mail_address, parsed_sender, parsed_server
from meterfarm.farm.settings import FarmSettings
from meterfarm.records import CustomerState, EventKind, Mail, MailSecurity
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.errors import InvalidRequest
from meterfarm.services.mail import NoticeWriter, outgoing_mails, queue_mail
from meterfarm.storage import StorageError
from meterfarm.storage.channels import MailState
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs.events import publish
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import CustomerRow, OutgoingMailRow
from tests.farm.post import certificate, free_port
from tests.farm.smtp_sink import PASSWORD, USER, Sink, smtp_sink
from tests.storage.made import UTILITY
from tests.storage.passing import pass_time

SENDER = "Meterfarm <noreply@farm.example>"
WITH_USER = "meter%20farm:p%40ss%2Fcanary%3A5e1f@"
MAIL = Mail("ada@example.com", "Hello", "Text with a token canary-71aa.", "<p>Text</p>")
PUBLIC = "https://farm.example"


@pytest.fixture(scope="module")
def sinks() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
def sink(sinks: Sink) -> Sink:
    sinks.taken.clear()
    sinks.tried.clear()
    sinks.came.clear()
    return sinks


def _server(port: int, scheme: str = "smtp+plain", user: str = "") -> SmtpServer:
    server = parsed_server(SecretStr(f"{scheme}://{user}127.0.0.1:{port}"), SENDER)
    assert server is not None
    return server


def _outbox(store: CompanyStore, port: int) -> MailOutbox:
    return MailOutbox(store.farm, MailSender(_server(port), seconds=5), NoticeWriter(PUBLIC).of)


async def test_a_mail_has_text_and_html_and_nobody_answers_it(sink: Sink) -> None:
    mail = composed(
        "Ada@Example.COM",
        "Für Ada\r\nBcc: eve@evil.example",
        ["Für <b>Ada</b>\r\nX-Evil: 1", "x" * 3000],
        button=("View & go", "https://farm.example/?a=1&b=2"),
        closing=["."],
    )
    assert await MailSender(_server(sink.port)).send(mail, "id1") == await MailSender(
        _server(sink.port)
    ).send(mail, "id1")
    taken = sink.taken[0]
    assert (taken.sender, taken.recipients) == ("noreply@farm.example", ["Ada@example.com"])
    message = taken.message
    assert message["Subject"] == "Für Ada Bcc: eve@evil.example"
    assert (message["From"], message["Auto-Submitted"]) == (SENDER, "auto-generated")
    assert (message["Message-ID"], message["Bcc"], message["X-Evil"]) == ("<id1@farm.example>", None, None)
    text, html = (message.get_body([kind]) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "Für <b>Ada</b> X-Evil: 1" in text.get_content()
    assert "View & go: https://farm.example/?a=1&b=2" in text.get_content()
    assert "Für &lt;b&gt;Ada&lt;/b&gt;" in html.get_content()
    assert 'href="https://farm.example/?a=1&amp;b=2"' in html.get_content()
    assert max(map(len, taken.content.split(b"\r\n"))) < 100
    assert taken.content.isascii()


async def test_an_answer_by_itself_has_no_sender_so_that_none_is_answered(sink: Sink) -> None:
    answer = Mail("ada@example.com", "Re", "Text", answers="<1@x.example>\r\nBcc: eve@evil.example")
    assert not (await MailSender(_server(sink.port)).send(answer, "id2")).fault
    (taken,) = sink.taken
    assert (taken.sender, taken.message["Auto-Submitted"]) == ("<>", "auto-replied")
    assert (taken.message["Bcc"], "<1@x.example>" in taken.message["In-Reply-To"]) == (None, True)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_tls_is_verified_and_the_password_goes_by_it(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    with smtp_sink(context, from_start=scheme == "smtps") as safe:
        stranger = MailSender(_server(safe.port, scheme, WITH_USER))
        result = await stranger.send(MAIL, "id3")
        assert "has a certificate that is not trusted here" in result.fault
        assert (result.is_final, safe.users) == (False, [])
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        friend = MailSender(_server(safe.port, scheme, WITH_USER))
        assert (await friend.send(MAIL, "id3")).fault == ""
        assert await friend.check() == ""
        assert safe.users == [(USER.encode(), PASSWORD.encode())] * 2
        wrong = MailSender(_server(safe.port, scheme, "eve:eve@"), seconds=5)
        assert "refuses the user or the password of METERFARM_SMTP_URL (535)" in await wrong.check()
    assert len(safe.taken) == 1


async def test_what_keeps_a_mail_from_going_out_is_a_sentence(sink: Sink) -> None:
    refused = f"The mail server 127.0.0.1:{(gone := free_port())} cannot be reached (Connection refused)."
    assert (await MailSender(_server(gone)).send(MAIL, "a")).fault == refused
    to_tls = (await MailSender(_server(sink.port, "smtp", WITH_USER)).send(MAIL, "a")).fault
    assert "STARTTLS extension not supported" in to_tls
    assert "canary" not in to_tls
    sink.to_recipients[:] = ["550 no such user"]
    result = await MailSender(_server(sink.port)).send(MAIL, "a")
    assert (result.is_final, "refuses the recipient (550 no such user)." in result.fault) == (True, True)
    sink.answers[:] = ["451 later"]
    result = await MailSender(_server(sink.port)).send(MAIL, "a")
    assert (result.is_final, "refuses the mail (451 later)." in result.fault) == (False, True)
    result = await MailSender(_server(sink.port)).send(Mail("no address", "s", "t"), "a")
    assert (result.is_final, result.fault) == (True, "It goes to what is no address.")
    odd = MailSender(replace(_server(gone), host="mail..example", security=MailSecurity.TLS))
    assert "has a name that cannot be looked up" in await odd.check()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = MailSender(_server(silent.getsockname()[1]), seconds=0.2)
        assert "did not answer within 0.2 s" in await slow.check()
    assert not sink.taken


async def test_a_mail_is_tried_again_under_the_same_id_and_then_erased(
    store: CompanyStore, sink: Sink, tmp_path: Path
) -> None:
    queue_mail(store, MAIL)
    sink.answers[:] = ["451 later", "452 full"]
    outbox = _outbox(store, sink.port)
    for _ in range(3):
        await outbox.look()
        pass_time(store, timedelta(minutes=2))
    assert await outbox.look() == 0
    ids = {line for tried in sink.tried for line in tried.splitlines() if line.startswith(b"Message-ID")}
    assert (len(sink.tried), len(sink.taken), len(ids)) == (3, 1, 1)
    (mail,) = outgoing_mails(store.farm)
    assert (mail.state, mail.attempts, mail.about) == (MailState.SENT, 3, "user")
    (opened, *_) = store.audit.list()
    assert opened.kinds == ["outgoing_mail"] or tuple(opened.kinds) == ("outgoing_mail",)
    store.farm._farm.database.forget_deleted()
    for file in (tmp_path / "home").glob("meterfarm.db*"):
        assert b"canary-71aa" not in file.read_bytes()


async def test_a_refused_or_an_old_mail_is_given_up_and_shown(store: CompanyStore, sink: Sink) -> None:
    queue_mail(store, MAIL)
    sink.answers[:] = ["554 no"]
    outbox = _outbox(store, sink.port)
    await outbox.look()
    queue_mail(store, MAIL, good_for=timedelta(hours=1))
    pass_time(store, timedelta(hours=1))
    assert await outbox.look() == 0
    assert store.farm.mails.give_up("Nothing sent it.") == 1
    assert [(mail.state, mail.fault) for mail in outgoing_mails(store.farm, failed=True)] == [
        (MailState.GIVEN_UP, "Nothing sent it."),
        (MailState.GIVEN_UP, f"The mail server 127.0.0.1:{sink.port} refuses the mail (554 no)."),
    ]
    assert store.farm.mails.forget(timedelta()) == 2


async def test_a_mail_is_one_senders_at_a_time_and_taken_again_when_that_one_died(
    store: CompanyStore, sink: Sink
) -> None:
    queue_mail(store, MAIL)
    (died,) = store.farm.mails.take(10, LEASE)
    outbox = _outbox(store, sink.port)
    assert await outbox.look() == 0
    pass_time(store, LEASE)
    assert await outbox.look() == 1
    assert store.farm.mails.settle(died, "too late", None) is None
    assert [mail.state for mail in outgoing_mails(store.farm)] == [MailState.SENT]
    queue_mail(store, MAIL)
    await asyncio.gather(*(_outbox(store, sink.port).look() for _ in range(4)))
    assert len(sink.taken) == 2


async def test_a_worker_that_dies_before_its_note_leaves_a_second_mail_of_the_same_id(
    store: CompanyStore, sink: Sink
) -> None:
    """And no third: how the outbox stands is counted in between."""
    queue_mail(store, MAIL)
    (due,) = store.farm.mails.take(10, LEASE)
    assert due.mail is not None
    assert not (await MailSender(_server(sink.port)).send(due.mail, due.message_id)).fault
    figures = store.farm.mails.figures()
    assert (figures.mails[MailState.PENDING], figures.failing) == (1, 0)
    pass_time(store, LEASE)
    assert store.farm.mails.figures().oldest_seconds >= LEASE.total_seconds()
    for _ in range(2):
        await _outbox(store, sink.port).look()
    first, second = (taken.message["Message-ID"] for taken in sink.taken)
    assert first == second
    figures = store.farm.mails.figures()
    assert (figures.mails[MailState.SENT], figures.oldest_seconds) == (1, 0)


async def test_what_fails_is_tried_later_and_later_and_given_up_in_time(
    store: CompanyStore, sink: Sink
) -> None:
    """A link that is good for an hour is not mailed after it; other mails are tried for three days."""
    waits = []
    for good_for in (timedelta(hours=1), timedelta(days=3)):
        queue_mail(store, MAIL, good_for=good_for)
        outbox, tried = _outbox(store, free_port()), 0
        while await outbox.look():
            tried += 1
            mail = outgoing_mails(store.farm)[0]
            if mail.next_at is None:
                break
            assert store.farm.mails.figures().failing == 1
            left = mail.next_at - datetime.now(UTC)
            waits.append(round(left.total_seconds()))
            pass_time(store, left + timedelta(seconds=1))
        assert outgoing_mails(store.farm)[0].state is MailState.GIVEN_UP
        assert tried == 6 if good_for < timedelta(days=1) else 14 < tried < 20
    planned = (5, 30, 120, 600, 1800, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800)
    assert all(0.85 * plan <= wait <= 1.15 * plan for wait, plan in zip(waits, planned, strict=False)), waits


async def test_a_mail_that_does_not_open_keeps_back_no_other(store: CompanyStore, sink: Sink) -> None:
    damaged = queue_mail(store, MAIL)
    with store.farm._farm.database.writing() as session:
        session.get_one(OutgoingMailRow, damaged).ciphertext = b"damaged"
    queue_mail(store, MAIL)
    outbox = _outbox(store, sink.port)
    running = asyncio.create_task(outbox.run())
    assert await asyncio.to_thread(sink.came.wait, 20)
    running.cancel()
    await asyncio.wait({running})
    states = [mail.state for mail in outgoing_mails(store.farm)]
    assert states == [MailState.SENT, MailState.GIVEN_UP], "what was handed in is noted before it ends"


def _happens(store: CompanyStore, customer: Customer, kind: EventKind, key: str) -> None:
    with store.farm._farm.database.writing() as session:
        publish(session, customer.id, kind, key, {})


async def test_the_company_gets_one_mail_when_data_is_ready_and_one_each_time_one_must_reauthenticate(
    store: CompanyStore, sink: Sink
) -> None:
    early = store.customers.ensure(UTILITY, "early@x.example")
    _happens(store, early, EventKind.BILLS_READY, "first")
    farm, company = store.farm, store.farm.companies.only()
    change_company(farm, company, ChangeCompany(notification_email="Ops@acme.example"))
    ada = store.customers.ensure(UTILITY, "ada@x.example")
    store.customers.update(ada, profile={"first_name": "<i>Ada</i>", "last_name": "Lovelace"})
    for key in ("first", "first", "second"):
        _happens(store, ada, EventKind.BILLS_READY, key)
        _happens(store, ada, EventKind.INTERVALS_READY, key)
        _happens(store, ada, EventKind.NEW_BILL, key)
    _happens(store, ada, EventKind.INTERVALS_READY, "fired 1")
    outbox = _outbox(store, sink.port)
    await outbox.look()
    (taken,) = sink.taken
    assert taken.recipients == ["Ops@acme.example"]
    assert taken.message["Subject"] == f"Data ready: Customer {ada.id}"
    html = taken.message.get_body(["html"])
    assert html is not None
    assert f'href="{PUBLIC}/dashboard/test/customers/{ada.id}"' in html.get_content()
    assert "View data here" in html.get_content()
    assert "<i>" not in html.get_content()

    _happens(store, ada, EventKind.CUSTOMER_MUST_REAUTHENTICATE, "7")
    await outbox.look()
    assert len(sink.taken) == 1, "who need not reauthenticate any more is not announced"
    store.customers.update(ada, profile={"first_name": "Ada"})
    _set_state(store, ada, CustomerState.MUST_REAUTHENTICATE)
    for _ in range(2):
        _happens(store, ada, EventKind.CUSTOMER_MUST_REAUTHENTICATE, "8")
        await outbox.look()
    (_, second) = sink.taken
    assert second.message["Subject"] == f"Must reauthenticate: Ada Lovelace (customer {ada.id})"
    _happens(store, ada, EventKind.CUSTOMER_MUST_REAUTHENTICATE, "9")
    await outbox.look()
    assert len(sink.taken) == 3


def _set_state(store: CompanyStore, customer: Customer, state: CustomerState) -> None:
    with store.farm._farm.database.writing() as session:
        session.get_one(CustomerRow, customer.id).state = state.value


def test_a_mail_goes_to_an_address(store: CompanyStore) -> None:
    for wrong in ("", "ada", "ada@", "ada@x", "a b@x.example", "ada@x.example\r\nRCPT TO:<eve@x.example>"):
        with pytest.raises(InvalidRequest, match="no e-mail address"):
            queue_mail(store, Mail(wrong, "s", "t"))
    assert outgoing_mails(store.farm) == []
    assert mail_address("ada@bücher.example") == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtps://u:p%40@mail.example", ("mail.example", 465, MailSecurity.TLS, "u")),
        ("smtp://u:p@mail.example", ("mail.example", 587, MailSecurity.STARTTLS, "u")),
        ("SMTP://[::1]:26", ("::1", 26, MailSecurity.STARTTLS, "")),
        ("smtp+plain://localhost", ("localhost", 25, MailSecurity.NONE, "")),
        ("smtp+plain://mail.example", "for this machine"),
        ("mail.example:25", "write smtps://"),
        ("smtp://", "write smtps://"),
        ("smtp://mail.example:99999", "write smtps://"),
        ("smtp://mail.example/x", "write smtps://"),
        ("smtp://:canary@mail.example", "write smtps://"),
    ],
)
def test_the_address_of_the_mail_server(url: str, expected: object) -> None:
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=re.escape(expected)) as refused:
            parsed_server(SecretStr(url), SENDER)
        assert "canary" not in str(refused.value)
        return
    server = parsed_server(SecretStr(url), SENDER)
    assert server is not None
    assert (server.host, server.port, server.security, server.username) == expected


def test_who_mail_is_from_must_be_set_and_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FarmSettings().mail_server is None
    monkeypatch.setenv("METERFARM_SMTP_URL", "smtps://mail.example")
    with pytest.raises(StorageError, match="METERFARM_MAIL_FROM is not"):
        FarmSettings()
    monkeypatch.setenv("METERFARM_MAIL_FROM", "Ada")
    with pytest.raises(StorageError, match="MAIL_FROM is no address"):
        FarmSettings()
    assert str(parsed_sender("noreply@x.example")) == "noreply@x.example"


def test_a_companys_address_and_domains_are_checked(store: CompanyStore) -> None:
    farm, company = store.farm, store.farm.companies.only()
    chosen = change_company(farm, company, ChangeCompany(mail_domains=["@Acme.example", "acme.example. "]))
    assert (chosen.mail_domains, chosen.notification_email) == (("acme.example",), "")
    for wrong in ("gmail.com", "acme", "a b.example", "x@y.example"):
        with pytest.raises(InvalidRequest, match="domain"):
            change_company(farm, company, ChangeCompany(mail_domains=[wrong]))
    with pytest.raises(InvalidRequest, match="no e-mail address"):
        change_company(farm, company, ChangeCompany(notification_email="ops"))
    assert farm.companies.settings(company.id) == chosen
    assert change_company(farm, company, ChangeCompany(mail_domains=[""])).mail_domains == ()
    assert json.dumps(chosen.mail_domains) == '["acme.example"]'
