"""The `sandbox` commands and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.customers.customer_commands import Json, Reference
from meterfarm.console.exit_status import run_to_end
from meterfarm.records import EventKind

app = group("Try what can befall customers of fake utilities: events, broken logins, portals that are down.")


def declare(to: typer.Typer) -> None:
    """Add them to the command."""
    to.add_typer(app, name="sandbox", rich_help_panel=Panel.TRY)


@command(app, company=True, examples=["sandbox fire new_bill 12", "sandbox fire bills_ready A-17 --json"])
def fire(
    event: Annotated[EventKind, typer.Argument(metavar="EVENT", help="Its kind, such as new_bill.")],
    customer: Reference,
    bill: Annotated[
        int | None, typer.Option(metavar="ID", help="The bill that it is about. Default: the newest.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send an event as if it had happened."""
    from meterfarm.console.sandbox import sandbox

    raise typer.Exit(run_to_end(sandbox.fire(event, customer, bill, as_json=as_json)))


@command(
    app,
    "break-login",
    company=True,
    examples=["sandbox break-login 12", "sandbox break-login 12 --after 5"],
)
def break_login(
    customer: Reference,
    after: Annotated[
        int, typer.Option(metavar="N", min=0, max=1000, help="Once N more documents were handed out.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Have the portal refuse the customer's password."""
    from meterfarm.console.sandbox import sandbox

    raise typer.Exit(run_to_end(sandbox.break_login(customer, after, as_json=as_json)))


@command(app, "mend-login", company=True, examples=["sandbox mend-login 12"])
def mend_login(customer: Reference, as_json: Json = False) -> None:
    """Have the portal take the password again; it still has to be given once more."""
    from meterfarm.console.sandbox import sandbox

    raise typer.Exit(run_to_end(sandbox.mend_login(customer, as_json=as_json)))


@command(
    app,
    "expire-session",
    company=True,
    examples=["sandbox expire-session 12", "sandbox expire-session 12 --mfa"],
)
def expire_session(
    customer: Reference,
    mfa: Annotated[bool, typer.Option("--mfa", help="MFA is asked for again, too.")] = False,
    as_json: Json = False,
) -> None:
    """End the customer's sessions at the portal."""
    from meterfarm.console.sandbox import sandbox

    raise typer.Exit(run_to_end(sandbox.expire_session(customer, mfa=mfa, as_json=as_json)))


@command(
    app,
    company=True,
    note="Without an option the portal is well again. It is that of every company's test customers.",
    examples=["sandbox portal speculoos_power --down", "sandbox portal speculoos_power"],
)
def portal(
    utility: Annotated[str, typer.Argument(help="A fake utility's id or name.")],
    down: Annotated[bool, typer.Option("--down", help="It answers everything with 503.")] = False,
    slow: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, max=3600, help="Pages and documents come so late.")
    ] = 0,
    retry_after: Annotated[
        int | None,
        typer.Option(
            "--retry-after", metavar="SECONDS", min=0, max=3600, help="It answers everything with 429."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take a fake portal down, slow it, or have it refuse requests."""
    from meterfarm.console.sandbox import sandbox

    raise typer.Exit(
        run_to_end(sandbox.portal(utility, down=down, slow=slow, retry_after=retry_after, as_json=as_json))
    )
