"""The `bench` commands and `simulate`."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.exit_status import run_to_end

_app = group("Measure, as ratios within one run.")
_Rounds = Annotated[int, typer.Option(metavar="N", min=1, help="How often to measure.")]
_JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Also write the figures here.")
]


def declare(app: typer.Typer) -> None:
    """Add the commands to the program's."""
    app.add_typer(_app, name="bench", rich_help_panel=Panel.TRY)
    command(app, panel=Panel.TRY, examples=["simulate", "simulate --customers 200000 --outage 4"])(simulate)


async def _measured(figures: Coroutine[None, None, object], json_file: Path | None) -> int:
    """Measure, and write the figures to the file."""
    from meterfarm.bench.figures import check_writable, write_figures

    try:
        check_writable(json_file)
        write_figures(json_file, await figures)
    finally:
        figures.close()
    return 0


@command(_app, "scrape", examples=["bench scrape --rounds 5"])
def bench_scrape(
    rounds: _Rounds = 10,
    json_file: _JsonFile = None,
) -> None:
    """Signing in and collecting, next to bare HTTP that repeats the same requests."""
    from meterfarm.bench.scrape import bench

    raise typer.Exit(run_to_end(_measured(bench(rounds), json_file)))


@command(
    _app,
    "farm",
    examples=["bench farm --accounts 20", "bench farm --utility speculoos_power"],
)
def bench_farm(
    utility: Annotated[
        str, typer.Option(metavar="ID", help="The utility: one with a module in bench/journeys/.")
    ] = "speculoos_power",
    accounts: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many accounts each way fetches.")
    ] = 40,
    json_file: _JsonFile = None,
) -> None:
    """Many accounts: a plain script, Crawlee, Meterfarm from nothing and a day later, and bare HTTP."""
    from meterfarm.bench.farm import bench

    raise typer.Exit(run_to_end(_measured(bench(utility, accounts), json_file)))


@command(_app, "read", examples=["bench read"])
def bench_read(
    rounds: _Rounds = 7,
    json_file: _JsonFile = None,
) -> None:
    """Reading a year of Green Button: a bare lxml walk, Meterfarm's readers, greenbutton-objects."""
    from meterfarm.bench.read import bench

    raise typer.Exit(run_to_end(_measured(bench(rounds), json_file)))


@command(_app, "bills", examples=["bench bills"])
def bench_bills(
    rounds: _Rounds = 7,
    json_file: _JsonFile = None,
) -> None:
    """Reading a bill's PDF: pypdfium2's text alone, words with places, the generic reader, `read`."""
    from meterfarm.bench.bills import bench

    raise typer.Exit(run_to_end(_measured(bench(rounds), json_file)))


@command(_app, "api", examples=["bench api"])
def bench_api(
    rounds: _Rounds = 5,
    json_file: _JsonFile = None,
) -> None:
    """The API next to a bare FastAPI app that reads the same rows, and five years of intervals."""
    from meterfarm.bench.api import bench

    raise typer.Exit(run_to_end(_measured(bench(rounds), json_file)))


@command(_app, "onboarding", examples=["bench onboarding"])
def bench_onboarding(
    customers: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many customers, one after the other.")
    ] = 20,
    json_file: _JsonFile = None,
) -> None:
    """From a submitted onboarding form to being signed in, and to all intervals."""
    from meterfarm.bench.onboarding import bench

    raise typer.Exit(run_to_end(_measured(bench(customers), json_file)))


@command(_app, "dashboard", examples=["bench dashboard"])
def bench_dashboard(
    customers: Annotated[int, typer.Option(metavar="N", min=1, help="Customers of the company.")] = 10_000,
    users: Annotated[int, typer.Option(metavar="N", min=4, help="Users of the company.")] = 100,
    json_file: _JsonFile = None,
) -> None:
    """How long the dashboard's pages take, alone and with four users at once."""
    from meterfarm.bench.dashboard import bench

    raise typer.Exit(run_to_end(_measured(bench(customers, users), json_file)))


@command(_app, "waits", examples=["bench waits --waiting 50"])
def bench_waits(
    waiting: Annotated[
        int, typer.Option(metavar="N", min=5, help="How many customers wait for a code.")
    ] = 200,
    data: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many data runs are measured, twice.")
    ] = 20,
    json_file: _JsonFile = None,
) -> None:
    """Data runs of one worker process beside many customers who wait for a code, and its memory."""
    from meterfarm.bench.waits import bench

    raise typer.Exit(run_to_end(_measured(bench(waiting, data), json_file)))


def simulate(
    customers: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many customers, refreshed hourly.")
    ] = 1_000_000,
    portals: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Default: as many as they need.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Worker processes. Default: as many as they need.")
    ] = None,
    slots: Annotated[int, typer.Option(metavar="N", min=1, help="Refreshes at once in a process.")] = 3,
    outage: Annotated[
        float, typer.Option(metavar="N", min=0, help="How many hours the outage lasts; 0: none.")
    ] = 2.0,
    down: Annotated[str, typer.Option(help="What is down meanwhile: portals or farm.")] = "portals",
    limit: Annotated[str, typer.Option(help="Requests that a portal takes at once and a second.")] = "4:20",
    seconds: Annotated[
        float,
        typer.Option(metavar="N", min=0.001, help="A process's own time for a refresh (docs/scale.md)."),
    ] = 0.15,
    latency: Annotated[
        float, typer.Option(metavar="N", min=0.001, help="Seconds a portal takes to answer.")
    ] = 0.2,
    requests: Annotated[
        int, typer.Option(metavar="N", min=1, max=255, help="Requests that a refresh makes.")
    ] = 5,
    json_file: _JsonFile = None,
) -> None:
    """Simulate a farm of any size with a virtual clock: lateness, queue, what portals see (docs/scale.md)."""
    from meterfarm.bench.figures import check_writable, write_figures
    from meterfarm.bench.simulate import planned, run

    async def go() -> int:
        check_writable(json_file)
        given = (customers, portals, workers, slots, outage, down, limit, seconds, latency, requests)
        outcome = await run(planned(*given))
        write_figures(json_file, outcome.as_json())
        return 1 if outcome.over_the_limit else 0

    raise typer.Exit(run_to_end(go()))
