"""The `scrape` command: one customer, once, for a developer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr
from pyotp import TOTP
from rich.console import Console

from meterfarm.console.company_option import chosen_company
from meterfarm.console.errors import UsageError
from meterfarm.console.scraping.live import LiveProgress
from meterfarm.console.scraping.options import Plan, ScrapeOptions, plan
from meterfarm.console.scraping.summary import show_result, summary_json, write_summary
from meterfarm.console.terminal.output import print_json, warn
from meterfarm.console.terminal.prompts import ask_at_terminal, ask_by_lines
from meterfarm.console.terminal.secret_input import ask_password, read_secret_line
from meterfarm.fake_utility.registry import has_stand_in
from meterfarm.fake_utility.running import DidNotStart, FakeUtility
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.telemetry.tracing import traced
from meterfarm.mfa.person import Person
from meterfarm.mfa.port import Answers, Nobody
from meterfarm.mfa.totp import parse_totp_secret
from meterfarm.records import Outcome, WhoActs
from meterfarm.scrapers.browser.chromium import find_chromium
from meterfarm.scrapers.browser.scratch import scratch_folder
from meterfarm.scrapers.page.sending import Resending
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.utility import Utility
from meterfarm.services.companies import company_store
from meterfarm.services.customer_files import write_out
from meterfarm.services.customers import must_be_for
from meterfarm.services.scraping import scrape_customer
from meterfarm.services.summary import summarise_result
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.crash import crashes_kept
from meterfarm.support.local_hosts import read_local_hosts
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets


@dataclass(slots=True)
class _Input:
    """What came on standard input before the run began."""

    password: SecretStr | None = None
    totp: TOTP | None = field(default=None, repr=False)


async def scrape(options: ScrapeOptions) -> int:
    """Run it; returns the exit status.

    Raises:
        UsageError: the options cannot be meant.
        StorageError, BrowserMissing: this machine is not as it must be.
        InternalError: a fault of our own.
    """
    settings = Settings()
    planned = plan(options, settings.local_hosts)
    if options.headed:
        find_chromium(headed=True)
    secrets = Secrets()
    log_to_stderr(secrets)
    given = await _read_input(options)
    if given.password is not None:
        secrets.add(given.password.get_secret_value())
    if given.totp is not None:
        secrets.add(given.totp.secret)
    with crashes_kept(secrets, settings.home / "evidence"):
        return await _scrape(options, planned, given, settings, secrets)


async def _scrape(
    options: ScrapeOptions, planned: Plan, given: _Input, settings: Settings, secrets: Secrets
) -> int:
    async with AsyncExitStack() as stack:
        stack.enter_context(traced("scrape"))
        farm = stack.enter_context(await asyncio.to_thread(Store.open, settings))
        name, is_live = chosen_company()
        store = company_store(farm, name, live=is_live)
        must_be_for(store, planned.utility)
        scratch = stack.enter_context(scratch_folder(settings.home))
        portal = _portal(options, planned.utility, settings)
        base_url, local_hosts = await asyncio.to_thread(stack.enter_context, portal)
        with LiveProgress(Console(stderr=True)) as live:
            request = _request(options, planned, given, base_url, live)
            result = await scrape_customer(
                request,
                store,
                secrets,
                live,
                scratch=scratch,
                evidence=settings.home / "evidence",
                headed=options.headed,
                local_hosts=await asyncio.to_thread(read_local_hosts, local_hosts),
            )
            _mark(live, result)
            live.step("writing files")
            unwritten = write_out(store, result.customer, options.out, planned.utility.zone)
        for sentence in unwritten:
            warn(sentence)
        _report(options, result, store)
        return result.outcome.exit_code


def _request(
    options: ScrapeOptions, planned: Plan, given: _Input, base_url: str, live: LiveProgress
) -> RunRequest:
    return RunRequest(
        utility=planned.utility,
        base_url=base_url,
        username=planned.username,
        password=lambda: _password(options, given, planned.utility, live),
        person=_person(options, base_url, live),
        totp=given.totp,
        preferred=options.factor,
        since=planned.since,
        resending=Resending(asked=given.password is None or options.fake),
        run_seconds=FarmSettings().run_seconds,
    )


def _mark(live: LiveProgress, result: RunResult) -> None:
    """What went wrong gets no tick: the step that the run ended in, or the accounts with gaps."""
    if result.outcome is Outcome.PARTIAL:
        gaps = [item for item in result.ledger if not (item.stored or item.pending)]
        live.fail({f"account {item.account_number}" for item in gaps})
    elif result.outcome.who_acts is not WhoActs.NOBODY:
        live.fail()


def _report(options: ScrapeOptions, result: RunResult, store: CompanyStore) -> None:
    summary = summarise_result(store, result)
    write_summary(summary, options.out)
    if not options.as_json:
        show_result(result, store, options.out)
        return
    print_json(summary_json(summary))
    if result.outcome is not Outcome.COMPLETE:
        warn(result.message, by=f"{result.outcome}: ")


async def _read_input(options: ScrapeOptions) -> _Input:
    given = _Input()
    if options.password_stdin:
        given.password = SecretStr(await read_secret_line("password"))
    if options.totp_secret_stdin:
        try:
            given.totp = parse_totp_secret(await read_secret_line("TOTP secret"))
        except ValueError as exc:
            raise UsageError(str(exc)) from exc
    return given


async def _password(options: ScrapeOptions, given: _Input, utility: Utility, live: LiveProgress) -> SecretStr:
    """The password, asked for only now that it must be sent."""
    if given.password is None:
        if options.mfa_stdin or not sys.stdin.isatty():
            raise UsageError("A password is needed: give it on standard input with --password-stdin.")
        with live.paused():
            typed = await ask_password(f"Password of {options.username} at {utility.name}: ")
        if not typed:
            raise UsageError("The password was empty; nothing was sent to the portal.")
        given.password = SecretStr(typed)
    return given.password


def _person(options: ScrapeOptions, base_url: str, live: LiveProgress) -> Answers:
    if options.mfa_stdin:
        return Person(ask_by_lines(base_url))
    if sys.stdin.isatty():
        return Person(ask_at_terminal(Console(stderr=True), live.paused))
    return Nobody()


@contextmanager
def _portal(
    options: ScrapeOptions, utility: Utility, settings: Settings
) -> Iterator[tuple[str, Path | None]]:
    """The address to visit, and the file of local host names; fake portals run as long as they are needed."""
    if not options.fake:
        yield options.base_url or utility.home, settings.local_hosts
        return
    with ExitStack() as stack:
        try:
            at = stack.enter_context(
                FakeUtility(
                    random_codes=options.random_codes,
                    now=options.now,
                    home=settings.home,
                    stand_ins=[utility.id] if has_stand_in(utility.id) else (),
                )
            )
        except DidNotStart as exc:
            raise UsageError(str(exc)) from exc
        yield at.http.get(utility.id) or utility.home, Path(at.hosts) if at.hosts else None
