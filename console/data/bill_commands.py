"""The `bill` commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meterfarm.console.command_help import command, group
from meterfarm.console.exit_status import run_to_end

app = group("List, unlock and upload bills.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reference = Annotated[str, typer.Argument(metavar="BILL", help="An id, or an external id.")]
Customer = Annotated[
    str | None, typer.Option(metavar="REF", help="A customer: an id, an external id or a user name.")
]


@command(
    app,
    "list",
    company=True,
    examples=["bill list", "bill list --customer A-1 --since 2026-01-01", "bill list --limit 1000 --json"],
)
def list_(
    customer: Customer = None,
    account: Annotated[str | None, typer.Option(metavar="NUMBER", help="Only of this account.")] = None,
    meter: Annotated[str | None, typer.Option(metavar="ID", help="Only of this meter.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="Only those issued on this day or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DAY", help="Only those issued on this day or before.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many of the newest.")] = 100,
    as_json: Json = False,
) -> None:
    """List bills by day of issue, the newest first."""
    from meterfarm.console.data import bills

    wanted = bills.BillFilters(customer, account, meter, since, until, limit)
    raise typer.Exit(run_to_end(bills.list_all(wanted, as_json=as_json)))


@command(app, company=True, examples=["bill show 501", "bill show my-501 --json"])
def show(reference: Reference, as_json: Json = False) -> None:
    """Show one bill and its meters; of a locked one what is not withheld."""
    from meterfarm.console.data import bills

    raise typer.Exit(run_to_end(bills.show_one(reference, as_json=as_json)))


@command(app, company=True, examples=["bill unlock 501 502 --json", "bill unlock 501 --meter E1"])
def unlock(
    references: Annotated[list[str], typer.Argument(metavar="BILL", help="Ids, or external ids.")],
    meter: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this meter; may be given several times.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Unlock bills, for good. What they say can be read from then on."""
    from meterfarm.console.data import bills

    raise typer.Exit(run_to_end(bills.unlock(references, meter, as_json=as_json)))


@command(
    app,
    company=True,
    note="Exit status: 0 it was read, 3 it is kept, and no layout reads it yet.",
    examples=["bill upload january.pdf", "bill upload january.pdf --customer A-1 --external-id my-501"],
)
def upload(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The PDF of a bill.")],
    customer: Customer = None,
    external_id: Annotated[str | None, typer.Option(metavar="ID", help="Your own id for the bill.")] = None,
    as_json: Json = False,
) -> None:
    """Keep a PDF as a bill; by default of the customer who has its account, or of a new one."""
    from meterfarm.console.data import bills

    raise typer.Exit(run_to_end(bills.upload(file, customer, external_id, as_json=as_json)))


@command(
    app,
    "file",
    company=True,
    note="Exit status: 0 it was written, 3 the bill's file is lost.",
    examples=["bill file 501", "bill file my-501 --out /tmp/january.pdf"],
)
def file_(
    reference: Reference,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it. Default: bill-501-2026-01-31.pdf here."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a bill's PDF to a file that is not there yet; a locked one's is withheld."""
    from meterfarm.console.data import bills

    raise typer.Exit(run_to_end(bills.write_file(reference, out, as_json=as_json)))
