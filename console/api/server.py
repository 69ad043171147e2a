"""The `api` command, and the API within `up`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from meterfarm.console.channels.inbox import address_of, listening
from meterfarm.console.command_context import CommandContext, open_farm
from meterfarm.console.exit_status import OK
from meterfarm.console.program import program
from meterfarm.console.runs.notifying import notification
from meterfarm.console.terminal.output import print_line, warn
from meterfarm.farm.telemetry.metrics import METRICS, metrics_of
from meterfarm.farm.workers.supervisor import Processes
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.scrapers.guard import is_loopback
from meterfarm.storage.store import Store
from meterfarm.support.extras import require


async def serve_api(host: str, port: int) -> int:
    """Answer requests until Ctrl-C or SIGTERM."""
    require("api", "`api`")
    with open_farm() as (context, farm), listening(host, port) as listener:
        print_line(f"{where_and_how(listener)}\nCtrl-C stops it.")
        _warn_if_open(host, context)
        with suppress(asyncio.CancelledError):  # how one ends it
            await _serve(context, farm, listener)
    return OK


def api_zygote() -> Zygote:
    """What several processes of the API are forked from; to be entered before anything else runs."""
    require("api", "`api`")
    return Zygote("meterfarm.api.api_server")


async def serve_by_several(zygote: Zygote, host: str, port: int, count: int) -> int:
    """The same with so many processes, each begun again when it ends by itself."""
    with open_farm() as (context, _), _reserved(host, port) as place:
        metrics, public_url = context.farm.metrics, context.farm.public_url or address_of(place)
        arguments = ["--host", host, "--port", str(place.getsockname()[1]), "--public-url", public_url]
        print_line(where_and_how(place))
        print_line(f"{count} processes serve it; Ctrl-C stops them.")
        _warn_if_open(host, context)
        served = Processes(zygote, "api", count, arguments, lambda n: {METRICS: metrics_of(metrics, n)})
        with suppress(asyncio.CancelledError):  # how one ends it
            await served.run()
    return OK


def _reserved(host: str, port: int) -> socket.socket:
    """A place that processes of ours can listen at, and nobody else does. Raises NotSetUp."""
    with listening(host, port) as probe:
        where = probe.getsockname()[:2]
    place = socket.socket(probe.family)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    place.bind(where)
    return place


@asynccontextmanager
async def api_served(context: CommandContext, farm: Store, listener: socket.socket) -> AsyncIterator[None]:
    """Meanwhile the API answers."""
    serving = asyncio.create_task(_serve(context, farm, listener))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.wait({serving})


def where_and_how(listener: socket.socket) -> str:
    """Where the API is, and how to get a key."""
    return (
        f"The API: {address_of(listener)}/api/v2\n"
        f"Its documentation: {address_of(listener)}/docs\n"
        f"A key for it: {program()} key create"
    )


def _warn_if_open(host: str, context: CommandContext) -> None:
    """Whoever lets others reach this machine by plain http is not to wonder why they are refused."""
    if is_loopback(host):
        return
    if not context.farm.proxies:
        warn(
            f"Other machines that reach {host} are refused by plain http (https_required): put a proxy with "
            "TLS before the API and set METERFARM_TRUSTED_PROXIES to its address (docs/operate.md)."
        )
    elif not context.farm.public_url:
        warn("Links will begin with this address; set METERFARM_PUBLIC_URL to the one that others use.")


async def _serve(context: CommandContext, farm: Store, listener: socket.socket) -> None:
    from meterfarm.api.context import ApiContext  # slow to import
    from meterfarm.api.serve import serve

    workers = notification(context, farm)
    public_url = context.farm.public_url or address_of(listener)
    await serve(ApiContext(farm, context.farm, public_url, workers), listener, context.farm.metrics)
