"""The commands of the farm and their options: runs, challenges, events, workers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from console.customer_commands import Json
from console.ending import run_to_end
from records import EventKind, Factor

run_app = typer.Typer(help="One run: its story, again, or no more.", no_args_is_help=True)
vault_app = typer.Typer(help="The keys that seal what customers entrust to us.", no_args_is_help=True)

RunId = Annotated[int, typer.Argument(metavar="ID", help="The run's number.")]


class Queue(StrEnum):
    """The queues a worker can serve."""

    INTERACTIVE = "interactive"
    DATA = "data"


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    for command in (runs, refresh, challenges, answer, events, worker, up, doctor):
        app.command()(command)
    app.add_typer(run_app, name="run")
    app.add_typer(vault_app, name="vault")


def runs(
    watch: Annotated[bool, typer.Option("--watch", help="Show them live until Ctrl-C.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All, however many.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 30,
    customer: Annotated[str | None, typer.Option(metavar="REF", help="Only this customer's.")] = None,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    from console.runs import list_runs, watch_runs

    if watch:
        raise typer.Exit(run_to_end(watch_runs(customer, as_json=as_json)))
    raise typer.Exit(run_to_end(list_runs(None if everything else limit, customer, as_json=as_json)))


@run_app.command("show")
def run_show(run_id: RunId, as_json: Json = False) -> None:
    """Tell the whole story of a run."""
    from console.run_story import show_run

    raise typer.Exit(run_to_end(show_run(run_id, as_json=as_json)))


@run_app.command("retry")
def run_retry(run_id: RunId, as_json: Json = False) -> None:
    """Queue what a run was for once more, now."""
    from console.runs import retry_run

    raise typer.Exit(run_to_end(retry_run(run_id, as_json=as_json)))


@run_app.command("cancel")
def run_cancel(run_id: RunId, as_json: Json = False) -> None:
    """Cancel a run that is queued, under way or waiting."""
    from console.runs import cancel_run

    raise typer.Exit(run_to_end(cancel_run(run_id, as_json=as_json)))


def refresh(
    references: Annotated[list[str] | None, typer.Argument(metavar="[REF]...", help="Customers.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All who can be refreshed.")] = False,
    as_json: Json = False,
) -> None:
    """Collect what is new of customers now."""
    from console.runs import refresh as queue

    raise typer.Exit(run_to_end(queue(references or [], everybody=everybody, as_json=as_json)))


def challenges(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: Json = False,
) -> None:
    """List what portals ask customers for."""
    from console.challenges import list_challenges

    raise typer.Exit(run_to_end(list_challenges(only_open=not everything, as_json=as_json)))


def answer(
    challenge_id: Annotated[int, typer.Argument(metavar="ID", help="The challenge's number.")],
    factor: Annotated[Factor | None, typer.Option(help="Choose this factor.")] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Have the code sent once more.")] = False,
    wait: Annotated[
        bool | None,
        typer.Option("--wait/--no-wait", help="Wait for what the portal says. Default: at a terminal."),
    ] = None,
) -> None:
    """Answer a challenge: the code comes on stdin, or is asked for at a terminal."""
    from console.answering import answer as give

    raise typer.Exit(run_to_end(give(challenge_id, factor, resend=resend, wait=wait)))


def events(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
    after: Annotated[int, typer.Option(metavar="ID", min=0, help="Only those after this one.")] = 0,
    kind: Annotated[list[EventKind] | None, typer.Option(help="Only these; several times.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array; not with --follow.")] = False,
) -> None:
    """Tell what happened, a JSON object a line."""
    from console.events import tell

    raise typer.Exit(run_to_end(tell(after, kind or [], follow=follow, as_json=as_json)))


def worker(
    queue: Annotated[Queue | None, typer.Option(help="Serve only this queue.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="How many; else one a core.")] = None,
) -> None:
    """Work on runs until stopped."""
    from console.workers import work
    from farm.supervisor import workers_zygote

    with workers_zygote() as zygote:
        raise typer.Exit(run_to_end(work(zygote, queue.value if queue else None, processes)))


def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The fake utility's; 0 takes any.")] = 8600,
    processes: Annotated[int | None, typer.Option(min=1, help="How many workers; else one a core.")] = None,
    random_codes: Annotated[
        bool, typer.Option("--random-codes", help="The fake utility's codes are truly random.")
    ] = False,
) -> None:
    """Start all a developer needs: workers, a private Redis and the fake utility."""
    from console.workers import up as start
    from farm.supervisor import workers_zygote

    with workers_zygote() as zygote:
        raise typer.Exit(run_to_end(start(zygote, port, processes, random_codes=random_codes)))


def doctor(as_json: Json = False) -> None:
    """Check what the farm needs of this machine."""
    from console.doctor import examine

    raise typer.Exit(run_to_end(examine(as_json=as_json)))


@vault_app.command("new-key", epilog="(umask 077; meterfarm vault new-key >secret_keys)")
def vault_new_key() -> None:
    """Print a new key for METERFARM_SECRET_KEYS; it is stored nowhere."""
    from console.vault import make_key

    raise typer.Exit(run_to_end(make_key()))


@vault_app.command("rotate")
def vault_rotate(as_json: Json = False) -> None:
    """Wrap every customer's data key with a new key."""
    from console.vault import rotate

    raise typer.Exit(run_to_end(rotate(as_json=as_json)))
