"""The `customer` commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meterfarm.console.command_help import command, group
from meterfarm.console.exit_status import run_to_end

app = group("Manage customers and their credentials.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reference = Annotated[str, typer.Argument(metavar="REF", help="An id, an external id or a user name.")]
ExternalId = Annotated[str | None, typer.Option(metavar="ID", help="Your own id for the customer.")]
Password = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]
TotpSecret = Annotated[
    bool, typer.Option("--totp-secret-stdin", help="Then read the authenticator's secret from stdin.")
]
SecurityAnswer = Annotated[
    bool, typer.Option("--security-answer-stdin", help="Then read the security answer from stdin.")
]
SecurityAnswerTo = Annotated[
    list[str] | None,
    typer.Option(
        metavar="QUESTION",
        help="Then read the answer to this security question from stdin; may be given several times.",
    ),
]

_IN_ORDER = "Secrets come on stdin, a line each, in the order above; at a terminal they are asked for."


@command(
    app,
    company=True,
    note=_IN_ORDER,
    examples=[
        "customer add speculoos_power --username ada@example.com",
        "cat password | customer add speculoos_power --username ada@example.com --password-stdin",
    ],
)
def add(
    utility: Annotated[str, typer.Argument(help="The utility's id, such as speculoos_power.")],
    username: Annotated[str, typer.Option(metavar="NAME", help="The user name at the portal.")],
    external_id: ExternalId = None,
    password_stdin: Password = False,
    totp_secret_stdin: TotpSecret = False,
    security_answer_stdin: SecurityAnswer = False,
    security_answer_to: SecurityAnswerTo = None,
    as_json: Json = False,
) -> None:
    """Add a customer; with a password, a run that tries it is queued."""
    from meterfarm.console.customers import customers
    from meterfarm.console.terminal.secret_input import FromStdin

    wanted = FromStdin(
        password_stdin, totp_secret_stdin, security_answer_stdin, tuple(security_answer_to or ())
    )
    changes = customers.Changes(username, external_id, wanted)
    raise typer.Exit(run_to_end(customers.add(utility, changes, as_json=as_json)))


@command(app, "list", company=True, examples=["customer list", "customer list --json"])
def list_(as_json: Json = False) -> None:
    """List all customers and their states."""
    from meterfarm.console.customers import customers

    raise typer.Exit(run_to_end(customers.list_all(as_json=as_json)))


@command(app, company=True, examples=["customer show 12", "customer show ada@example.com --json"])
def show(reference: Reference, as_json: Json = False) -> None:
    """Show one customer, what is stored of them, and their newest runs."""
    from meterfarm.console.customers import customers

    raise typer.Exit(run_to_end(customers.show_one(reference, as_json=as_json)))


@command(
    app,
    company=True,
    note=_IN_ORDER,
    examples=["customer update A-1 --password-stdin", 'customer update 12 --external-id ""'],
)
def update(
    reference: Reference,
    username: Annotated[str | None, typer.Option(metavar="NAME", help="The new user name.")] = None,
    utility: Annotated[
        str | None, typer.Option(metavar="ID", help="The utility, of who has no login yet.")
    ] = None,
    external_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Your own id; an empty one removes it.")
    ] = None,
    password_stdin: Password = False,
    totp_secret_stdin: TotpSecret = False,
    security_answer_stdin: SecurityAnswer = False,
    security_answer_to: SecurityAnswerTo = None,
    as_json: Json = False,
) -> None:
    """Change what is given; with something new to sign in with, a run that tries it is queued."""
    from meterfarm.console.customers import customers
    from meterfarm.console.terminal.secret_input import FromStdin

    wanted = FromStdin(
        password_stdin, totp_secret_stdin, security_answer_stdin, tuple(security_answer_to or ())
    )
    changes = customers.Changes(username, external_id, wanted, utility)
    raise typer.Exit(run_to_end(customers.update(reference, changes, as_json=as_json)))


@command(app, company=True, examples=["customer remove 12", "customer remove A-1 --data --yes"])
def remove(
    reference: Reference,
    data: Annotated[bool, typer.Option("--data", help="Remove what was collected, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a customer's secrets and sessions for good."""
    from meterfarm.console.customers import customers

    raise typer.Exit(run_to_end(customers.remove(reference, data=data, yes=yes, as_json=as_json)))


@command(
    app,
    "import",
    company=True,
    note="Exit status: 0 all went in, 2 some were refused; the others went in.",
    examples=["customer import customers.csv"],
)
def import_(
    file: Annotated[Path, typer.Argument(help="CSV that only you can read.")], as_json: Json = False
) -> None:
    """Add customers from a CSV file.

    Its header: utility,username,password[,external_id,totp_secret,security_answer], in any order;
    security_question_1,security_answer_1 and so on to 3 are answers to one question each.
    """  # noqa: DOC501 - it is the command's help
    from meterfarm.console.customers.customer_import import import_file

    raise typer.Exit(run_to_end(import_file(file, as_json=as_json)))
