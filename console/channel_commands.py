"""The commands for what receives codes, and their options: mailboxes, numbers, the inbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.customer_commands import Json
from console.ending import run_to_end

mailbox_app = typer.Typer(help="Mailboxes that receive customers' codes.", no_args_is_help=True)
number_app = typer.Typer(help="Telephone numbers that receive customers' codes.", no_args_is_help=True)

MailboxId = Annotated[int, typer.Argument(metavar="ID", help="The mailbox's number.")]
Customers = Annotated[
    list[str] | None,
    typer.Option("--customer", metavar="REF", help="A customer it receives for; several times."),
]
Everybody = Annotated[bool, typer.Option("--all", help="It receives for all customers.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="With its country's code: +15185550123.")]


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(mailbox_app, name="mailbox")
    app.add_typer(number_app, name="number")
    app.command()(inbox)


@mailbox_app.command("add", epilog="The password comes on stdin; at a terminal it is asked for.")
def mailbox_add(
    imap: Annotated[str, typer.Option(metavar="HOST[:PORT]", help="The mail server.")],
    user: Annotated[str, typer.Option(help="Whose mailbox, as the server knows them.")],
    tls: Annotated[bool, typer.Option("--tls", help="TLS from the start (port 993).")] = False,
    starttls: Annotated[bool, typer.Option("--starttls", help="TLS by STARTTLS (port 143).")] = False,
    folder: Annotated[str, typer.Option(help="The folder to look into.")] = "INBOX",
    customer: Customers = None,
    everybody: Everybody = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="As always: read the password from stdin.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Enter a mailbox; without --customer it receives for all."""
    from console import mailboxes

    where = mailboxes.Where(imap, user, folder, tls=tls, starttls=starttls)
    whose = mailboxes.Whose(customer or (), everybody)
    raise typer.Exit(run_to_end(mailboxes.add(where, whose, as_json=as_json)))


@mailbox_app.command("list")
def mailbox_list(as_json: Json = False) -> None:
    """List the mailboxes and how they stand."""
    from console import mailboxes

    raise typer.Exit(run_to_end(mailboxes.list_all(as_json=as_json)))


@mailbox_app.command("show")
def mailbox_show(mailbox_id: MailboxId, as_json: Json = False) -> None:
    """Show one; its password is never shown."""
    from console import mailboxes

    raise typer.Exit(run_to_end(mailboxes.show_one(mailbox_id, as_json=as_json)))


@mailbox_app.command("update")
def mailbox_update(
    mailbox_id: MailboxId,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a new password from stdin.")
    ] = False,
    customer: Customers = None,
    everybody: Everybody = False,
    as_json: Json = False,
) -> None:
    """Give another password, or other customers instead of those there are."""
    from console import mailboxes

    whose = mailboxes.Whose(customer or (), everybody)
    change = mailboxes.update(mailbox_id, whose, password=password_stdin, as_json=as_json)
    raise typer.Exit(run_to_end(change))


@mailbox_app.command("remove")
def mailbox_remove(
    mailbox_id: MailboxId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Forget a mailbox and its password; its mail stays as it is."""
    from console import mailboxes

    raise typer.Exit(run_to_end(mailboxes.remove(mailbox_id, yes=yes)))


@mailbox_app.command("check")
def mailbox_check(
    mailbox_id: Annotated[int | None, typer.Argument(metavar="[ID]", help="Only this one.")] = None,
    as_json: Json = False,
) -> None:
    """Connect to the mailboxes and say whether they can be used."""
    from console import mailboxes

    raise typer.Exit(run_to_end(mailboxes.check(mailbox_id, as_json=as_json)))


@number_app.command("add")
def number_add(
    number: Number,
    customer: Annotated[
        list[str], typer.Option("--customer", metavar="REF", help="Whom it receives for; several times.")
    ],
    as_json: Json = False,
) -> None:
    """Have a number receive for customers."""
    from console import numbers

    raise typer.Exit(run_to_end(numbers.add(number, customer, as_json=as_json)))


@number_app.command("list")
def number_list(as_json: Json = False) -> None:
    """List the numbers and for whom they receive."""
    from console import numbers

    raise typer.Exit(run_to_end(numbers.list_all(as_json=as_json)))


@number_app.command("remove")
def number_remove(
    number: Number,
    customer: Annotated[str | None, typer.Option(metavar="REF", help="Only for this customer.")] = None,
) -> None:
    """Forget a number, or that it receives for a customer."""
    from console import numbers

    raise typer.Exit(run_to_end(numbers.remove(number, customer)))


def inbox(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any.")] = 8700,
    public_url: Annotated[
        str, typer.Option(metavar="URL", help="The address that Twilio posts to, as entered there.")
    ] = "",
    auth_token_file: Annotated[
        Path | None, typer.Option(help="Read Twilio's auth token from this file, which only you can read.")
    ] = None,
    auth_token_stdin: Annotated[
        bool, typer.Option("--auth-token-stdin", help="Read Twilio's auth token from stdin.")
    ] = False,
) -> None:
    """Take in text messages that Twilio posts, until stopped."""
    from console.inbox import InboxOptions, serve

    options = InboxOptions(host, port, public_url, auth_token_file, auth_token_stdin)
    raise typer.Exit(run_to_end(serve(options)))
