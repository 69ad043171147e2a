"""The `mailbox` commands: mailboxes that receive the codes of customers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from pydantic import SecretStr

from meterfarm.console.command_context import CommandContext, open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import MACHINE, OK
from meterfarm.console.terminal.listing import Column, Listing, Shown, styled
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty, warn
from meterfarm.console.terminal.secret_input import ask_password, next_line, read_secret_line
from meterfarm.services.customers import find_customer
from meterfarm.services.mailboxes import (
    AddMailbox,
    MailboxCheck,
    MailServer,
    UpdateMailbox,
    add_mailbox,
    check_mailbox,
    find_mailbox,
    list_mailboxes,
    mail_account,
    remove_mailbox,
    update_mailbox,
    utilities_without_mail_codes,
)
from meterfarm.storage.channels import MailAccount, MailboxInfo
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import one_line
from meterfarm.support.instants import shown


@dataclass(frozen=True, slots=True)
class ReceivesFor:
    """The customers that were named; ``everybody``: all there are and will be."""

    references: Sequence[str]
    everybody: bool


async def add(server: MailServer, receives_for: ReceivesFor, *, as_json: bool) -> int:
    """Add a mailbox, and try whether it can be used."""
    account = mail_account(server)
    with open_store() as (context, store):
        customers = None if not receives_for.references else _customers(store, receives_for)
        password = await _password(context, account)
        mailbox = await asyncio.to_thread(add_mailbox, store, AddMailbox(account, password, customers))
        check = await check_mailbox(store, mailbox.id)
    _warn_of_undeclared(customers or ())
    if as_json:
        print_json({"mailbox": mailbox.id, "fault": check.fault})
    else:
        print_line(f"mailbox {mailbox.id} added" + ("" if check.fault else f"; {check_report(check)}"))
    if check.fault:
        warn(f"{check.fault} Until it can be used, people have to answer.")
    return OK


async def update(mailbox_id: int, receives_for: ReceivesFor, *, password: bool, as_json: bool) -> int:
    """Another password, or other customers."""
    if not (password or receives_for.references or receives_for.everybody):
        raise UsageError("There is nothing to change: give --password-stdin, --customer or --all.")
    with open_store() as (context, store):
        mailbox = find_mailbox(store, mailbox_id)
        customers = _customers(store, receives_for) if receives_for.references else None
        secret = await _password(context, mailbox.account) if password else None
        request = UpdateMailbox(secret, customers, receives_for.everybody)
        await asyncio.to_thread(update_mailbox, store, mailbox_id, request)
        check = await check_mailbox(store, mailbox_id)
    if as_json:
        print_json({"mailbox": mailbox_id, "fault": check.fault})
    else:
        print_line(f"mailbox {mailbox_id} updated; {check.fault or check_report(check)}")
    return OK


async def list_all(*, as_json: bool) -> int:
    """Print all mailboxes."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(list_mailboxes, store)
    if as_json:
        print_json([_document(mailbox) for mailbox in found])
    elif not found:
        show_empty("No mailboxes yet: `mailbox add` adds one.", _table(()))
    else:
        show(_table(found))
    return OK


async def show_one(mailbox_id: int, *, as_json: bool) -> int:
    """Print one mailbox."""
    with open_store() as (_, store):
        found = find_mailbox(store, mailbox_id)
    if as_json:
        print_json(_document(found))
    else:
        show(_table([found]))
    return OK


async def remove(mailbox_id: int, *, yes: bool) -> int:
    """Remove a mailbox, asking first without ``yes``."""
    with open_store() as (_, store):
        found = find_mailbox(store, mailbox_id)
        if not yes:
            await _must_agree(found)
        await asyncio.to_thread(remove_mailbox, store, mailbox_id)
    print_line(f"mailbox {mailbox_id} removed; its password is erased, its mail is as it was")
    return OK


async def check(mailbox_id: int | None, *, as_json: bool) -> int:
    """Connect, and print what is found; 1 if one cannot be used."""
    with open_store() as (_, store):
        ids = [mailbox.id for mailbox in list_mailboxes(store)] if mailbox_id is None else [mailbox_id]
        checks = [await check_mailbox(store, each) for each in ids]
    if as_json:
        print_json(
            [
                {"mailbox": check.mailbox.id, "fault": check.fault, "detail": check_report(check)}
                for check in checks
            ]
        )
    else:
        for check in checks:
            print_line(f"mailbox {check.mailbox.id}: {check.fault or check_report(check)}")
        if not checks:
            print_line("No mailboxes yet: `mailbox add` adds one.")
    return MACHINE if any(check.fault for check in checks) else OK


def check_report(check: MailboxCheck) -> str:
    """What a connection that worked has shown, "" of one that failed."""
    if check.fault:
        return ""
    how = "notifies of new mail (IDLE)" if check.is_notified else "is polled every few seconds"
    mails = "1 mail" if check.mails == 1 else f"{check.mails:,} mails"
    return f"{check.mailbox.account} answers, has {mails}, and {how}"


def _customers(store: CompanyStore, receives_for: ReceivesFor) -> list[Customer]:
    if receives_for.everybody:
        raise UsageError("Give either --customer or --all, not both.")
    return [find_customer(store, reference) for reference in receives_for.references]


def _warn_of_undeclared(customers: Sequence[Customer]) -> None:
    for utility_id in utilities_without_mail_codes(customers):
        warn(
            f"The script of {utility_id} does not declare in which mails its codes come "
            "(mail_codes), so none is ever used for its customers."
        )


async def _password(context: CommandContext, account: MailAccount) -> SecretStr:
    if sys.stdin.isatty():
        password = await ask_password(f"Password of {account}: ")
        if not password:
            raise UsageError("The password was empty; nothing was changed.")
    else:
        password = await read_secret_line("password of the mailbox")
    context.secrets.add(password)
    return SecretStr(password)


async def _must_agree(mailbox: MailboxInfo) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            f"Removing mailbox {mailbox.id} ({mailbox.account}) has to be confirmed: give --yes."
        )
    typer.echo(f"Remove mailbox {mailbox.id} ({one_line(str(mailbox.account))})? [y/N] ", err=True, nl=False)
    if ((await next_line()) or "").strip().casefold() not in {"y", "yes"}:
        raise UsageError(f"The mailbox {mailbox.id} was not removed.")


def _document(mailbox: MailboxInfo) -> dict[str, object]:
    account = mailbox.account
    return {
        "id": mailbox.id,
        "host": account.host,
        "port": account.port,
        "security": account.security,
        "username": account.username,
        "folder": account.folder,
        "everybody": mailbox.everybody,
        "customers": list(mailbox.customers),
        "well": mailbox.is_well,
        "fault": mailbox.fault,
        "since": mailbox.since,
        "checked_at": mailbox.checked_at,
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
    for mailbox in found:
        customers = ", ".join(map(str, mailbox.customers))
        state = "failed" if mailbox.fault else ("well" if mailbox.is_well else "not tried yet")
        folder = "" if mailbox.account.folder == "INBOX" else f" ({mailbox.account.folder})"
        cells: list[Shown] = [
            str(mailbox.id),
            f"{mailbox.account}{folder}",
            styled(state, "red" if mailbox.fault else ""),
            "all" if mailbox.everybody else customers,
            shown(mailbox.checked_at),
        ]
        record = {**_document(mailbox), "customers": customers, "state": state}
        table.add(cells, record, [styled(mailbox.fault, "red")])
    return table
