"""Bills come in by real SMTP: from the companies' own people alone, each once; a refusal has its reason."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import aiosmtplib
import pytest

from meterfarm.console.mail.mail_in import BillMailTaker
from meterfarm.farm.mail.outbox import LEASE as DUE
from meterfarm.farm.mail.receiving import LARGEST_MAIL, MailRate, MailReceiver, ReceiverLimits
from meterfarm.records import BillSource, BillStatus
from meterfarm.services.companies import ChangeCompany, add_company, change_company
from meterfarm.services.errors import Conflict
from meterfarm.services.mail import outgoing_mails
from meterfarm.services.mail_in import MailInPlace
from meterfarm.storage.store import CompanyStore, Store
from tests.farm.mails_made import AUTHSERV, DOMAIN, PASSED, SENDER, forwarding, mail, zipped
from tests.services.printed import PDF, printed, town_bill

LIVE, TEST = "bills@in.farm.example", "bills+test@in.farm.example"
BILL = ("bill.pdf", "application/pdf", PDF)
SECOND = ("second.pdf", "application/pdf", town_bill(1))
WRONG = ("wrong\x1b[31m.pdf", "application/pdf", b"%PDF-1.7 cut")
TAKEN = "250 2.0.0 The bills were taken"


class WatchedTaker(BillMailTaker):
    """``began`` is set by the first mail that came whole."""

    def __init__(self, farm: Store, place: MailInPlace) -> None:
        super().__init__(farm, place)
        self.began = asyncio.Event()

    async def mail(self, sender: str, recipient: str, content: bytes) -> str:
        self.began.set()
        return await super().mail(sender, recipient, content)


class Inbound:
    """A `mail-in` of a farm at a port, as the operator's mail server speaks with it."""

    def __init__(
        self, farm: Store, peers: Sequence[str] = ("127.0.0.0/8",), limits: ReceiverLimits | None = None
    ) -> None:
        self.taker = WatchedTaker(farm, MailInPlace(LIVE, AUTHSERV))
        self._receiver = MailReceiver(self.taker, "in.farm.example", peers, limits=limits)
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Inbound:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._task = asyncio.create_task(self._receiver.serve(self._listener))
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.close()
        self._task.cancel()
        await asyncio.wait({self._task})
        self._listener.close()

    async def send(self, content: bytes, to: str = TEST, sender: str = SENDER) -> str:
        """The last reply."""
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, timeout=60, start_tls=False)
        try:
            await client.connect()
            await client.mail(sender)
            await client.rcpt(to)
            reply = await client.data(content)
        except aiosmtplib.SMTPResponseException as exc:
            return f"{exc.code} {exc.message}"
        finally:
            client.close()
        return f"{reply.code} {reply.message}"

    async def greeted(self, *lines: bytes) -> asyncio.StreamReader:
        """A connection that is open, as its greeting was read; these lines are sent to it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        assert (await reader.readline()).startswith(b"220 ")
        writer.writelines(line + b"\r\n" for line in lines)
        return reader

    async def raw(self, *lines: bytes) -> bytes:
        """All that is answered to these lines."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for line in lines:
            writer.write(line + b"\r\n")
        try:
            return await reader.read()
        finally:
            writer.close()


@pytest.fixture
async def inbound(store: CompanyStore) -> AsyncIterator[Inbound]:
    farm = store.farm
    change_company(farm, farm.companies.only(), ChangeCompany(mail_domains=[DOMAIN]))
    async with Inbound(farm) as inbound:
        yield inbound


def _sources(store: CompanyStore) -> list[BillSource]:
    return [bill.source for bill in store.bills.list(None)]


async def test_a_bill_comes_in_once_however_often_its_mail_comes(
    inbound: Inbound, store: CompanyStore
) -> None:
    for _ in range(2):
        assert await inbound.send(mail(BILL)) == TAKEN
    (bill,) = store.bills.list(None)
    assert (bill.source, bill.account_number) == (BillSource.EMAIL, "102385581897063")
    assert len([one for one in store.events.after() if one.kind == "new_bill"]) == 1
    assert outgoing_mails(store.farm) == []


async def test_what_is_not_taken_goes_to_the_author_and_not_to_whom_the_envelope_names(
    inbound: Inbound, store: CompanyStore
) -> None:
    """A signed mail can be handed in again, by anybody, with any envelope."""
    for colleague in ("bea", "cem"):
        assert await inbound.send(mail(BILL, WRONG), sender=f"{colleague}@{DOMAIN}") == TAKEN
    (reply,) = outgoing_mails(store.farm)
    assert reply.to == SENDER


async def test_a_line_with_a_point_ends_a_mail_only_as_smtp_has_it(
    inbound: Inbound, store: CompanyStore
) -> None:
    """Else a mail could bring another one with it, of which our mail server has stated nothing."""
    begun = [b"EHLO x", f"MAIL FROM:<{SENDER}>".encode(), f"RCPT TO:<{TEST}>".encode(), b"DATA"]
    smuggled = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{TEST}>\r\nDATA".encode()
    for end in (b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n\0.\r\n"):
        content = mail() + b"x" + end + smuggled + b"\r\n" + mail(BILL)
        answers = await inbound.raw(*begun, content.replace(b"\r\n.\r\n", b"\r\n..\r\n"), b".", b"QUIT")
        assert answers.count(b"354 ") == 1, end
        assert answers.count(b"250 2.1.5 OK") == 1, end
    assert _sources(store) == []


async def test_an_encrypted_pdf_is_kept_and_an_encrypted_zip_is_not(
    inbound: Inbound, store: CompanyStore
) -> None:
    locked = bytearray(zipped(("bill.pdf", PDF)))
    locked[6] |= 1
    directory = locked.rindex(b"PK\x01\x02")
    locked[directory + 8] |= 1
    packed = ("bills.zip", "application/zip", bytes(locked))
    assert "opens only with a password" in await inbound.send(mail(packed))
    sealed = ("sealed.pdf", "image/png", printed("sealed", "password"))
    assert await inbound.send(mail(sealed)) == TAKEN
    (bill,) = store.bills.list(None)
    assert bill.status is BillStatus.NOT_SUPPORTED


async def test_what_others_forge_in_a_companys_name_does_not_use_up_its_mails(
    inbound: Inbound, store: CompanyStore
) -> None:
    inbound.taker._rate = MailRate(1, 600)
    for _ in range(3):
        assert "550 5.7.1 The sender could not" in await inbound.send(mail(BILL, results="dkim=fail"))
    assert await inbound.send(mail(BILL)) == TAKEN
    assert (await inbound.send(mail(SECOND))).startswith("450 4.7.1 Too many mails of this company")
    assert len(_sources(store)) == 1


async def test_a_mail_that_is_being_kept_when_it_stops_is_kept_or_comes_again(store: CompanyStore) -> None:
    """Whoever got no answer sends it once more; it is there once."""
    farm = store.farm
    change_company(farm, farm.companies.only(), ChangeCompany(mail_domains=[DOMAIN]))
    async with Inbound(farm) as stopped:
        sending = asyncio.create_task(stopped.send(mail(BILL)))
        await stopped.taker.began.wait()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await sending
    async with Inbound(farm) as again:
        assert await again.send(mail(BILL)) == TAKEN
    assert len(_sources(store)) == 1


async def test_two_pdfs_a_forwarded_mail_and_a_zip_are_taken(inbound: Inbound, store: CompanyStore) -> None:
    assert await inbound.send(mail(BILL, SECOND)) == TAKEN
    assert len(_sources(store)) == 2
    assert await inbound.send(forwarding(mail(("3.pdf", "application/pdf", town_bill(2))))) == TAKEN
    packed = zipped(("4.pdf", town_bill(3)), ("5.pdf", town_bill(4)))
    assert await inbound.send(mail(("bills.zip", "application/zip", packed))) == TAKEN
    assert _sources(store) == [BillSource.EMAIL] * 5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (mail(BILL, author="Eve <eve@evil.example>"), "550 5.7.1 The address in the mail's From field"),
        (mail(BILL, author=f"{SENDER}, eve@evil.example"), "550 5.7.1 The address in the mail's From field"),
        (
            mail(BILL, author=f'"{SENDER}" <eve@evil.example>'),
            "550 5.7.1 The address in the mail's From field",
        ),
        (b"From: eve@evil.example\r\n" + mail(BILL), "550 5.7.1 The address in the mail's From field"),
        (mail(BILL, results=None), "550 5.7.1 No mail server that is trusted here"),
        (
            mail(BILL, results="dkim=fail header.d=acme.example; spf=softfail"),
            "550 5.7.1 The sender could not",
        ),
        (mail(BILL, results="dmarc=pass header.from=evil.example"), "550 5.7.1 The sender could not"),
        (
            mail(BILL, results="spf=fail", Authentication_Results=f"{AUTHSERV}; {PASSED}"),
            "550 5.7.1 The sender could not",
        ),
        (
            mail(BILL, results=None, Authentication_Results=f"evil.example; {PASSED}"),
            "550 5.7.1 No mail server that is trusted here",
        ),
        (mail(), "554 5.6.0 The mail has no PDF attached; bills are taken as PDF files only."),
        (mail(("scan.jpg", "image/jpeg", b"jpg")), "It has only scan.jpg."),
        (mail(WRONG), "554 5.6.0 No bill was taken. wrong"),
        (mail(("a.zip", "application/zip", zipped(("n.txt", b"n")))), "a.zip: The ZIP file holds no PDF."),
        (b"Received: x\r\n" * 51 + mail(BILL), "554 5.4.6 The mail went through too many servers"),
    ],
)
async def test_what_is_refused_is_refused_with_its_reason(
    inbound: Inbound, store: CompanyStore, content: bytes, why: str
) -> None:
    reply = await inbound.send(content)
    assert why in reply
    assert reply.isascii()
    assert len(reply) < 500
    assert _sources(store) == []
    assert outgoing_mails(store.farm) == []


async def test_who_is_of_no_company_and_what_goes_to_no_address_is_refused_before_the_mail(
    inbound: Inbound, store: CompanyStore
) -> None:
    of_none = "550 5.7.1 Bills are taken only from addresses at a company's own domain"
    assert (await inbound.send(mail(BILL), sender="eve@evil.example")).startswith(of_none)
    assert (await inbound.send(mail(BILL), sender=f"eve@mail.{DOMAIN}")).startswith(of_none)
    assert (await inbound.send(mail(BILL), to=LIVE)).startswith(of_none), "the live side has no domains"
    assert (await inbound.send(mail(BILL), to="ada@in.farm.example")).startswith("550 5.1.1 There is no such")
    answered = await inbound.raw(b"EHLO x", b"MAIL FROM:<>", b"QUIT")
    assert b"550 5.7.1 A mail without a sender brings no bills" in answered
    two = [b"EHLO x", b"MAIL FROM:<ada@acme.example>", *[f"RCPT TO:<{TEST}>".encode()] * 2, b"QUIT"]
    assert b"452 4.5.3 One recipient a mail" in await inbound.raw(*two)
    assert _sources(store) == []


async def test_sides_and_companies_are_kept_apart(inbound: Inbound, store: CompanyStore) -> None:
    farm = store.farm
    live = farm.companies.only(live=True)
    change_company(farm, live, ChangeCompany(mail_domains=[DOMAIN]))
    assert await inbound.send(mail(SECOND), to="Bills@IN.farm.example") == TAKEN
    assert (_sources(store), _sources(farm.of(live))) == ([], [BillSource.EMAIL])
    other = add_company(farm, "other")
    with pytest.raises(Conflict, match=r"acme\.example is the company default's"):
        change_company(farm, other, ChangeCompany(mail_domains=[DOMAIN]))


async def test_of_two_pdfs_the_good_one_is_taken_and_the_verified_sender_reads_which_was_not(
    inbound: Inbound, store: CompanyStore
) -> None:
    for _ in range(2):
        assert await inbound.send(mail(BILL, WRONG)) == TAKEN
    (reply,) = outgoing_mails(store.farm)
    assert (reply.to, reply.about) == (SENDER, "reply")
    (due,) = store.farm.mails.take(10, DUE)
    assert due.mail is not None
    assert due.mail.answers == "<1@acme.example>"
    assert "Of your mail 1 bill was taken. Not taken:" in due.mail.text
    assert "wrong�[31m.pdf: " in due.mail.text
    for field in ({"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<x>"}):
        assert await inbound.send(mail(BILL, WRONG, message_id="<2@x>", **field)) == TAKEN
    assert len(outgoing_mails(store.farm)) == 1, "what a program sent is not answered"


async def test_thirty_megabytes_are_taken_or_refused_by_size(inbound: Inbound, store: CompanyStore) -> None:
    padded = PDF + b"\n" * (22 * 1024 * 1024) + PDF[-64:]
    assert await inbound.send(mail(("large.pdf", "application/pdf", padded))) == TAKEN
    too_large = "552 5.3.4 The mail is larger than 32 MiB; send fewer bills in a mail, or upload them"
    assert await inbound.send(mail(BILL) + (b"x" * 998 + b"\r\n") * (LARGEST_MAIL // 1000)) == too_large
    asked = [b"EHLO x", f"MAIL FROM:<{SENDER}> SIZE={LARGEST_MAIL + 1}".encode(), b"QUIT"]
    answered = await inbound.raw(*asked)
    assert too_large.encode() in answered
    assert f"250-SIZE {LARGEST_MAIL}".encode() in answered
    assert len(_sources(store)) == 1


async def test_a_mail_is_not_lost_while_the_database_is_away(
    inbound: Inbound, store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = store.farm._farm.database.engine
    home = store.farm.home / "meterfarm.db"
    engine.dispose()
    away = home.rename(home.with_name("away"))
    home.mkdir()
    assert (await inbound.send(mail(BILL))).startswith("451 4.3.0 The mail cannot be kept now")
    home.rmdir()
    away.rename(home)
    assert await inbound.send(mail(BILL)) == TAKEN
    assert len(_sources(store)) == 1


async def test_strangers_floods_and_slow_clients_are_cut_off(store: CompanyStore) -> None:
    farm = store.farm
    change_company(farm, farm.companies.only(), ChangeCompany(mail_domains=[DOMAIN]))
    async with Inbound(farm, ["10.0.0.0/8"]) as closed:
        assert await closed.raw() == b"554 5.7.1 Only the operator's mail server hands in mail here\r\n"
    async with Inbound(farm, limits=ReceiverLimits(connections=2)) as full:
        for _ in range(2):
            await full.greeted()
        assert b"421 4.3.2 Too many connections" in await full.raw()
    async with Inbound(farm, limits=ReceiverLimits(seconds=0.5, mails=1)) as quick:
        begun = [
            b"EHLO x",
            f"MAIL FROM:<{SENDER}>".encode(),
            f"RCPT TO:<{TEST}>".encode(),
            b"DATA",
            b"From: a",
        ]
        silent, slow = await quick.greeted(), await quick.greeted(*begun)
        assert await silent.read() == b""
        assert (await slow.read()).rstrip().endswith(b"354 End data with <CR><LF>.<CR><LF>")
        assert (await quick.send(mail(results=None))).startswith("550"), "its place is free again"
        noops = await quick.raw(*[b"NOOP"] * 60)
        assert b"421 4.7.0 NOOP sent too many times" in noops
        assert b"500 Command line too long" in await quick.raw(b"MAIL FROM:" + b"x" * 100_000, b"QUIT")


def test_a_company_sends_so_many_mails_in_a_time() -> None:
    rate = MailRate(2, 60)
    assert [rate.allows(name) for name in ("1", "1", "1", "2")] == [True, True, False, True]
