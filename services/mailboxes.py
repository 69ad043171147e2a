"""Mailboxes that receive codes: added, changed, removed, tried."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from meterfarm.records import MailSecurity
from meterfarm.scrapers.guard import is_loopback
from meterfarm.services.errors import InvalidRequest, NotFound, store_refusals
from meterfarm.storage.channels import MailAccount, MailboxInfo
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import one_line
from meterfarm.support.tasks import in_daemon_thread
from meterfarm.utilities import UtilityUnavailable, load_utility

_PORTS = {MailSecurity.TLS: 993, MailSecurity.STARTTLS: 143, MailSecurity.NONE: 143}


@dataclass(frozen=True, slots=True)
class AddMailbox:
    """A mailbox to add; ``customers`` None: it receives for all there are and will be."""

    account: MailAccount
    password: SecretStr
    customers: Sequence[Customer] | None = None


@dataclass(frozen=True, slots=True)
class UpdateMailbox:
    """What is to change of a mailbox; None leaves a value. ``everybody`` is instead of ``customers``."""

    password: SecretStr | None = None
    customers: Sequence[Customer] | None = None
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class MailboxCheck:
    """What a connection to a mailbox has shown: ``fault``, a sentence, is "" if it can be used."""

    mailbox: MailboxInfo
    fault: str = ""
    mails: int = 0
    is_notified: bool = False
    """The server notifies of new mail (IDLE); else it is polled."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mailbox as a person names it: ``server`` is HOST or HOST:PORT."""

    server: str
    username: str
    folder: str = "INBOX"
    tls: bool = False
    starttls: bool = False


def mail_account(given: MailServer) -> MailAccount:
    """The account with its port and security: TLS, or STARTTLS at port 143; nothing on this machine.

    Raises:
        InvalidRequest: the server, the user name or the folder cannot be used.
    """
    host, port = _host_and_port(given.server)
    if given.tls and given.starttls:
        raise InvalidRequest("Give either --tls or --starttls, not both.")
    if not given.username.strip():
        raise InvalidRequest("The user name of the mailbox is empty.")
    if not given.folder.strip():
        raise InvalidRequest("The name of the --folder is empty; without it, it is INBOX.")
    if given.tls or given.starttls:
        security = MailSecurity.TLS if given.tls else MailSecurity.STARTTLS
    elif port == _PORTS[MailSecurity.TLS]:
        security = MailSecurity.TLS
    elif is_loopback(host):
        security = MailSecurity.NONE
    else:
        security = MailSecurity.STARTTLS if port == _PORTS[MailSecurity.STARTTLS] else MailSecurity.TLS
    folder = "INBOX" if given.folder.upper() == "INBOX" else given.folder
    return MailAccount(host, port or _PORTS[security], security, given.username.strip(), folder)


def list_mailboxes(store: CompanyStore) -> Sequence[MailboxInfo]:
    """By id."""
    return store.channels.mailboxes()


def find_mailbox(store: CompanyStore, mailbox_id: int) -> MailboxInfo:
    """The mailbox with this id.

    Raises:
        NotFound: there is none.
    """
    found = store.channels.mailbox(mailbox_id)
    if found is None:
        raise NotFound(f"There is no mailbox {mailbox_id}; `mailbox list` shows those that are there.")
    return found


def add_mailbox(store: CompanyStore, request: AddMailbox) -> MailboxInfo:
    """Add a mailbox; ``check_mailbox`` shows whether it can be used.

    Raises:
        Conflict: it is there already.
    """
    password = request.password.get_secret_value()
    with store_refusals():
        mailbox_id = store.channels.add_mailbox(request.account, password, request.customers)
    return find_mailbox(store, mailbox_id)


def update_mailbox(store: CompanyStore, mailbox_id: int, request: UpdateMailbox) -> MailboxInfo:
    """Change what the request gives.

    Raises:
        NotFound: there is no such mailbox.
        InvalidRequest: there is nothing to change, or it cannot be for some and for all.
    """
    find_mailbox(store, mailbox_id)
    if request.customers is not None and request.everybody:
        raise InvalidRequest("A mailbox receives for the customers that are named, or for all, not both.")
    if request == UpdateMailbox():
        raise InvalidRequest(f"There is nothing to change of mailbox {mailbox_id}.")
    store.channels.change_mailbox(
        mailbox_id,
        password=request.password.get_secret_value() if request.password else None,
        customers=request.customers,
        everybody=request.everybody,
    )
    return find_mailbox(store, mailbox_id)


def remove_mailbox(store: CompanyStore, mailbox_id: int) -> None:
    """Forget a mailbox and erase its password; its mail stays as it is.

    Raises:
        NotFound: there is no such mailbox.
    """
    find_mailbox(store, mailbox_id)
    store.channels.remove_mailbox(mailbox_id)


async def check_mailbox(store: CompanyStore, mailbox_id: int) -> MailboxCheck:
    """Connect, and write down with the mailbox whether that worked.

    Raises:
        NotFound: there is no such mailbox.
    """
    from meterfarm.farm.codes.imap import Imap, MailboxDown  # slow to import

    mailbox = await asyncio.to_thread(find_mailbox, store, mailbox_id)
    imap = Imap(mailbox.account, await asyncio.to_thread(store.channels.mailbox_password, mailbox.id))
    try:
        await in_daemon_thread(imap.open)
        check = MailboxCheck(mailbox, "", imap.mails, imap.can_idle)
    except MailboxDown as exc:
        check = MailboxCheck(mailbox, one_line(str(exc)))
    finally:
        imap.close()
    await asyncio.to_thread(store.channels.note_mailbox, mailbox.id, check.fault, {})
    return check


def utilities_without_mail_codes(customers: Sequence[Customer]) -> Sequence[str]:
    """Of these customers' utilities those with a script that declares no mails that hold codes."""
    return [
        utility
        for utility in sorted({customer.utility for customer in customers})
        if not _declares_mails(utility)
    ]


def _declares_mails(utility_id: str) -> bool:
    try:
        return bool(load_utility(utility_id).mail_codes)
    except UtilityUnavailable:
        return False


def _host_and_port(server: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[::1]:port``; the port is 0 if there is none."""
    host, colon, port = server.rpartition(":")
    if not colon or server.endswith("]"):
        host, port = server, "0"
    unclear = "/ @" if host.startswith("[") else "/ @:"
    host = host.removeprefix("[").removesuffix("]").strip().casefold()
    if not host or any(each in host for each in unclear) or not (port.isascii() and port.isdigit()):
        raise InvalidRequest(
            f"The mail server “{server}” cannot be used: write HOST or HOST:PORT, "
            "like imap.example.com:993 or [::1]:993."
        )
    if int(port) > 65535:
        raise InvalidRequest(f"The mail server “{server}” cannot be used: ports go up to 65535.")
    return host, int(port)
