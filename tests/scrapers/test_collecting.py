"""What one document or one list that cannot be had does to a run: nothing, but to leave itself out."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import ClassVar

import pytest
from fpdf import FPDF
from pydantic import SecretStr

import meterfarm.scrapers.http.client
from meterfarm.formats.errors import FormatError
from meterfarm.mfa.port import Nobody
from meterfarm.records import Account, Bill, Document, EventKind, ListedBill, Outcome, Part
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.body import DOCUMENT, Limit
from meterfarm.scrapers.http.markup import root_of
from meterfarm.scrapers.outcomes import ItemFailed, SessionEnded
from meterfarm.scrapers.runs.local_run import LocalRun
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.utility import AvailableIntervals, Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.redact import Secrets
from tests.local_site import closed_site
from tests.raw_site import RawSite, Reply, answered, raw_site
from tests.scrapers.village import Village
from tests.storage.made import ACCOUNT, bill, listed

BILLS = 6
DAY = date(2026, 1, 5)
SOON = replace(DOCUMENT, seconds=1.5)


UNREADABLE = "Another layout"


def pdf(words: str = "A bill", password: str = "") -> bytes:
    made = FPDF()
    if password:
        made.set_encryption("owner", password)
    made.add_page()
    made.set_font("helvetica")
    made.cell(text=words)
    return bytes(made.output())


PDF_TYPE = b"Content-Type: application/pdf\r\n"
PDF = answered(pdf(), PDF_TYPE)


class Hamlet(Village):
    """Its lists are lines of text; all its bills say the same."""

    name: ClassVar[str] = "Hamlet Light"
    id = "hamlet"

    async def is_signed_in(self, visit: Visit) -> bool:
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        numbers = root_of((await visit.http.get("/accounts")).text).text_content().split()
        return [replace(ACCOUNT, number=number, meters=()) for number in numbers]

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        keys = (await visit.http.get(f"/bills/{account.number}")).text.split()
        return [replace(listed(key), url=f"/{key}.pdf") for key in keys]

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        return await visit.http.document(bill.url, limit=SOON)

    def read_bill(self, text: Sequence[str]) -> Bill:
        return replace(bill(), account_number="1", billed_on=DAY)

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        await visit.http.get(f"/usage/{account.number}")
        return ()


def text(words: str) -> bytes:
    return answered(words.encode(), b"Content-Type: text/plain\r\n")


def portal(accounts: str = "1") -> dict[str, Reply]:
    """One account with its bills; the others have none."""
    bills = [f"b{number}" for number in range(BILLS)]
    lists = {f"/{what}/{number}": text("") for number in accounts.split() for what in ("bills", "usage")}
    return {
        "/accounts": answered(f"<p>{accounts}".encode()),
        **lists,
        "/bills/1": text(" ".join(bills)),
        **{f"/{key}.pdf": PDF for key in bills},
    }


@pytest.fixture
def site() -> Iterator[RawSite]:
    with raw_site(portal()) as site:
        yield site


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompanyStore]:
    store = Store.open(Settings(home=tmp_path_factory.mktemp("store"))).of()
    yield store
    store.close()


@dataclass(frozen=True)
class Kept:
    """A customer of whom nothing is in store yet."""

    store: CompanyStore
    username: str


@pytest.fixture
def kept(opened: CompanyStore, tmp_path: Path) -> Kept:
    return Kept(opened, f"{tmp_path.name}@example.com")


async def never() -> SecretStr:
    raise AssertionError("a password was asked for")


async def password() -> SecretStr:
    return SecretStr("a password")


async def run(
    kept: Kept,
    site: RawSite,
    utility: Utility | None = None,
    asked: Callable[[], Awaitable[SecretStr]] = never,
) -> RunResult:
    """A run from a saved session."""
    utility = utility or Hamlet()
    store, username = kept.store, kept.username
    customer = store.customers.ensure(utility.id, username)
    session = PortalSession({"cookies": [], "origins": []}).to_bytes()
    store.credentials.save_session(customer, session, trusted_since=None)
    request = RunRequest(utility, site.url, username, asked, Nobody())
    with tempfile.TemporaryDirectory() as scratch:
        async with Chromium(["127.0.0.1"], Path(scratch)) as chromium:
            made = LocalRun(request, store, chromium, Secrets(), NoProgress(), Path(scratch) / "evidence")
            return await made.run()


def missing(result: RunResult) -> dict[str, str]:
    return {item.item: item.reason for item in result.ledger if not item.stored}


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.write(PDF[: len(PDF) // 2])
    await writer.drain()


async def hang(writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()


async def hang_midway(writer: asyncio.StreamWriter) -> None:
    await cut(writer)
    await hang(writer)


SPOILT: dict[str, tuple[Reply, str]] = {
    "breaks off": (cut, "broke off"),
    "ends before it begins": (b"", "closed the connection"),
    "is no HTTP": (b"%PDF-1.7", "closed the connection"),
    "lies about gzip": (answered(pdf(), b"Content-Encoding: gzip\r\n"), "not packed by gzip"),
    "lies about its chunks": (
        answered(pdf(), b"Transfer-Encoding: chunked\r\n"),
        "broke off",
    ),
    "takes too long": (hang, "did not answer in time"),
    "takes too long midway": (hang_midway, "did not send all in time"),
    "is too large": (
        answered(b"", b"Content-Type: application/pdf\r\nContent-Length: 99999999\r\n"),
        "95 MiB",
    ),
    "is an error": (answered(b"", status=b"500 Internal Server Error"), "HTTP 500"),
    "is not there": (answered(b"", status=b"404 Not Found"), "HTTP 404"),
    "redirects without end": (answered(b"", b"Location: /b0.pdf\r\n", status=b"302 Found"), "without end"),
}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAGE", "LIST"):
        limit: Limit = getattr(meterfarm.scrapers.http.client, name)
        monkeypatch.setattr(meterfarm.scrapers.http.client, name, replace(limit, seconds=5.0))


@pytest.mark.parametrize("name", SPOILT)
async def test_a_bill_that_cannot_be_had_leaves_the_others(name: str, site: RawSite, kept: Kept) -> None:
    """Also when it is the only bill that is not in store yet, run after run."""
    spoilt, reason = SPOILT[name]
    site.replies["/b0.pdf"] = spoilt
    for _ in range(2):
        result = await run(kept, site)
        assert result.outcome is Outcome.PARTIAL, result.message
        (why,) = missing(result).values()
        assert reason in why
        assert sum(item.stored for item in result.ledger) == BILLS - 1
    site.replies["/b0.pdf"] = PDF
    assert (await run(kept, site)).outcome is Outcome.COMPLETE


@pytest.mark.parametrize("name", ["breaks off", "takes too long", "is an error"])
async def test_several_that_cannot_be_had_leave_what_is_in_store(
    name: str, site: RawSite, kept: Kept
) -> None:
    assert (await run(kept, site)).outcome is Outcome.COMPLETE
    fresh = [f"n{number}" for number in range(4)]
    site.replies["/bills/1"] = text(" ".join([*(f"b{number}" for number in range(BILLS)), *fresh]))
    site.replies |= {f"/{key}.pdf": SPOILT[name][0] for key in fresh}
    result = await run(kept, site)
    assert result.outcome is Outcome.PARTIAL, result.message
    assert len(missing(result)) == len(fresh)


@pytest.mark.parametrize("name", SPOILT)
async def test_a_portal_that_hands_over_nothing_is_down(name: str, site: RawSite, kept: Kept) -> None:
    site.replies |= {f"/b{number}.pdf": SPOILT[name][0] for number in range(BILLS)}
    result = await run(kept, site)
    assert result.outcome in {Outcome.PORTAL_DOWN, Outcome.LAYOUT_CHANGED}
    assert not result.finished


async def test_a_portal_that_goes_away_while_bills_come_is_down(site: RawSite, kept: Kept) -> None:
    """Not each of its bills by itself: it is asked for a page that it gave before."""
    pages = itertools.count()

    async def accounts(writer: asyncio.StreamWriter) -> None:
        if not next(pages):
            writer.write(answered(b"<p>1"))

    site.replies["/accounts"] = accounts
    site.replies |= {f"/b{number}.pdf": hang for number in range(1, BILLS)}
    result = await run(kept, site)
    assert (result.outcome, result.finished) == (Outcome.PORTAL_DOWN, frozenset())
    assert "did not answer in time" in result.message


async def test_a_portal_at_which_nobody_listens_is_down(kept: Kept) -> None:
    result = await run(kept, RawSite(closed_site()))
    assert result.outcome is Outcome.PORTAL_DOWN
    assert "could not be reached" in result.message


class Unreadable(Hamlet):
    """None of its layouts reads the bills that say so."""

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        document = await visit.http.document(bill.url, limit=SOON)
        return replace(document, content=pdf(UNREADABLE if bill.key == "b0" else "A bill"))

    def read_bill(self, text: Sequence[str]) -> Bill:
        if UNREADABLE in text[0]:
            raise FormatError("the bill has no total")
        return super().read_bill(text)


async def test_a_bill_of_unknown_layout_is_stored_unread_and_downloaded_once(
    site: RawSite, kept: Kept
) -> None:
    for downloaded in (BILLS, 0):
        result = await run(kept, site, Unreadable())
        assert result.outcome is Outcome.COMPLETE
        (unread,) = [item for item in result.ledger if item.unread]
        assert (unread.stored, unread.reason) == (True, "the bill has no total")
        assert sum(item.downloaded for item in result.ledger) == downloaded
        assert "Unread: bill of 2026-01-05 (b0) (the bill has no total)." in result.message
        assert not missing(result)
        assert Part.BILLS in result.finished
    assert site.requested.count("/b0.pdf") == 1
    unread_kinds = [
        event.key
        for event in kept.store.events.after(limit=10_000, kinds=[EventKind.NEW_UNPARSED_BILL])
        if event.customer_id == result.customer.id
    ]
    assert len(unread_kinds) == 1


async def test_an_encrypted_bill_is_stored_unread(site: RawSite, kept: Kept) -> None:
    site.replies["/b0.pdf"] = answered(pdf(password="secret"), PDF_TYPE)
    result = await run(kept, site)
    assert result.outcome is Outcome.COMPLETE
    assert [item.reason for item in result.ledger if item.unread] == [
        "The PDF is encrypted: it opens only with a password."
    ]


LISTS: dict[str, tuple[Reply, Outcome]] = {
    "is an error": (answered(b"", status=b"500 Internal Server Error"), Outcome.PARTIAL),
    "breaks off": (cut, Outcome.PARTIAL),
    "takes too long": (hang, Outcome.PARTIAL),
    "is gone": (answered(b"", status=b"404 Not Found"), Outcome.LAYOUT_CHANGED),
    "is too large": (answered(b"", b"Content-Length: 99999999\r\n"), Outcome.LAYOUT_CHANGED),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("path", ["/bills/2", "/usage/2"])
async def test_a_list_that_cannot_be_had_leaves_the_other_accounts(path: str, name: str, kept: Kept) -> None:
    reply, outcome = LISTS[name]
    with raw_site(portal("1 2 3") | {path: reply}) as site:
        result = await run(kept, site)
    assert result.outcome is outcome, result.message
    assert {"/bills/3", "/usage/3"} <= set(site.requested)
    assert sum(item.stored for item in result.ledger) == BILLS
    assert list(missing(result)) == ["list of bills" if "bills" in path else "list of intervals"]
    assert len(result.finished) == 1


async def test_a_portal_without_any_list_is_down(kept: Kept) -> None:
    error = SPOILT["is an error"][0]
    lists = {f"/{what}/{number}": error for what in ("bills", "usage") for number in "123"}
    with raw_site(portal("1 2 3") | lists) as site:
        result = await run(kept, site)
    assert result.outcome is Outcome.PORTAL_DOWN
    assert "/bills/3" not in site.requested


Fails = Callable[[Visit], Awaitable[None]]


async def item_failed(_: Visit) -> None:
    raise ItemFailed("the portal hands out a placeholder")


async def format_error(_: Visit) -> None:
    raise FormatError("line 3 has no amount")


async def document_refused(visit: Visit) -> None:
    await visit.http.document("/refused")


FAILING: dict[str, tuple[Fails, str]] = {
    "an item that failed": (item_failed, "placeholder"),
    "a file that cannot be read": (format_error, "line 3"),
    "a document that is refused": (document_refused, "HTTP 500"),
}


@pytest.mark.parametrize("kind", FAILING)
@pytest.mark.parametrize("where", ["accounts", "bills", "available_intervals"])
async def test_a_list_that_fails_as_a_document_does_is_no_fault_of_ours(
    where: str, kind: str, kept: Kept
) -> None:
    fails, reason = FAILING[kind]
    utility = Hamlet()

    async def failing(visit: Visit, account: Account | None = None) -> Sequence[object]:
        if account is None or account.number == "2":
            await fails(visit)
        return ()

    setattr(utility, where, failing)
    with raw_site(portal("1 2 3") | {"/refused": SPOILT["is an error"][0]}) as site:
        result = await run(kept, site, utility)
    assert reason in result.message
    if where == "accounts":
        assert result.outcome.who_acts.value in {"portal", "us"}
    else:
        assert result.outcome is Outcome.PARTIAL
        assert "/usage/3" in site.requested or "/bills/3" in site.requested


BLANK = ("", " \n", "<!-- nothing -->", "<html></html>", "<!doctype html><title></title><body> </body>")


@pytest.mark.parametrize("blank", BLANK)
async def test_a_blank_page_is_called_so(blank: str, site: RawSite, kept: Kept) -> None:
    site.replies["/accounts"] = answered(blank.encode())
    result = await run(kept, site)
    assert result.outcome is Outcome.UNKNOWN_PAGE
    assert "Hamlet Light shows an empty page" in result.message


async def test_a_session_that_ends_while_signing_in_is_no_fault_of_ours(site: RawSite, kept: Kept) -> None:
    utility = Hamlet()

    async def ended(*_: object) -> Sequence[Account]:
        raise SessionEnded("ended")

    for operation in ("accounts", "sign_in"):
        setattr(utility, operation, ended)
    result = await run(kept, site, utility, password)
    assert result.outcome is Outcome.PORTAL_DOWN
    assert "ended the session while signing in" in result.message
