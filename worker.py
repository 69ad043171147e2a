"""A worker process: arq's functions and crons, on the queues it is given.

``./run worker`` has processes forked that run ``main`` (``farm/workers/zygote.py``), with ``REDIS_URL`` and a
pipe: when that closes, the command is gone, and they stop. One that is started by hand is
``python -m meterfarm.worker [--queue interactive|data]``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, cast

import structlog
import uvloop
from arq.cron import CronJob, cron
from arq.worker import func
from redis.exceptions import RedisError

from meterfarm.farm.codes.mailboxes import MailboxConnections
from meterfarm.farm.mail.outbox import MailOutbox
from meterfarm.farm.mail.sending import MailSender
from meterfarm.farm.policy import SCHEDULED_EVERY
from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.farm.redis.limits import RateLimits
from meterfarm.farm.redis.notifier import FUNCTION, Notifier, notifier_at
from meterfarm.farm.redis.private import NoRedis
from meterfarm.farm.redis.refusals import explained
from meterfarm.farm.settings import FarmSettings, local_zone, portal_address
from meterfarm.farm.telemetry.health import health_served
from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.telemetry.metrics_server import MetricsServer
from meterfarm.farm.telemetry.tracing import traced
from meterfarm.farm.webhooks.posting import Poster
from meterfarm.farm.webhooks.sender import WebhookSender
from meterfarm.farm.workers.challenge_broker import PendingChallenges
from meterfarm.farm.workers.process import WorkerProcess
from meterfarm.farm.workers.prompt_worker import PromptWorker
from meterfarm.farm.workers.run_task import WorkerContext
from meterfarm.farm.workers.stopping import until_stopped
from meterfarm.records import RunKind
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.browser.scratch import scratch_folder
from meterfarm.scrapers.guard import own_hosts
from meterfarm.services.event_payloads import EventRendering
from meterfarm.services.links import DEFAULT_URL
from meterfarm.services.mail import NoticeWriter
from meterfarm.services.reread import RereadResult, reread
from meterfarm.services.troubles import mail_troubles
from meterfarm.services.webhooks import json_bytes
from meterfarm.storage.runs import QUEUES
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.support.errors import MachineError
from meterfarm.support.local_hosts import read_local_hosts
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from meterfarm.utilities import broken_bill_layouts, broken_utilities, load_utilities, refused_utilities

KINDS = {queue: kind for kind, queue in QUEUES.items()}
_JOB_TIMEOUT = 3600
_POLL = 0.5
"""Between two polls for jobs; a notification makes a worker poll at once."""
_WAIT_FOR_A_SLOT = 2
"""Jobs of a queue that a process has taken before there is a slot for them: the next run begins at once."""
_AGAIN = 0.5
_LOG_AGAIN = 60.0
"""Seconds for which jobs were taken, after which the same outage is a new one."""
_COLLECT_AFTER = 50_000
"""Objects: a year of readings is that many, and none of them is garbage."""
_DUE_AT = set(range(0, 60, SCHEDULED_EVERY))
_TRUST_AT = set(range(0, 60, 10))
_OLD_AT = {35}
_TROUBLE_AT = {25}
_REREAD_AT = {20}
_REREAD_SECONDS = 600.0
"""What is left then waits for the next hour."""
_REREAD_LOGGED = 20


async def work(context: dict[str, Any], run_id: int, attempt: int) -> None:
    """The one job: begin this run. It is over for arq then; the run continues as a task of the process."""
    process: WorkerProcess = context["process"]
    await process.take(context["kind"], run_id, attempt)


async def queue_due(context: dict[str, Any]) -> None:
    """A cron: one of all workers does it each time."""
    process: WorkerProcess = context["process"]
    await process.queue_due()


async def announce_expiring_trust(context: dict[str, Any]) -> None:
    """A cron likewise."""
    process: WorkerProcess = context["process"]
    await process.announce_expiring_trust()


async def forget_runs(context: dict[str, Any]) -> None:
    """A cron likewise."""
    process: WorkerProcess = context["process"]
    await process.forget_runs()


async def mail_of_trouble(context: dict[str, Any]) -> None:
    """A cron likewise: companies get a mail about trouble at a utility of theirs, once."""
    process: WorkerProcess = context["process"]
    farm = FarmSettings()
    if farm.mail_server is not None:
        await asyncio.to_thread(mail_troubles, process.store, farm.public_url or DEFAULT_URL)


async def reread_bills(context: dict[str, Any]) -> None:
    """A cron likewise: what a layout that was changed or added has not read yet."""
    log: Any = structlog.get_logger("worker")
    process: WorkerProcess = context["process"]
    until = time.monotonic() + _REREAD_SECONDS
    for company in await asyncio.to_thread(process.store.companies.list):
        store, left = process.store.of(company), until - time.monotonic()
        _log_reread(log, await reread(store, load_utilities(), only_moved=True, seconds=left))


def _log_reread(log: Any, result: RereadResult) -> None:
    for failure in result.failures[:_REREAD_LOGGED]:
        log.warning("reread.failed", customer=failure.customer_id, item=failure.item, reason=failure.reason)
    if result.read:
        counts = {became.value: count for became, count in result.counts.items()}
        log.info("reread.ended", **counts, failed=result.failed, complete=result.is_complete)


async def serve(queues: Sequence[str]) -> None:
    """Work until cancelled; then stop within ten seconds."""
    settings, farm = Settings(), FarmSettings()
    redis_url = farm.redis_url.get_secret_value()
    served = MetricsServer(farm.metrics)
    for broken in (*broken_utilities(), *refused_utilities()):
        structlog.get_logger("worker").error("utility.broken", utility=broken.id, reason=broken.reason)
    for layout in broken_bill_layouts():
        structlog.get_logger("worker").error("bill_layout.broken", file=layout.file, reason=layout.reason)
    async with AsyncExitStack() as stack:
        stack.enter_context(traced("worker"))
        scratch = stack.enter_context(scratch_folder(settings.home))
        local_hosts = await asyncio.to_thread(read_local_hosts, settings.local_hosts)
        chromium = await stack.enter_async_context(
            Chromium(_hosts(farm), scratch, visits=farm.browser_runs, local_hosts=local_hosts)
        )
        store = stack.enter_context(await asyncio.to_thread(Store.open, settings))
        notifier = await stack.enter_async_context(
            notifier_at(redis_url, await asyncio.to_thread(store.workforce.key))
        )
        redis = await stack.enter_async_context(parse_redis_url(redis_url).connect(is_timed=True))
        limits = await stack.enter_async_context(RateLimits(redis, notifier.farm))
        waiting = PendingChallenges(store)
        mailboxes = MailboxConnections(store, waiting.resolve)
        stack.callback(mailboxes.close)
        evidence = settings.home / "evidence"
        context = WorkerContext(store, chromium, limits, waiting, mailboxes, farm, evidence, served.metrics)
        process = WorkerProcess(context, notifier, queues)
        await stack.enter_async_context(served.serving(store, lambda: process.at_work))
        await stack.enter_async_context(
            health_served(farm.health, process.liveness, queues, lambda: process.at_work)
        )
        tasks = [
            asyncio.create_task(_take_jobs(redis_url, notifier, KINDS[queue], process)) for queue in queues
        ]
        tasks.append(asyncio.create_task(process.run_housekeeping()))
        tasks.append(asyncio.create_task(_webhooks(store, farm, served.metrics).run()))
        if (mail_server := farm.mail_server) is not None:
            notices = NoticeWriter(farm.public_url or DEFAULT_URL)
            outbox = MailOutbox(store, MailSender(mail_server), notices.of, served.metrics)
            tasks.append(asyncio.create_task(outbox.run()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            stopping = asyncio.create_task(_stop(process, tasks))
            await asyncio.shield(stopping)


def _webhooks(store: Store, farm: FarmSettings, metrics: Metrics) -> WebhookSender:
    rendering = EventRendering(farm.public_url or DEFAULT_URL)
    poster = Poster(allows_private=farm.webhooks_private)
    return WebhookSender(store, lambda of, event: json_bytes(rendering.of(of, event)), poster, metrics)


async def _stop(process: WorkerProcess, tasks: Sequence[asyncio.Task[None]]) -> None:
    await process.stop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _take_jobs(redis_url: str, notifier: Notifier, kind: RunKind, process: WorkerProcess) -> None:
    """arq takes jobs from one queue. When Redis goes away arq gives up, and is started again."""
    log: Any = structlog.get_logger("worker").bind(queue=QUEUES[kind])
    known = ""
    while True:
        began = time.monotonic()
        try:
            await _arq_worker(redis_url, notifier, process, kind).async_run()
        except (RedisError, OSError) as exc:
            if time.monotonic() - began > _LOG_AGAIN:
                known = ""
            if known != (known := explained(exc)):
                log.warning("redis.away", reason=known)
        await asyncio.sleep(_AGAIN)


def _arq_worker(redis_url: str, notifier: Notifier, process: WorkerProcess, kind: RunKind) -> PromptWorker:
    crons = _crons(notifier.farm) if kind is RunKind.COLLECT else []
    return PromptWorker(
        look=process.look[kind],
        functions=[func(cast("Any", work), name=FUNCTION, max_tries=1000)],
        cron_jobs=crons,
        queue_name=notifier.queue(kind),
        redis_pool=parse_redis_url(redis_url).connect(),
        ctx={"process": process, "kind": kind},
        timezone=cast("Any", local_zone()),
        handle_signals=False,
        max_jobs=_WAIT_FOR_A_SLOT + len(crons),
        job_timeout=_JOB_TIMEOUT,
        keep_result=0,
        poll_delay=_POLL,
        log_results=False,
    )


def _crons(farm: str) -> list[CronJob]:
    """Each is done by one worker of the farm at a time."""
    jobs = {
        "due": (queue_due, {"second": _DUE_AT}),
        "trust": (announce_expiring_trust, {"minute": _TRUST_AT}),
        "old": (forget_runs, {"minute": _OLD_AT}),
        "trouble": (mail_of_trouble, {"second": _TROUBLE_AT}),
        "reread": (reread_bills, {"minute": _REREAD_AT}),
    }
    return [
        cron(cast("Any", job), name=f"cron:{farm}:{name}", keep_result=0, **cast("Any", times))
        for name, (job, times) in jobs.items()
    ]


def _hosts(farm: FarmSettings) -> list[str]:
    """All hosts that any of the utilities' portals may be at; each visit keeps to its own."""
    hosts: list[str] = []
    for utility in load_utilities():
        address = portal_address(utility, farm)
        hosts += own_hosts(address or "", utility.hosts)
    return hosts


def main() -> int:
    """Run a worker process until it gets a signal to stop; gives its exit status."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("--queue", choices=sorted(KINDS), help="serve only this queue")
    parser.add_argument("--parent-fd", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    log_to_stderr(Secrets())
    try:
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, 50, 50)
        queues = [options.queue] if options.queue else list(KINDS)
        uvloop.run(until_stopped(serve(queues), options.parent_fd, "worker"))
    except RedisError as exc:
        sys.stderr.write(f"meterfarm: Redis {explained(exc)}.\n")
        return 1
    except (MachineError, NoRedis, OSError) as exc:
        sys.stderr.write(f"meterfarm: {exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
