"""The commands of the farm and their options: runs, challenges, events, workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end
from meterfarm.records import EventKind, Factor

run_app = group("Show, retry or cancel a run.")
vault_app = group("Manage the encryption keys of stored credentials.")

RunId = Annotated[int, typer.Argument(metavar="ID", help="The run's number.")]


class Queue(StrEnum):
    """The queues a worker can serve."""

    INTERACTIVE = "interactive"
    DATA = "data"


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    for function, panel, examples in _COMMANDS:
        declared = command(
            app,
            panel=panel,
            examples=examples,
            note=_NOTES.get(function.__name__, ""),
            company=panel is not Panel.HOST,
        )
        declared(function)
    app.add_typer(run_app, name="run", rich_help_panel=Panel.FARM)
    app.add_typer(vault_app, name="vault", rich_help_panel=Panel.HOST)


def runs(
    watch: Annotated[bool, typer.Option("--watch", help="Show them live until Ctrl-C.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All, however many.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many of the newest.")] = 30,
    customer: Annotated[str | None, typer.Option(metavar="REF", help="Only this customer's.")] = None,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    from meterfarm.console.runs.runs import list_runs, watch_runs

    if watch:
        raise typer.Exit(run_to_end(watch_runs(customer, as_json=as_json)))
    raise typer.Exit(run_to_end(list_runs(None if everything else limit, customer, as_json=as_json)))


@command(run_app, "show", company=True, examples=["run show 12", "run show 12 --json"])
def run_show(run_id: RunId, as_json: Json = False) -> None:
    """Show all that is known of a run."""
    from meterfarm.console.runs.run_story import show_run

    raise typer.Exit(run_to_end(show_run(run_id, as_json=as_json)))


@command(run_app, "retry", company=True, examples=["run retry 12"])
def run_retry(run_id: RunId, as_json: Json = False) -> None:
    """Queue a run again, now."""
    from meterfarm.console.runs.runs import retry_run

    raise typer.Exit(run_to_end(retry_run(run_id, as_json=as_json)))


@command(run_app, "cancel", company=True, examples=["run cancel 12"])
def run_cancel(run_id: RunId, as_json: Json = False) -> None:
    """Cancel a run that is queued, under way or waiting."""
    from meterfarm.console.runs.runs import cancel_run

    raise typer.Exit(run_to_end(cancel_run(run_id, as_json=as_json)))


def refresh(
    references: Annotated[list[str] | None, typer.Argument(metavar="REF", help="Customers.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All who can be refreshed.")] = False,
    as_json: Json = False,
) -> None:
    """Collect new bills and intervals of customers now."""
    from meterfarm.console.runs.runs import refresh as queue

    raise typer.Exit(run_to_end(queue(references or [], everybody=everybody, as_json=as_json)))


def reread(
    utility: Annotated[str | None, typer.Option(metavar="ID", help="Only this utility's.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="REF", help="Only this customer's.")] = None,
    as_json: Json = False,
) -> None:
    """Read stored bills again with the layouts as they are now; no portal is visited."""
    from meterfarm.console.data.reread import reread_bills

    raise typer.Exit(run_to_end(reread_bills(utility, customer, as_json=as_json)))


def statement(
    month: Annotated[
        str | None, typer.Option(metavar="MONTH", help="Such as 2026-10, in UTC; else this one, so far.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="table: by customer; csv: each bill.")
    ] = "table",
    everybody: Annotated[bool, typer.Option("--all", help="In sum, of every company on both sides.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is charged for the meters that were unlocked in a month."""
    from meterfarm.console.data.statement import show_statement

    raise typer.Exit(run_to_end(show_statement(month, form, everybody=everybody, as_json=as_json)))


def challenges(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: Json = False,
) -> None:
    """List the MFA challenges that wait for an answer."""
    from meterfarm.console.runs.challenges import list_challenges

    raise typer.Exit(run_to_end(list_challenges(only_open=not everything, as_json=as_json)))


def answer(
    challenge_id: Annotated[int, typer.Argument(metavar="ID", help="The challenge's number.")],
    factor: Annotated[
        Factor | None, typer.Option(metavar="FACTOR", help="Choose sms, email, totp or question.")
    ] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Have the code sent once more.")] = False,
    wait: Annotated[
        bool | None,
        typer.Option("--wait/--no-wait", help="Wait for what the portal says. Default: at a terminal."),
    ] = None,
) -> None:
    """Answer a challenge: the code comes on stdin, or is asked for at a terminal."""
    from meterfarm.console.runs.answering import answer as give

    raise typer.Exit(run_to_end(give(challenge_id, factor, resend=resend, wait=wait)))


def events(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
    after: Annotated[int, typer.Option(metavar="ID", min=0, help="Only those after this one.")] = 0,
    kind: Annotated[
        list[EventKind] | None, typer.Option(metavar="KIND", help="Only these, as new_bill; several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array; not with --follow.")] = False,
) -> None:
    """Show what happened; in a pipe, a JSON object a line."""
    from meterfarm.console.runs.events import show_events

    raise typer.Exit(run_to_end(show_events(after, kind or [], follow=follow, as_json=as_json)))


def worker(
    queue: Annotated[
        Queue | None, typer.Option(metavar="QUEUE", help="Serve only this one: interactive or data.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many; else one a core.")
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=1, max=65535, help="Say at this port of 127.0.0.1 how they are."),
    ] = None,
) -> None:
    """Work on runs until stopped."""
    from meterfarm.console.farm.workers import work
    from meterfarm.farm.workers.supervisor import workers_zygote

    with workers_zygote() as zygote:
        only = queue.value if queue else None
        raise typer.Exit(run_to_end(work(zygote, only, processes, health_port)))


def up(
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The fake utility's; 0 takes any.")
    ] = 8600,
    api_port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The API's; 0 takes any.")
    ] = 8601,
    processes: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many workers; else one a core.")
    ] = None,
    random_codes: Annotated[
        bool, typer.Option("--random-codes", help="The fake utility's codes are truly random.")
    ] = False,
) -> None:
    """Start workers, the API, a private Redis and the fake utilities."""
    from meterfarm.console.farm.workers import up as start
    from meterfarm.farm.workers.supervisor import workers_zygote

    with workers_zygote() as zygote:
        raise typer.Exit(run_to_end(start(zygote, port, api_port, processes, random_codes=random_codes)))


def doctor(as_json: Json = False) -> None:
    """Check that this machine has what the farm needs."""
    from meterfarm.console.doctor.doctor import examine

    raise typer.Exit(run_to_end(examine(as_json=as_json)))


@command(
    vault_app,
    "new-key",
    examples=["vault new-key >secret_keys"],
    note="Keep it readable by you only: umask 077.",
)
def vault_new_key() -> None:
    """Print a new key for METERFARM_SECRET_KEYS; it is stored nowhere."""
    from meterfarm.console.farm.state_commands import make_key

    raise typer.Exit(run_to_end(make_key()))


@command(vault_app, "rotate", examples=["vault rotate"])
def vault_rotate(as_json: Json = False) -> None:
    """Wrap every customer's data key with a new key."""
    from meterfarm.console.farm.state_commands import rotate

    raise typer.Exit(run_to_end(rotate(as_json=as_json)))


_COMMANDS: Sequence[tuple[Callable[..., None], Panel, Sequence[str]]] = (
    (runs, Panel.FARM, ["runs --watch", "runs --customer A-1 --json"]),
    (refresh, Panel.FARM, ["refresh A-1 12", "refresh --all"]),
    (reread, Panel.FETCH, ["reread", "reread --utility speculoos_power", "reread --customer A-1 --json"]),
    (
        *(statement, Panel.FARM),
        [
            "statement --month 2026-10",
            "statement --month 2026-10 --format csv >october.csv",
            "statement --all",
        ],
    ),
    (challenges, Panel.FARM, ["challenges", "challenges --all --json"]),
    (answer, Panel.FARM, ["answer 3", "answer 3 --factor email", "echo 555123 | answer 3 --wait"]),
    (events, Panel.FARM, ["events --follow --kind new_bill", "events --after 120 --json"]),
    (worker, Panel.HOST, ["worker", "worker --queue data --processes 4"]),
    (up, Panel.HOST, ["up", "up --port 8700 --api-port 8701 --random-codes"]),
    (doctor, Panel.HOST, ["doctor", "doctor --json"]),
)
_NOTES = {
    "answer": "Exit status: 0 accepted (without waiting: stored), 10 not accepted, 1 no worker took it, "
    "2 usage error; that of the outcome if the run has ended.",
    "doctor": "Exit status: 0 nothing failed, 1 something did.",
    "reread": "Exit status: 0 all were read, 2 usage error, 3 some could not be, and are as they were.",
    "refresh": "Exit status: 0 all are queued, 2 usage error, or some cannot be refreshed.",
}
