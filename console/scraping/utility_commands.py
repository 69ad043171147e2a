"""The `utility` commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meterfarm.console.command_help import command, group
from meterfarm.console.exit_status import run_to_end

app = group("Add to a utility.")
layouts = group("Layouts by which its bills are read.")
app.add_typer(layouts, name="layout")


@command(
    layouts,
    "new",
    note="Answers are lines of standard input: a person's, or a script's.",
    examples=["utility layout new bill.pdf --utility acme_power --name 'Acme Power'"],
)
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bill's PDF.")],
    utility: Annotated[str, typer.Option(metavar="ID", help="The utility's id; it may be a new one.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What people call it.")] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where utilities' folders are. Default: utilities/.")
    ] = None,
) -> None:
    """Draft a layout by asking what each value of a bill is (docs/bills.md)."""
    from meterfarm.console.scraping.layout_dialogue import new_layout

    raise typer.Exit(run_to_end(new_layout(file, utility, name, to)))
