"""The `company` commands and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from meterfarm.console.command_help import command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end

app = group("Manage companies; each has customers of its own.")

_BRAND = "What its customers see (an empty value takes one away)"
Whose = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The company's name; the only one needs none.")
]
Live = Annotated[bool, typer.Option("--live", help="Its live side, not its test side.")]
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


@command(
    app,
    "set",
    examples=[
        "company set acme --history 24",
        "company set --history none --no-continuous",
        "company set acme --meters electric",
        "company set --gas-as-text",
        "company set acme --notify ops@acme.example --mail-domain acme.example",
        "company set acme --shown-name 'Acme Solar' --colour '#0b6b4f' --logo logo.png",
        "company set acme --origin https://www.acme.example --origin https://acme.example",
    ],
)
def set_(
    name: Whose = None,
    history: Annotated[
        str | None,
        typer.Option(metavar="MONTHS", help="How far back bills unlock: all, none, or a number of months."),
    ] = None,
    continuous: Annotated[
        bool | None, typer.Option("--continuous/--no-continuous", help="Whether later bills unlock.")
    ] = None,
    meters: Annotated[
        str | None,
        typer.Option(metavar="WHICH", help="Which unlocked meters are charged: electric, gas or both."),
    ] = None,
    gas_as_text: Annotated[
        bool | None, typer.Option("--gas-as-text/--gas-as-number", help="How numbers of gas are written.")
    ] = None,
    notify: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Gets a mail when a customer's data is ready or one must reauthenticate; '': nobody.",
        ),
    ] = None,
    mail_domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DOMAIN",
            help="Bills may be mailed in from its addresses; several times for several, which replace those "
            "there are; '' for none.",
        ),
    ] = None,
    shown_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What its customers know it by.", rich_help_panel=_BRAND),
    ] = None,
    colour: Annotated[
        str | None, typer.Option(metavar="#RRGGBB", help="Of buttons and links.", rich_help_panel=_BRAND)
    ] = None,
    logo: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A PNG or JPEG image up to 256 KiB.", rich_help_panel=_BRAND),
    ] = None,
    policy_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its privacy policy.", rich_help_panel=_BRAND)
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Of its pages that may have the form in a frame; several times for several, which replace "
            "those there are.",
            rich_help_panel=_BRAND,
        ),
    ] = None,
    open_form: Annotated[
        bool | None,
        typer.Option(
            "--open-form/--no-open-form",
            help="Whether anybody may begin the form who knows the company's link.",
            rich_help_panel=_BRAND,
        ),
    ] = None,
    live: Live = False,
    as_json: Json = False,
) -> None:
    """Change what unlocks for customers added from now on, what is charged, mail, and the form."""
    from meterfarm.console.customers import companies
    from meterfarm.services.branding import ChangeBrand
    from meterfarm.services.companies import ChangeCompany

    brand = ChangeBrand(
        shown_name, colour, policy_url=policy_url, origins=origin or None, open_form=open_form
    )
    request = ChangeCompany(history, continuous, gas_as_text, notify, mail_domain or None, brand, meters)
    raise typer.Exit(run_to_end(companies.change(name, request, logo=logo, live=live, as_json=as_json)))


@command(app, examples=["company show acme"])
def show(
    name: Whose = None,
    live: Live = False,
    as_json: Json = False,
) -> None:
    """Show a company and how many customers it has."""
    from meterfarm.console.customers import companies

    raise typer.Exit(run_to_end(companies.show(name, live=live, as_json=as_json)))


@command(app, examples=["company wishes acme"])
def wishes(
    name: Whose = None,
    live: Live = False,
    as_json: Json = False,
) -> None:
    """List the utilities that its customers asked for on the form."""
    from meterfarm.console.customers import companies

    raise typer.Exit(run_to_end(companies.wishes(name, live=live, as_json=as_json)))


@command(
    app,
    examples=[
        "company price",
        "company price --set 2.00 --currency USD",
        "company price acme --set 1.50",
        "company price acme --unset",
    ],
)
def price(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this company's, on both of its sides.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--set", metavar="PRICE", help="Of a meter that is unlocked from now on, as 2.00."),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Three letters as USD; else it stays.")
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Take the price away.")] = False,
    as_json: Json = False,
) -> None:
    """Show or set what an unlocked meter of a bill costs; 0 unless it is set."""
    from meterfarm.console.customers import companies

    raise typer.Exit(run_to_end(companies.price(name, to, currency, unset=unset, as_json=as_json)))
