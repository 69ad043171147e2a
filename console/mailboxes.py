"""The `mailbox` commands: mailboxes that receive the codes of customers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from meterfarm.console.ending import MACHINE, OK
from meterfarm.console.errors import UsageError
from meterfarm.console.here import Here, opened
from meterfarm.console.listing import Column, Listing, Shown, styled
from meterfarm.console.printed import nothing, say, say_json, show, warn
from meterfarm.console.secret_input import ask_password, next_line, read_secret_line
from meterfarm.records import MailSecurity
from meterfarm.scrapers.guard import is_loopback
from meterfarm.services.customers import find_customer
from meterfarm.storage.receiving import MailAccount, MailboxInfo
from meterfarm.storage.results import Customer
from meterfarm.storage.store import Store
from meterfarm.support.foreign_text import one_line
from meterfarm.support.instants import shown
from meterfarm.support.tasks import in_daemon_thread
from meterfarm.utilities import UnknownUtility, load_utility

_PORTS = {MailSecurity.TLS: 993, MailSecurity.STARTTLS: 143, MailSecurity.NONE: 143}


@dataclass(frozen=True, slots=True)
class Whose:
    """The customers that were named; ``everybody``: all there are and will be."""

    references: Sequence[str]
    everybody: bool


@dataclass(frozen=True, slots=True)
class Where:
    """A mailbox as the options name it."""

    server: str
    username: str
    folder: str
    tls: bool
    starttls: bool


async def add(where: Where, whose: Whose, *, as_json: bool) -> int:
    """Enter a mailbox, and look whether it can be used."""
    account = parse_account(where)
    with opened() as (here, store):
        customers = None if not whose.references else _customers(store, whose)
        password = await _password(here, account)
        mailbox_id = await asyncio.to_thread(store.channels.add_mailbox, account, password, customers)
        said, fault = await tried(store, _named(store, mailbox_id))
    _warn_of_undeclared(customers or ())
    if as_json:
        say_json({"mailbox": mailbox_id, "fault": fault})
    else:
        say(f"mailbox {mailbox_id} added; {said}" if not fault else f"mailbox {mailbox_id} added")
    if fault:
        warn(f"{fault} Until it can be used, people have to answer.")
    return OK


async def update(mailbox_id: int, whose: Whose, *, password: bool, as_json: bool) -> int:
    """Another password, or other customers."""
    if not (password or whose.references or whose.everybody):
        raise UsageError("There is nothing to change: give --password-stdin, --customer or --all.")
    with opened() as (here, store):
        mailbox = _named(store, mailbox_id)
        customers = _customers(store, whose) if whose.references else None
        secret = await _password(here, mailbox.account) if password else None
        await asyncio.to_thread(
            lambda: store.channels.change_mailbox(
                mailbox_id, password=secret, whose=customers, everybody=whose.everybody
            )
        )
        said, fault = await tried(store, _named(store, mailbox_id))
    if as_json:
        say_json({"mailbox": mailbox_id, "fault": fault})
    else:
        say(f"mailbox {mailbox_id} updated; {fault or said}")
    return OK


async def list_all(*, as_json: bool) -> int:
    with opened() as (_, store):
        found = await asyncio.to_thread(store.channels.mailboxes)
    if as_json:
        say_json([_document(one) for one in found])
    elif not found:
        nothing("No mailboxes yet: `mailbox add` enters one.", _table(()))
    else:
        show(_table(found))
    return OK


async def show_one(mailbox_id: int, *, as_json: bool) -> int:
    with opened() as (_, store):
        found = _named(store, mailbox_id)
    if as_json:
        say_json(_document(found))
    else:
        show(_table([found]))
    return OK


async def remove(mailbox_id: int, *, yes: bool) -> int:
    with opened() as (_, store):
        found = _named(store, mailbox_id)
        if not yes:
            await _must_agree(found)
        await asyncio.to_thread(store.channels.remove_mailbox, mailbox_id)
    say(f"mailbox {mailbox_id} removed; its password is erased, its mail is as it was")
    return OK


async def check(mailbox_id: int | None, *, as_json: bool) -> int:
    """Connect, and say what is found; 1 if one cannot be used."""
    with opened() as (_, store):
        every = store.channels.mailboxes() if mailbox_id is None else [_named(store, mailbox_id)]
        found = [(one, *await tried(store, one)) for one in every]
    if as_json:
        say_json([{"mailbox": one.id, "fault": fault, "said": said} for one, said, fault in found])
    else:
        for one, said, fault in found:
            say(f"mailbox {one.id}: {fault or said}")
        if not found:
            say("No mailboxes yet: `mailbox add` enters one.")
    return MACHINE if any(fault for _, _, fault in found) else OK


async def tried(store: Store, mailbox: MailboxInfo) -> tuple[str, str]:
    """What a connection says, and why it failed, one of them ""; written down with the mailbox."""
    from meterfarm.farm.codes.imap import Imap, MailboxDown

    imap = Imap(mailbox.account, await asyncio.to_thread(store.channels.mailbox_password, mailbox.id))
    said = fault = ""
    try:
        await in_daemon_thread(imap.open)
        how = "tells of new mail (IDLE)" if imap.can_idle else "is asked for new mail every few seconds"
        mails = "1 mail" if imap.mails == 1 else f"{imap.mails:,} mails"
        said = f"{mailbox.account} answers, has {mails}, and {how}"
    except MailboxDown as exc:
        fault = one_line(str(exc))
    finally:
        imap.close()
    await asyncio.to_thread(store.channels.note_mailbox, mailbox.id, fault, {})
    return said, fault


def parse_account(where: Where) -> MailAccount:
    """What the options say. Raises UsageError."""
    host, port = _host_and_port(where.server)
    if where.tls and where.starttls:
        raise UsageError("Give either --tls or --starttls, not both.")
    if not where.username.strip():
        raise UsageError("The user name of the mailbox is empty.")
    if not where.folder.strip():
        raise UsageError("The name of the --folder is empty; without it, it is INBOX.")
    if where.tls or where.starttls:
        security = MailSecurity.TLS if where.tls else MailSecurity.STARTTLS
    elif port == _PORTS[MailSecurity.TLS]:
        security = MailSecurity.TLS
    elif is_loopback(host):
        security = MailSecurity.NONE
    else:
        security = MailSecurity.STARTTLS if port == _PORTS[MailSecurity.STARTTLS] else MailSecurity.TLS
    folder = "INBOX" if where.folder.upper() == "INBOX" else where.folder
    return MailAccount(host, port or _PORTS[security], security, where.username.strip(), folder)


def _host_and_port(server: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[::1]:port``; the port is 0 if there is none."""
    host, colon, port = server.rpartition(":")
    if not colon or server.endswith("]"):
        host, port = server, "0"
    unclear = "/ @" if host.startswith("[") else "/ @:"
    host = host.removeprefix("[").removesuffix("]").strip().casefold()
    if not host or any(each in host for each in unclear) or not (port.isascii() and port.isdigit()):
        raise UsageError(
            f"--imap {server} is no server: write HOST or HOST:PORT, like imap.example.com:993 or [::1]:993."
        )
    if int(port) > 65535:
        raise UsageError(f"--imap {server}: ports go up to 65535.")
    return host, int(port)


def _customers(store: Store, whose: Whose) -> list[Customer]:
    if whose.everybody:
        raise UsageError("Give either --customer or --all, not both.")
    return [find_customer(store, reference) for reference in whose.references]


def _warn_of_undeclared(customers: Sequence[Customer]) -> None:
    for utility_id in sorted({customer.utility for customer in customers}):
        try:
            declared = load_utility(utility_id).mail_codes
        except UnknownUtility:
            declared = ()
        if not declared:
            warn(
                f"The script of {utility_id} does not say in which mails its codes come "
                "(mail_codes), so none is ever taken for its customers."
            )


def _named(store: Store, mailbox_id: int) -> MailboxInfo:
    found = store.channels.mailbox(mailbox_id)
    if found is None:
        raise UsageError(f"There is no mailbox {mailbox_id}; `mailbox list` shows those that are there.")
    return found


async def _password(here: Here, account: MailAccount) -> str:
    if sys.stdin.isatty():
        password = await ask_password(f"Password of {account}: ")
        if not password:
            raise UsageError("The password was empty; nothing was changed.")
    else:
        password = await read_secret_line("password of the mailbox")
    here.secrets.add(password)
    return password


async def _must_agree(mailbox: MailboxInfo) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            f"Removing mailbox {mailbox.id} ({mailbox.account}) has to be confirmed: give --yes."
        )
    typer.echo(f"Remove mailbox {mailbox.id} ({one_line(str(mailbox.account))})? [y/N] ", err=True, nl=False)
    if ((await next_line()) or "").strip().casefold() not in {"y", "yes"}:
        raise UsageError(f"The mailbox {mailbox.id} was not removed.")


def _document(one: MailboxInfo) -> dict[str, object]:
    account = one.account
    return {
        "id": one.id,
        "host": account.host,
        "port": account.port,
        "security": account.security,
        "username": account.username,
        "folder": account.folder,
        "everybody": one.everybody,
        "customers": list(one.customers),
        "well": one.is_well,
        "fault": one.fault,
        "since": one.since,
        "checked_at": one.checked_at,
    }


def _table(found: Sequence[MailboxInfo]) -> Listing:
    columns = [
        Column("id", right=True),
        Column("mailbox"),
        Column("state"),
        Column("receives for"),
        Column("checked", if_room=True),
    ]
    names = (
        "id", "host", "port", "security", "username", "folder", "everybody", "customers", "state", "fault",
        "checked_at",
    )  # fmt: skip
    table = Listing(columns, names)
    for one in found:
        customers = ", ".join(map(str, one.customers))
        state = "failed" if one.fault else ("well" if one.is_well else "not tried yet")
        folder = "" if one.account.folder == "INBOX" else f" ({one.account.folder})"
        cells: list[Shown] = [
            str(one.id),
            f"{one.account}{folder}",
            styled(state, "red" if one.fault else ""),
            "all" if one.everybody else customers,
            shown(one.checked_at),
        ]
        record = {**_document(one), "customers": customers, "state": state}
        table.add(cells, record, [styled(one.fault, "red")])
    return table
