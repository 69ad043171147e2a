"""The commands `worker` and `up`: they run until they are stopped, and being stopped is how they end well."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from meterfarm.console.api.server import api_served, where_and_how
from meterfarm.console.channels.inbox import address_of, listening
from meterfarm.console.command_context import CommandContext, command_context
from meterfarm.console.errors import NotSetUp, UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.program import program
from meterfarm.console.scraping.options import is_served_by_fake
from meterfarm.console.terminal.output import print_line
from meterfarm.fake_utility.addresses import FAKE_CONTROLS, Addresses
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.fake_utility.running import DidNotStart, FakeUtility
from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.farm.redis.check import must_serve
from meterfarm.farm.redis.private import NoRedis
from meterfarm.farm.settings import PORTAL_URLS, PUBLIC_URL, FarmSettings
from meterfarm.farm.telemetry.health import HEALTH
from meterfarm.farm.telemetry.metrics import METRICS, metrics_address, metrics_of
from meterfarm.farm.workers.daily_command import DailyCommand
from meterfarm.farm.workers.supervisor import Workers, redis_at_hand
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.scrapers.browser.chromium import must_have_browser
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.support.tasks import in_daemon_thread
from meterfarm.utilities import load_utilities, utility_ids

_BOTH = "interactive, data"
_WHAT_NEXT = """\
The fake utilities (any password will do; `{run} fake --list` has customers):
{portals}
The codes they send: {controls}/UTILITY/outbox
The state is in {home} (METERFARM_HOME).
In another terminal{place}:{exports}
  {run} customer add {utility} --username {customer}
  {run} runs --watch
  {run} challenges
  {run} answer ID"""


async def work(zygote: Zygote, queue: str | None, processes: int | None, health_port: int | None) -> int:
    """Serve the queues until Ctrl-C or SIGTERM."""
    with command_context() as now:
        await _check(now)
        health = now.farm.health if health_port is None else f"127.0.0.1:{health_port}"
        served = {METRICS: now.farm.metrics, HEALTH: health}
        async with _redis(now) as url, _nightly(now, url):
            await _serve(zygote, url, queue, processes, served)
    return OK


async def up(zygote: Zygote, port: int, api_port: int, processes: int | None, *, random_codes: bool) -> int:
    """Workers, the API, a private Redis and the fake utility, until Ctrl-C or SIGTERM."""
    with command_context() as now:
        await _check(now)
        async with AsyncExitStack() as stack:
            fake = FakeUtility(port=port, random_codes=random_codes, home=now.settings.home)
            at = await asyncio.to_thread(_served, stack, fake)
            # the workers' environment; the last address counts
            theirs = {**at.settings(), PORTAL_URLS: _merged(at, os.environ.get(PORTAL_URLS, ""))}
            os.environ.update({name: value for name, value in theirs.items() if value})
            url = await stack.enter_async_context(_redis(now))
            await stack.enter_async_context(_nightly(now, url))
            listener = stack.enter_context(listening("127.0.0.1", api_port))
            farm = stack.enter_context(await asyncio.to_thread(Store.open, now.settings))
            print_line(_what_next(now, at))
            print_line(where_and_how(listener))
            after_workers = metrics_of(now.farm.metrics, processes or len(os.sched_getaffinity(0)))
            its_own = {"fake_controls": at.settings()[FAKE_CONTROLS], "metrics": after_workers}
            of_the_api = replace(now, farm=now.farm.model_copy(update=its_own))
            await stack.enter_async_context(api_served(of_the_api, farm, listener))
            os.environ[PUBLIC_URL] = now.farm.public_url or address_of(listener)  # links in webhooks
            served = {METRICS: now.farm.metrics, HEALTH: now.farm.health}
            await _serve(zygote, url, None, processes, served, fake)
    return OK


def _served(stack: AsyncExitStack, fake: FakeUtility) -> Addresses:
    """The addresses of the fake utility, which runs as long as ``stack``. Raises UsageError, NotSetUp."""
    try:
        return stack.enter_context(fake)
    except DidNotStart as exc:
        raise (UsageError if exc.options_refused else NotSetUp)(str(exc)) from exc


def _merged(at: Addresses, given: str) -> str:
    """The addresses of fake portals that a script here is for, then those that were given."""
    fakes = {utility.id for utility in load_utilities() if is_served_by_fake(utility)}
    ours = [f"{portal}={address}" for portal, address in at.http.items() if portal in fakes]
    return ",".join(filter(None, [*ours, given]))


def _what_next(now: CommandContext, at: Addresses) -> str:
    """Other commands have to find the same state."""
    portals, controls = fake_portals(), at.settings()[FAKE_CONTROLS]
    width = max(len(portal.id) for portal in portals)
    lines = "\n".join(f"  {portal.id:{width}}  {at.http.get(portal.id) or portal.home}" for portal in portals)
    home = now.settings.home.absolute()
    exports = [f"\n  export METERFARM_HOME={shlex.quote(str(home))}"]
    if home == Path.cwd() / Settings.model_fields["home"].default:
        exports = []
    place = "" if exports else ", in this directory"
    if controls != FarmSettings.model_fields["fake_controls"].default:
        exports.append(f"\n  export {FAKE_CONTROLS}={controls}")
    customer = next(iter(portals[0].book.listed))
    return _WHAT_NEXT.format(
        portals=lines,
        controls=controls,
        utility=portals[0].id,
        customer=customer,
        run=program(),
        home=home,
        place=place,
        exports="".join(exports),
    )


async def _serve(
    zygote: Zygote,
    url: str,
    queue: str | None,
    processes: int | None,
    served: Mapping[str, str],
    fake: FakeUtility | None = None,
) -> None:
    """Until cancelled; ``served``: the settings that say where metrics and health are served.

    Raises:
        NotSetUp: the fake utility ended by itself, or a port is taken.
    """
    count = processes or len(os.sched_getaffinity(0))
    for setting, address in served.items():
        _check_ports(setting, address, count)
    workers = Workers(zygote, url, count, queue, served[METRICS], served[HEALTH])
    serving = asyncio.create_task(workers.run())
    ends: set[asyncio.Task[Any]] = {serving}
    if fake is not None:
        ends.add(asyncio.create_task(in_daemon_thread(fake.wait)))
    they = "1 worker serves" if count == 1 else f"{count} workers serve"
    print_line(f"{they} {queue or _BOTH}; Ctrl-C stops {'it' if count == 1 else 'them'}.")
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        return  # how one ends it
    finally:
        serving.cancel()
        await asyncio.wait({serving})
    if not serving.cancelled():
        serving.result()
    raise NotSetUp("The fake utility has ended, so the workers were stopped; run `up` again.")


async def _check(now: CommandContext) -> None:
    """Check once what no worker starts without. Raises StorageError, BrowserMissing, NotSetUp."""
    for setting, named in now.farm.utilities_named.items():
        for utility in sorted(named - set(utility_ids())):
            raise NotSetUp(f"{setting} names “{utility}”; utilities are {', '.join(utility_ids())}.")
    must_have_browser()
    (await asyncio.to_thread(Store.open, now.settings)).close()


def _check_ports(setting: str, address: str, count: int) -> None:
    """Each worker process serves at a port of its own. Raises StorageError, NotSetUp."""
    what = {METRICS: "metrics", HEALTH: "health"}[setting]
    for number in range(count if address else 0):
        host, port = metrics_address(address, number, setting)
        try:
            socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            ).close()
        except OSError as exc:
            raise NotSetUp(
                f"The {what} of worker {number + 1} cannot be served at {host}:{port} "
                f"({exc.strerror or exc}); stop what is there, or correct {setting}."
            ) from exc


@asynccontextmanager
async def _redis(now: CommandContext) -> AsyncIterator[str]:
    """The address of a Redis that does what workers need. Raises NotSetUp."""
    try:
        async with redis_at_hand(now.farm, now.settings.home) as url:
            with Store.open(now.settings) as store:
                farm = await asyncio.to_thread(store.workforce.key)
            await must_serve(parse_redis_url(url), farm)
            yield url
    except NoRedis as exc:
        raise NotSetUp(str(exc)) from exc


@asynccontextmanager
async def _nightly(at: CommandContext, redis_url: str) -> AsyncIterator[None]:
    """Meanwhile the command `nightly` is run each day at the time that is set, if one is.

    It has a farm of its own, so it is a process of its own, and its output is kept apart.
    """
    if not at.farm.nightly_at:
        yield
        return
    with Store.open(at.settings) as store:
        farm = await asyncio.to_thread(store.workforce.key)
    command = (sys.executable, "-P", "-m", "meterfarm.cli", "nightly", "--now")
    daily = DailyCommand("nightly", command, at.farm.nightly_at, at.settings.home / "nightly.log")
    running = asyncio.create_task(daily.run(redis_url, farm))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})
