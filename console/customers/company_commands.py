"""The `company` commands and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from meterfarm.console.command_help import command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end

app = group("Manage companies; each has customers of its own.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The company's name.")]


@command(app, examples=["company add acme", "company add acme --json"])
def add(name: Name, as_json: Json = False) -> None:
    """Add a company beside those there are."""
    from meterfarm.console.customers import companies

    raise typer.Exit(run_to_end(companies.add(name, as_json=as_json)))


@command(app, "list", examples=["company list"])
def list_(as_json: Json = False) -> None:
    """List the companies."""
    from meterfarm.console.customers import companies

    raise typer.Exit(run_to_end(companies.list_all(as_json=as_json)))


@command(app, examples=["company show acme"])
def show(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The company's name; the only one needs none.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Its live side, not its test side.")] = False,
    as_json: Json = False,
) -> None:
    """Show a company and how many customers it has."""
    from meterfarm.console.customers import companies

    raise typer.Exit(run_to_end(companies.show(name, live=live, as_json=as_json)))
