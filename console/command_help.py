"""What `--help` shows: commands in panels, options without Python's types, examples below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from meterfarm.console.company_option import in_company
from meterfarm.console.exit_status import MACHINE
from meterfarm.console.program import program
from meterfarm.console.terminal.output import warn
from meterfarm.support.extras import ExtraMissing, require


class Panel(StrEnum):
    """The groups that commands are listed in, in this order."""

    FETCH = "Fetch and read"
    FARM = "Customers, runs and challenges"
    CODES = "Codes by mail and SMS"
    HOST = "Workers and this machine"
    TRY = "Try and measure"


_EXTRAS = {
    "scrape": ("scrape", "export", "report", "vault", "audit", "backup"),
    "fake": ("fake",),
    "bench": ("bench",),
    "api": ("user",),
    "": ("read", "utilities", "utility"),
}
"""The extra that commands need; those that are not named here need `farm`."""
_ORDER = {
    Panel.FETCH: ("scrape", "read", "reread", "export", "report", "utilities", "utility"),
    Panel.FARM: (
        *("company", "customer", "bill", "key", "user", "runs", "run", "refresh", "challenges", "answer"),
        *("events", "webhooks", "statement"),
    ),
    Panel.CODES: ("mailbox", "number", "inbox"),
    Panel.HOST: ("worker", "up", "api", "doctor", "mail", "mail-in", "vault", "audit", "backup"),
    Panel.TRY: ("demo", "fake", "sandbox", "nightly", "simulate", "bench"),
}


class Command(TyperCommand):
    """A command with options that show what to write, not its Python type.

    Before its arguments are looked at it says which extra it needs, if that is not installed: exit status 1.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the extra that the command lacks, else what is wrong with its options."""
        asks_for_help = self.add_help_option and "--help" in args
        if not (asks_for_help or ctx.resilient_parsing):
            try:
                _require_extra(ctx)
            except ExtraMissing as exc:
                warn(str(exc))
                ctx.exit(MACHINE)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as exc:
            exc.message = exc.message.removeprefix("Value error, ")
            raise

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options, shown as what to write."""
        return _showing_what_to_write(super().get_params(ctx))


class Group(TyperGroup):
    """The same for a group; those of the command itself are in the order of their panels."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options, shown as what to write."""
        return _showing_what_to_write(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order of their panels."""
        ordered = [name for names in _ORDER.values() for name in names]
        names = super().list_commands(ctx)
        return sorted(names, key=ordered.index) if set(names) <= set(ordered) else names


def group(help_: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=help_, cls=Group, no_args_is_help=True, rich_markup_mode="rich")


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    panel: Panel | None = None,
    note: str = "",
    examples: Sequence[str] = (),
    company: bool = False,
    **settings: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a command to ``app``. ``examples`` are without the program's name, ``note`` stands above them.

    With ``company`` it works within one side of a company, and has the options ``--company`` and ``--live``.
    """
    add = app.command(
        name,
        cls=Command,
        rich_help_panel=panel,
        epilog=epilog(examples_of(*examples), note) or None,
        **settings,
    )

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        add(in_company(function) if company else function)
        return function

    return declare


def epilog(examples: Iterable[str], note: str = "", heading: str = "Examples:") -> str:
    """What stands below the options, as rich's markup."""
    lines = list(examples)
    return escape("\n\n".join(filter(None, [note, "\n".join([heading, *lines]) if lines else ""])))


def examples_of(*arguments: str) -> list[str]:
    """Examples with the program's name; what a pipe brings stands before ``|``."""
    named = []
    for argument in arguments:
        before, pipe, after = argument.rpartition("| ")
        named.append(f"$ {before}{pipe}{program()} {after}")
    return named


def _require_extra(ctx: Any) -> None:
    """Raises ExtraMissing."""
    top = ctx
    while top.parent is not None and top.parent.parent is not None:
        top = top.parent
    extra = next((extra for extra, names in _EXTRAS.items() if top.info_name in names), "farm")
    if extra:
        require(extra, f"`{ctx.command_path}`")


def _showing_what_to_write(params: list[Any]) -> list[Any]:
    for param in params:
        if isinstance(param, TyperArgument):
            param.metavar = param.metavar or str(param.name).upper()
            vars(param)["display_type_rich"] = lambda ctx: ""  # Typer's is the annotation: <str>
        elif isinstance(param, TyperOption) and param.metavar is None:
            param.metavar = "" if param.is_flag else str(param.name).upper()
    return params
