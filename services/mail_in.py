"""Bills that come by mail: from whom they are taken, for which company, and what the sender gets to know.

A mail is for the company that has the domain of its sender's address, if the operator's mail server states
that the sender is who it says. The address it goes to says which side: ``bills@...`` the live one,
``bills+test@...`` the test side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import getaddresses
from hashlib import sha256

from meterfarm.farm.mail.authentication import stated, verified_by
from meterfarm.farm.mail.message import composed
from meterfarm.farm.mail.parts import LeftOut, MailedFiles, MailedPdf, MailUnreadable, fields_of, files_of
from meterfarm.farm.mail.server import mail_address
from meterfarm.records import BillSource
from meterfarm.services.bills import LARGEST_UPLOAD, BillUpload, NotAPdf, upload_bill
from meterfarm.storage.customers import Company
from meterfarm.storage.data import FoundBill
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.foreign_text import one_line

_TEST_SIDE = "+test"
_MOST_HOPS = 50
_NAMED = 5
_LONGEST_ID = 150
REPLY = "reply"
"""What the answer to a mail is about, for the operator."""


class BillMailRefused(Exception):
    """A mail is not taken; the text says why, for its sender. ``kind`` is for the log."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class MailInPlace:
    """Where bills are mailed to, and the authserv-id of the mail server that states who mails are from."""

    address: str
    authserv_id: str

    def is_live(self, recipient: str) -> bool | None:
        """Whether an address is the live side's, or the test side's; None: it is neither."""
        local, _, domain = self.address.partition("@")
        sides = {self.address: True, f"{local}{_TEST_SIDE}@{domain}": False}
        return sides.get(mail_address(recipient).casefold())


@dataclass(frozen=True, slots=True)
class VerifiedMail:
    """A mail for a company that is from who it says: ``author`` is the address in its From field."""

    company: Company
    author: str
    fields: Sequence[tuple[str, str]]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BillMailTaken:
    """What became of a mail that was taken: its bills, and the files that were not taken."""

    company_id: int
    bills: Sequence[FoundBill]
    left_out: Sequence[LeftOut]


def company_of_sender(farm: Store, sender: str, *, live: bool) -> Company:
    """The company that an envelope's sender may mail bills for.

    Raises:
        BillMailRefused: there is none.
        StorageError: the database cannot be asked.
    """
    domain = _domain(sender)
    companies = [company for company in farm.companies.list() if company.live is live]
    found = [each for each in companies if domain and domain in farm.companies.settings(each.id).mail_domains]
    if len(found) != 1:
        raise BillMailRefused(
            "domain",
            "Bills are taken only from addresses at a company's own domain, and this is none.",
        )
    return found[0]


async def take_mail(farm: Store, mail: VerifiedMail) -> BillMailTaken:
    """Keep the bills of a mail, each as if it had been uploaded. A mail that comes again changes nothing.

    If some files are not taken its author gets a mail that names them: the envelope's sender may be
    anybody at the company's domains.

    Raises:
        BillMailRefused: nothing of it is taken.
        StorageError: it cannot be kept now; it may be sent again.
    """
    files = await asyncio.to_thread(_files, mail.content)
    store = farm.of(mail.company)
    bills, left_out = await _kept(store, files)
    if not bills:
        raise BillMailRefused("files", _why_nothing(left_out))
    if left_out and not _is_automatic(mail.fields):
        await asyncio.to_thread(_reply, store, mail, len(bills), left_out)
    return BillMailTaken(mail.company.id, bills, left_out)


async def _kept(store: CompanyStore, files: MailedFiles) -> tuple[Sequence[FoundBill], Sequence[LeftOut]]:
    """Each PDF by itself; one that is no bill keeps no other from being one."""
    bills: list[FoundBill] = []
    left_out = list(files.left_out)
    for pdf in files.pdfs:
        try:
            bills.append(await upload_bill(store, _upload(pdf)))
        except NotAPdf as exc:
            left_out.append(LeftOut(pdf.name, str(exc)))
    return bills, left_out


def _upload(pdf: MailedPdf) -> BillUpload:
    if len(pdf.content) > LARGEST_UPLOAD:
        raise NotAPdf(f"It is larger than {LARGEST_UPLOAD // 1024**2} MiB; send a bill by itself.")
    return BillUpload(pdf.content, pdf.name, source=BillSource.EMAIL)


def verified_mail(
    farm: Store, place: MailInPlace, company: Company, sender: str, content: bytes
) -> VerifiedMail:
    """The mail, once it is known to be from who it says. ``sender`` is the envelope's, of ``company``.

    Raises:
        BillMailRefused: it is not known.
        StorageError: the database cannot be asked.
    """
    try:
        fields = fields_of(content)
    except MailUnreadable as exc:
        raise BillMailRefused("unreadable", str(exc)) from exc
    if sum(name == "received" for name, _ in fields) > _MOST_HOPS:
        raise BillMailRefused("loop", "The mail went through too many servers: it seems to go round.")
    author = _author([value for name, value in fields if name == "from"])
    domains = farm.companies.settings(company.id).mail_domains
    if _domain(author) not in domains:
        raise BillMailRefused(
            "author",
            "The address in the mail's From field is not at a domain of the company that it is for.",
        )
    results = stated([value for name, value in fields if name == "authentication-results"], place.authserv_id)
    if results is None:
        raise BillMailRefused(
            "unstated",
            "No mail server that is trusted here has stated who this mail is from; tell the operator.",
        )
    if verified_by(results, _domain(author), _domain(sender)) is None:
        raise BillMailRefused(
            "unverified",
            "The sender could not be verified: neither DMARC, DKIM nor SPF passed for its address's domain.",
        )
    return VerifiedMail(company, author, fields, content)


def _files(content: bytes) -> MailedFiles:
    try:
        files = files_of(content)
    except MailUnreadable as exc:
        raise BillMailRefused("unreadable", str(exc)) from exc
    if not files.pdfs and not files.left_out:
        others = f" It has only {_listed(files.others)}." if files.others else ""
        raise BillMailRefused(
            "files", f"The mail has no PDF attached; bills are taken as PDF files only.{others}"
        )
    return files


def _author(values: Sequence[str]) -> str:
    """The address of the one From field with the one address; "" otherwise."""
    if len(values) != 1 or len(values[0]) > 2_000:
        return ""
    text = values[0].encode("latin-1").decode("utf-8", "replace")
    found = [address for _, address in getaddresses([text]) if address]
    named = text.count("@")
    if len(found) != 1 or (named != 1 and text.rpartition("<")[2].rstrip().removesuffix(">") != found[0]):
        return ""
    return mail_address(found[0])


def _domain(address: str) -> str:
    return mail_address(address).rpartition("@")[2]


def _is_automatic(fields: Sequence[tuple[str, str]]) -> bool:
    """Whether a program sent it, which gets no answer."""
    found = dict(reversed(fields))
    said = found.get("auto-submitted", "no").partition(";")[0].strip().casefold()
    bulk = found.get("precedence", "").strip().casefold() in {"bulk", "list", "junk"}
    return said != "no" or bulk or "list-id" in found


def _why_nothing(left_out: Sequence[LeftOut]) -> str:
    first = left_out[0]
    more = f" And {len(left_out) - 1} more." if len(left_out) > 1 else ""
    return f"No bill was taken. {one_line(first.name, 60)}: {first.reason}{more}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(one_line(name, 60) for name in names[:_NAMED]) + more


def _reply(store: CompanyStore, taken_of: VerifiedMail, taken: int, left_out: Sequence[LeftOut]) -> None:
    """To the author; once, however often the mail comes."""
    message_id = next((value for name, value in taken_of.fields if name == "message-id"), "")
    mail = composed(
        taken_of.author,
        "Some of your bills were not taken",
        [
            f"Of your mail {taken} bill{'s were' if taken != 1 else ' was'} taken. Not taken:",
            *(f"{one_line(each.name, 60)}: {each.reason}" for each in left_out[:20]),
        ],
        answers=one_line(message_id, _LONGEST_ID) or "<unknown>",
    )
    cause = sha256("\0".join((taken_of.author, message_id, mail.text)).encode("utf-8", "replace")).hexdigest()
    store.mails.add(mail, REPLY, cause=f"reply {cause}")
