"""The commands for what receives codes, and their options: mailboxes, numbers, the inbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end

mailbox_app = group("Manage mailboxes that receive codes.")
number_app = group("Manage telephone numbers that receive codes.")

MailboxId = Annotated[int, typer.Argument(metavar="ID", help="The mailbox's number.")]
Customers = Annotated[
    list[str] | None,
    typer.Option("--customer", metavar="REF", help="A customer it is for; several times."),
]
Everybody = Annotated[bool, typer.Option("--all", help="It receives for all customers.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="With its country's code: +15185550123.")]


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(mailbox_app, name="mailbox", rich_help_panel=Panel.CODES)
    app.add_typer(number_app, name="number", rich_help_panel=Panel.CODES)
    examples = ["inbox --public-url https://sms.example.com/twilio --auth-token-file token"]
    command(app, panel=Panel.CODES, examples=examples)(inbox)


@command(
    mailbox_app,
    "add",
    company=True,
    note="The password comes on stdin; at a terminal it is asked for.",
    examples=[
        "mailbox add --imap imap.example.com --user codes@example.com",
        "mailbox add --imap imap.example.com --user ada@example.com --customer A-1",
    ],
)
def mailbox_add(
    imap: Annotated[str, typer.Option(metavar="HOST[:PORT]", help="The mail server.")],
    user: Annotated[str, typer.Option(metavar="NAME", help="The user name at the mail server.")],
    tls: Annotated[bool, typer.Option("--tls", help="TLS from the start (port 993).")] = False,
    starttls: Annotated[bool, typer.Option("--starttls", help="TLS by STARTTLS (port 143).")] = False,
    folder: Annotated[str, typer.Option(metavar="FOLDER", help="The folder to look into.")] = "INBOX",
    customer: Customers = None,
    everybody: Everybody = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="As always: read the password from stdin.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a mailbox; without --customer it receives for all."""
    from meterfarm.console.channels import mailboxes
    from meterfarm.services.mailboxes import MailServer

    server = MailServer(imap, user, folder, tls=tls, starttls=starttls)
    receives_for = mailboxes.ReceivesFor(customer or (), everybody)
    raise typer.Exit(run_to_end(mailboxes.add(server, receives_for, as_json=as_json)))


@command(mailbox_app, "list", company=True, examples=["mailbox list"])
def mailbox_list(as_json: Json = False) -> None:
    """List the mailboxes and whether they can be used."""
    from meterfarm.console.channels import mailboxes

    raise typer.Exit(run_to_end(mailboxes.list_all(as_json=as_json)))


@command(mailbox_app, "show", company=True, examples=["mailbox show 1"])
def mailbox_show(mailbox_id: MailboxId, as_json: Json = False) -> None:
    """Show one; its password is never shown."""
    from meterfarm.console.channels import mailboxes

    raise typer.Exit(run_to_end(mailboxes.show_one(mailbox_id, as_json=as_json)))


@command(
    mailbox_app,
    "update",
    company=True,
    examples=["mailbox update 1 --password-stdin", "mailbox update 1 --all"],
)
def mailbox_update(
    mailbox_id: MailboxId,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a new password from stdin.")
    ] = False,
    customer: Customers = None,
    everybody: Everybody = False,
    as_json: Json = False,
) -> None:
    """Change the password, or the customers it receives for."""
    from meterfarm.console.channels import mailboxes

    receives_for = mailboxes.ReceivesFor(customer or (), everybody)
    change = mailboxes.update(mailbox_id, receives_for, password=password_stdin, as_json=as_json)
    raise typer.Exit(run_to_end(change))


@command(mailbox_app, "remove", company=True, examples=["mailbox remove 1 --yes"])
def mailbox_remove(
    mailbox_id: MailboxId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove a mailbox and its password; its mail stays as it is."""
    from meterfarm.console.channels import mailboxes

    raise typer.Exit(run_to_end(mailboxes.remove(mailbox_id, yes=yes)))


@command(
    mailbox_app,
    "check",
    company=True,
    note="Exit status: 0 all can be used, 1 a mailbox cannot.",
    examples=["mailbox check"],
)
def mailbox_check(
    mailbox_id: Annotated[int | None, typer.Argument(metavar="ID", help="Only this one.")] = None,
    as_json: Json = False,
) -> None:
    """Connect to the mailboxes and show whether they can be used."""
    from meterfarm.console.channels import mailboxes

    raise typer.Exit(run_to_end(mailboxes.check(mailbox_id, as_json=as_json)))


@command(number_app, "add", company=True, examples=["number add +15185550123 --customer A-1 --customer A-2"])
def number_add(
    number: Number,
    customer: Annotated[
        list[str],
        typer.Option("--customer", metavar="REF", help="A customer it is for; several times."),
    ],
    as_json: Json = False,
) -> None:
    """Add a number that receives for customers."""
    from meterfarm.console.channels import numbers

    raise typer.Exit(run_to_end(numbers.add(number, customer, as_json=as_json)))


@command(number_app, "list", company=True, examples=["number list"])
def number_list(as_json: Json = False) -> None:
    """List the numbers and the customers they receive for."""
    from meterfarm.console.channels import numbers

    raise typer.Exit(run_to_end(numbers.list_all(as_json=as_json)))


@command(number_app, "remove", company=True, examples=["number remove +15185550123"])
def number_remove(
    number: Number,
    customer: Annotated[str | None, typer.Option(metavar="REF", help="Only for this customer.")] = None,
) -> None:
    """Remove a number, or a customer from it."""
    from meterfarm.console.channels import numbers

    raise typer.Exit(run_to_end(numbers.remove(number, customer)))


def inbox(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 takes any.")] = 8700,
    public_url: Annotated[
        str, typer.Option(metavar="URL", help="The address that Twilio posts to, as entered there.")
    ] = "",
    auth_token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Read Twilio's auth token from this file, which only you can read."
        ),
    ] = None,
    auth_token_stdin: Annotated[
        bool, typer.Option("--auth-token-stdin", help="Read Twilio's auth token from stdin.")
    ] = False,
) -> None:
    """Receive inbound SMS from Twilio, until stopped."""
    from meterfarm.console.channels.inbox import InboxOptions, serve

    options = InboxOptions(host, port, public_url, auth_token_file, auth_token_stdin)
    raise typer.Exit(run_to_end(serve(options)))
