"""The `meterfarm` command."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from meterfarm.bench import bench_commands
from meterfarm.console.api import api_commands
from meterfarm.console.channels import channel_commands
from meterfarm.console.command_help import Group, Panel, command, epilog
from meterfarm.console.customers import company_commands, customer_commands
from meterfarm.console.data import bill_commands
from meterfarm.console.exit_status import run_to_end
from meterfarm.console.farm import farm_commands
from meterfarm.console.mail import mail_commands
from meterfarm.console.program import program, version
from meterfarm.console.sandbox import sandbox_commands
from meterfarm.console.scraping import utility_commands
from meterfarm.console.webhooks import webhook_commands
from meterfarm.records import Factor

_CHECKOUT = (
    "setup             install everything, then stop",
    "test [ARGS]       lint, types and all tests; with ARGS, pytest with these",
    "fuzz              readers on damaged files; --api: the API, asked all that its document says",
    "bench NAME        install what a benchmark needs, then run it",
    "check-external    tests with several hosts and foreign programs; as root. --quickstarts FILE: a page",
    "                  with QuickStart programs, which are run, too",
)
_COLLECT_AFTER = 50_000
"""Objects; as many as in a worker."""
app = typer.Typer(
    name="meterfarm",
    help="Fetches electricity and gas bills and interval data, with the customer's permission.",
    epilog=epilog(_CHECKOUT, heading="In a checkout, ./run also takes:") if program() == "./run" else None,
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(company_commands.app, name="company", rich_help_panel=Panel.FARM)
app.add_typer(customer_commands.app, name="customer", rich_help_panel=Panel.FARM)
app.add_typer(bill_commands.app, name="bill", rich_help_panel=Panel.FARM)
app.add_typer(utility_commands.app, name="utility", rich_help_panel=Panel.FETCH)
farm_commands.declare(app)
channel_commands.declare(app)
api_commands.declare(app)
sandbox_commands.declare(app)
webhook_commands.declare(app)
mail_commands.declare(app)
bench_commands.declare(app)

_EXIT_STATUSES = (
    "Exit status: 0 complete (also no accounts, no data yet), 1 this machine is not set up, 2 usage error, "
    "10 the customer must act, 11 the portal's fault, 12 the script needs mending, 13 partial, 70 a fault of "
    "our own, 130 interrupted, 143 terminated."
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"meterfarm {version()}")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Nothing: each command does its own."""


@command(
    app,
    panel=Panel.FETCH,
    company=True,
    note=_EXIT_STATUSES,
    examples=[
        "scrape speculoos_power --username ada@example.com",
        "echo x | scrape speculoos_power --fake --username iamvalid@bayou.energy --password-stdin --json",
    ],
)
def scrape(
    utility: Annotated[str, typer.Argument(help="The utility: its id, such as speculoos_power, or a name.")],
    username: Annotated[str, typer.Option(metavar="NAME", help="The user name at the portal.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    totp_secret_stdin: Annotated[
        bool,
        typer.Option(
            "--totp-secret-stdin", help="Read the authenticator's secret from stdin, after the password."
        ),
    ] = False,
    mfa_stdin: Annotated[
        bool,
        typer.Option(
            "--mfa-stdin", help="Read MFA answers from stdin, each after its JSON prompt on stderr."
        ),
    ] = False,
    factor: Annotated[
        Factor | None,
        typer.Option(metavar="FACTOR", help="Which MFA factor to choose: sms, email, totp or question."),
    ] = None,
    fake: Annotated[bool, typer.Option("--fake", help="Start the fake utility and visit that.")] = False,
    random_codes: Annotated[
        bool, typer.Option("--random-codes", help="With --fake: truly random codes.")
    ] = False,
    now: Annotated[
        str | None, typer.Option(metavar="TIME", help="With --fake: what its clock says at the start.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Visit a running portal on this machine.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Only bills and intervals from this day on (2026-01-31)."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write files.")] = Path("out"),
    headed: Annotated[
        bool, typer.Option("--headed", help="Show the browser; needs a full Chromium.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary, and nothing else, on stdout.")
    ] = False,
) -> None:
    """Fetch one customer's bills and intervals now."""
    from meterfarm.console.scraping.options import ScrapeOptions
    from meterfarm.console.scraping.scrape import scrape as run

    options = ScrapeOptions(
        utility=utility,
        username=username,
        password_stdin=password_stdin,
        totp_secret_stdin=totp_secret_stdin,
        mfa_stdin=mfa_stdin,
        factor=factor,
        fake=fake,
        random_codes=random_codes,
        now=now,
        base_url=base_url,
        since=since,
        out=out,
        headed=headed,
        as_json=as_json,
    )
    raise typer.Exit(run_to_end(run(options)))


@command(
    app,
    panel=Panel.TRY,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def fake(context: typer.Context) -> None:
    """Serve the fake utility (its options: `fake --help`)."""
    from meterfarm.fake_utility.__main__ import main as serve

    raise typer.Exit(serve(context.args))


@command(app, panel=Panel.TRY, examples=["demo", "demo --out /tmp/demo"])
def demo(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write files.")] = Path("out/demo"),
) -> None:
    """Fetch fake customers' data at every fake portal, with every kind of MFA."""
    from meterfarm.console.farm.demo import demo as run
    from meterfarm.console.farm.relay import others_relayed
    from meterfarm.farm.workers.supervisor import workers_zygote

    with others_relayed() as begin_to_relay, workers_zygote() as zygote:
        begin_to_relay()
        raise typer.Exit(run_to_end(run(zygote, out)))


@command(
    app,
    panel=Panel.FETCH,
    examples=["utilities", "utilities JCPL", "utilities --json", "utilities | cut -f 1,4"],
)
def utilities(
    name: Annotated[
        str | None, typer.Argument(metavar="[UTILITY]", help="All about this one: its id, or a name it has.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are known and have no script.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of them as a JSON array.")] = False,
) -> None:
    """List the utilities, how far each is verified, and how our own runs went."""
    from meterfarm.console.scraping.utilities import show_utilities

    raise typer.Exit(run_to_end(show_utilities(name, everything=everything, as_json=as_json)))


@command(
    app,
    panel=Panel.FETCH,
    note="Exit status: 0 all was read, 3 a file, or something in one, was refused.",
    examples=[
        "read usage.xml intervals.csv --zone America/New_York",
        "unzip -p all.zip day.csv | read - --json",
        "read bill.pdf --explain",
    ],
)
def read(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="What was exported; - is stdin.")],
    utility: Annotated[
        str | None, typer.Option(help="Whose layouts and time zone to use, such as speculoos_power.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="The time zone of local times, such as America/New_York.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Draw bills' pages with where each value was found.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where --explain writes. Default: out/explain."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line for each file.")
    ] = False,
) -> None:
    """Show what files are: Green Button, interval CSV or XLSX, bills, plain or in a ZIP."""
    from meterfarm.console.data.read import read as run

    raise typer.Exit(run_to_end(run(files, utility, zone, json=as_json, explain=explain, out=out)))


@command(
    app,
    panel=Panel.FETCH,
    company=True,
    note="Exit status: 0 all was written, 3 the format cannot hold some readings, or a bill's file is lost.",
    examples=[
        *("export 12", "export --all --format green-button --out out/readings"),
        *("export A-1 --bills", "export 12 --format excel"),
    ],
)
def export(
    customer: Annotated[
        str | None, typer.Argument(metavar="CUSTOMER", help="An id, an external id or a user name.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All customers.")] = False,
    bills: Annotated[
        bool, typer.Option("--bills", help="The bills instead: PDFs and a bills.json for each account.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Readings: csv (default), parquet, green-button; a file with everything: json, excel.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write files.")] = Path("out/export"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Export stored readings, a file for each meter; stored bills; or everything, a file a customer."""
    from meterfarm.console.data.export import export as run

    raise typer.Exit(
        run_to_end(run(customer, everybody=everybody, bills=bills, to=to, out=out, as_json=as_json))
    )


@command(
    app,
    panel=Panel.FETCH,
    company=True,
    examples=["report 12", "report ada@example.com --out /tmp/ada.html", "report A-1 --json"],
)
def report(
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="An id, an external id or a user name.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write the page. Default: out/report-12.html."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a page with a customer's costs, use, bills and checks, to look at or to print."""
    from meterfarm.console.data.report import report as run

    raise typer.Exit(run_to_end(run(customer, out, as_json=as_json)))


@command(app, panel=Panel.HOST, company=True, examples=["audit --since 24h", "audit --customer A-1 --json"])
def audit(
    customer: Annotated[
        str | None, typer.Option(metavar="REF", help="Only this customer's; an erased one by number.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only from then on: 2026-01-31, 2026-01-31T08:00, 36h, 7d."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="How many of the newest. Default: 100, or all with --since."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All, however many.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show who opened which stored secrets, when, and what for; newest first."""
    from meterfarm.console.farm.audit import show_audit

    raise typer.Exit(run_to_end(show_audit(customer, since, limit, everything=everything, as_json=as_json)))


@command(
    app,
    panel=Panel.TRY,
    note="Exit status: 0 all as meant, 3 not (with --break: too few were caught), 1 this machine, "
    "2 usage error.",
    examples=["nightly --report out/nightly", "nightly --resume", "nightly --break 20"],
)
def nightly(
    sample: Annotated[
        int | None, typer.Argument(metavar="N", min=1, help="With --break: so many of the breaks only.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the report goes. Default: nightly/report in the state directory."
        ),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="At once, also if METERFARM_NIGHTLY_AT is set.")] = False,
    break_: Annotated[
        bool, typer.Option("--break", help="Break the scripts, one thing at a time, and see each caught.")
    ] = False,
    no_forms: Annotated[bool, typer.Option("--no-forms", help="Leave out the onboarding forms.")] = False,
    no_quirks: Annotated[bool, typer.Option("--no-quirks", help="Leave out the portals' quirks.")] = False,
    no_live: Annotated[
        bool, typer.Option("--no-live", help="Look at no live portal's sign-in page.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Do the rest of a night that was interrupted, as it was begun.")
    ] = False,
) -> None:
    """Send every test customer of every portal through a farm, and compare with what each is for."""
    from meterfarm.console.errors import UsageError
    from meterfarm.farm.workers.supervisor import workers_zygote
    from meterfarm.nightly.command import break_scripts, resumed
    from meterfarm.nightly.command import nightly as run

    async def refused(why: str) -> int:
        raise UsageError(why)

    if resume and (break_ or no_forms or no_quirks or no_live):
        why = "A night is taken up as it was begun; leave the other options out, but for --report."
        raise typer.Exit(run_to_end(refused(why)))
    if break_:
        raise typer.Exit(run_to_end(break_scripts(report, sample)))
    if sample is not None:
        why = "A number goes with --break; add --break, or leave the number out."
        raise typer.Exit(run_to_end(refused(why)))
    with workers_zygote() as zygote:
        night = (
            resumed(zygote, report)
            if resume
            else run(zygote, report, now=now, forms=not no_forms, quirks=not no_quirks, live=not no_live)
        )
        raise typer.Exit(run_to_end(night, stopped="Stopped."))


@command(app, panel=Panel.HOST, examples=["backup /srv/backup/meterfarm"])
def backup(
    target: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier backup.")],
) -> None:
    """Copy this machine's state, which may be in use (docs/operate.md)."""
    from meterfarm.console.farm.state_commands import backup as run

    raise typer.Exit(run_to_end(run(target)))


def main() -> None:
    """Run the command that the arguments name.

    What it imports is no garbage: to look for some, again at the end, takes an eighth of a short command.
    """
    gc.set_threshold(_COLLECT_AFTER, 50, 50)
    atexit.register(gc.freeze)
    completing = {"--install-completion", "--show-completion"} & set(sys.argv)
    name = Path(program()).name if completing or "_RUN_COMPLETE" in os.environ else program()
    app(prog_name=name)  # a shell completes `./run` by its last part


if __name__ == "__main__":
    main()
