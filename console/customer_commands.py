"""The `customer` commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.ending import run_to_end

app = typer.Typer(help="Who is in the register, and what they entrusted to us.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reference = Annotated[str, typer.Argument(metavar="REF", help="An id, an external id or a user name.")]
ExternalId = Annotated[str | None, typer.Option(help="Your own id for the customer.")]
Password = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]
TotpSecret = Annotated[
    bool, typer.Option("--totp-secret-stdin", help="Then read the authenticator's secret from stdin.")
]
SecurityAnswer = Annotated[
    bool, typer.Option("--security-answer-stdin", help="Then read the security answer from stdin.")
]

_IN_ORDER = "Secrets come on stdin, a line each, in the order above; at a terminal they are asked for."


@app.command(epilog=_IN_ORDER)
def add(
    utility: Annotated[str, typer.Argument(help="The utility's id, such as speculoos_power.")],
    username: Annotated[str, typer.Option(help="Whom to sign in as.")],
    external_id: ExternalId = None,
    password_stdin: Password = False,
    totp_secret_stdin: TotpSecret = False,
    security_answer_stdin: SecurityAnswer = False,
    as_json: Json = False,
) -> None:
    """Enter a customer; with a password, a run that tries it is queued."""
    from console import customers
    from console.customer_secrets import FromStdin

    wanted = FromStdin(password_stdin, totp_secret_stdin, security_answer_stdin)
    changes = customers.Changes(username, external_id, wanted)
    raise typer.Exit(run_to_end(customers.add(utility, changes, as_json=as_json)))


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all customers and how they stand."""
    from console import customers

    raise typer.Exit(run_to_end(customers.list_all(as_json=as_json)))


@app.command()
def show(reference: Reference, as_json: Json = False) -> None:
    """Show one customer, what is stored of them, and their newest runs."""
    from console import customers

    raise typer.Exit(run_to_end(customers.show_one(reference, as_json=as_json)))


@app.command(epilog=_IN_ORDER)
def update(
    reference: Reference,
    username: Annotated[str | None, typer.Option(help="The new user name.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Your own id; an empty one takes it away.")] = None,
    password_stdin: Password = False,
    totp_secret_stdin: TotpSecret = False,
    security_answer_stdin: SecurityAnswer = False,
    as_json: Json = False,
) -> None:
    """Change what is given; with something new to sign in with, a run that tries it is queued."""
    from console import customers
    from console.customer_secrets import FromStdin

    wanted = FromStdin(password_stdin, totp_secret_stdin, security_answer_stdin)
    changes = customers.Changes(username, external_id, wanted)
    raise typer.Exit(run_to_end(customers.update(reference, changes, as_json=as_json)))


@app.command()
def remove(
    reference: Reference,
    data: Annotated[bool, typer.Option("--data", help="Remove what was collected, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a customer's secrets and sessions for good."""
    from console import customers

    raise typer.Exit(run_to_end(customers.remove(reference, data=data, yes=yes, as_json=as_json)))


@app.command("import", epilog="Exit status: 0 all went in, 2 some were refused; the others went in.")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV that only you can read.")], as_json: Json = False
) -> None:
    """Enter customers from a CSV file.

    Its header: utility,username,password[,external_id,totp_secret,security_answer], in any order.
    """
    from console.customer_import import import_file

    raise typer.Exit(run_to_end(import_file(file, as_json=as_json)))
