"""The `mail` commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end

mail_app = group("See what mail went out, and try the mail server.")


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(mail_app, name="mail", rich_help_panel=Panel.HOST)
    examples = ["mail-in", "mail-in --host 10.0.0.5 --tls-cert cert.pem --tls-key key.pem"]
    command(app, "mail-in", panel=Panel.HOST, examples=examples)(mail_in)


@command(mail_app, "list", examples=["mail list", "mail list --failed --json"])
def mail_list(
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that failed, or were given up.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many of the newest.")] = 30,
    as_json: Json = False,
) -> None:
    """List the newest mails that go out, without what they say."""
    from meterfarm.console.mail import outbox

    raise typer.Exit(run_to_end(outbox.list_all(limit, failed=failed, as_json=as_json)))


@command(
    mail_app,
    "test",
    note="Exit status: 0 the mail server took it, 1 it did not.",
    examples=["mail test ada@example.com"],
)
def mail_test(address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who gets it.")]) -> None:
    """Send a mail to an address now, by the mail server of METERFARM_SMTP_URL."""
    from meterfarm.console.mail import outbox

    raise typer.Exit(run_to_end(outbox.send_test(address)))


def mail_in(
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=0, help="At which port; 0: any.")] = 8625,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A certificate, so that STARTTLS is offered.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of it.")] = None,
) -> None:
    """Take in bills by mail, from your mail server (docs/mail.md)."""
    from meterfarm.console.mail.mail_in import MailInOptions, serve

    raise typer.Exit(run_to_end(serve(MailInOptions(host, port, tls_cert, tls_key))))
