"""The `scrape` command: one customer, once, for a developer."""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr
from pyotp import TOTP
from rich.console import Console

from console.crash import crashes_kept
from console.errors import UsageError
from console.live import LiveProgress
from console.questions import ask_at_terminal, ask_by_lines
from console.secret_input import ask_password, read_secret_line
from console.summary import Summary, show_result, summarise, write_summary
from fake_utility.running import DidNotStart, fake_utility
from mfa.person import Person
from mfa.port import Answers, Nobody
from mfa.totp import parse_totp_secret
from records import Factor, Outcome
from scrapers.browser import Chromium
from scrapers.guard import host_of, is_allowed
from scrapers.logs import log_to_stderr
from scrapers.redact import Secrets
from scrapers.scrape import Request, Run
from scrapers.utility import Utility
from storage.export import write_out
from storage.settings import Settings
from storage.store import Store
from utilities import UnknownUtility, load_utility


@dataclass(frozen=True, slots=True)
class ScrapeOptions:
    """The command's options, as given."""

    utility: str
    username: str
    password_stdin: bool = False
    totp_secret_stdin: bool = False
    mfa_stdin: bool = False
    factor: Factor | None = None
    fake: bool = False
    random_codes: bool = False
    now: str | None = None
    base_url: str | None = None
    since: str | None = None
    out: Path = Path("out")
    headed: bool = False
    as_json: bool = False


@dataclass(slots=True)
class _Input:
    """What came on standard input before the run began."""

    password: SecretStr | None = None
    totp: TOTP | None = field(default=None, repr=False)


async def scrape(options: ScrapeOptions, settings: Settings) -> int:
    """Run it; returns the exit status.

    Raises:
        UsageError: the options cannot be meant.
        StorageError, BrowserMissing: this machine is not as it must be.
    """
    utility = _utility(options)
    since = _since(options.since)
    _check_writable(options.out)
    given = _read_input(options)
    secrets = Secrets()
    log_to_stderr(secrets)
    if given.password is not None:
        secrets.add(given.password.get_secret_value())
    with crashes_kept(secrets, settings.home / "evidence"):
        return await _scrape(options, settings, utility, since, given, secrets)


async def _scrape(
    options: ScrapeOptions,
    settings: Settings,
    utility: Utility,
    since: date | None,
    given: _Input,
    secrets: Secrets,
) -> int:
    with _portal(options, utility, settings) as base_url, Store.open(settings) as store:
        console = Console(stderr=True)
        with LiveProgress(console) as live:
            request = Request(
                utility=utility,
                base_url=base_url,
                username=options.username.strip(),
                password=lambda: _password(options, given, utility, live),
                person=_person(options, base_url, console, live),
                totp=given.totp,
                preferred=options.factor,
                since=since,
            )
            if given.totp is not None:
                secrets.add(given.totp.secret)
            async with Chromium(_hosts(utility, base_url), headed=options.headed) as chromium:
                result = await Run(request, store, chromium, secrets, live, settings.home / "evidence").go()
            live.step("writing files")
            write_out(store, result.customer, options.out, utility.zone)
        summary = summarise(result, store)
        write_summary(summary, options.out)
        _show(options, summary)
        if not options.as_json:
            show_result(Console(), result, store, options.out)
        return result.outcome.exit_code


def _show(options: ScrapeOptions, summary: Summary) -> None:
    if options.as_json:
        typer.echo(json.dumps(summary, indent=2, ensure_ascii=False))
        if summary["outcome"] != Outcome.COMPLETE:
            typer.echo(f"{summary['outcome']}: {summary['message']}", err=True)


def _utility(options: ScrapeOptions) -> Utility:
    try:
        utility = load_utility(options.utility)
    except UnknownUtility as exc:
        raise UsageError(str(exc)) from exc
    problem = utility.username_problem(options.username.strip())
    if problem:
        raise UsageError(problem)
    if options.fake and options.base_url:
        raise UsageError("Give either --fake or --base-url, not both.")
    for option, given in (("--random-codes", options.random_codes), ("--now", options.now)):
        if given and not options.fake:
            raise UsageError(f"{option} is for --fake; a running fake utility takes it when it is started.")
    if options.base_url:
        _check_base_url(options.base_url, utility)
    elif not options.fake and not utility.home:
        raise UsageError(f"{utility.name} has no public portal: give --fake, or --base-url of a running one.")
    return utility


def _check_base_url(base_url: str, utility: Utility) -> None:
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise UsageError(f"--base-url must look like http://127.0.0.1:8600, not “{base_url}”.")
    own = [*utility.hosts, *([host_of(utility.home)] if utility.home else [])]
    if not _is_loopback(parts.hostname) and not is_allowed(base_url, own):
        raise UsageError(
            f"--base-url names {parts.hostname}, which is neither this machine (127.0.0.1) nor a host of "
            f"{utility.name}; a password is not sent there."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hosts(utility: Utility, base_url: str) -> list[str]:
    return [host_of(base_url), *utility.hosts]


def _since(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise UsageError(f"--since must be a date like 2026-01-31, not “{text}”.") from exc


def _check_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".meterfarm-write-probe"
        probe.touch()
        probe.unlink()
    except OSError as exc:
        raise UsageError(
            f"--out {out} cannot be written ({exc.strerror}); choose another directory."
        ) from exc


def _read_input(options: ScrapeOptions) -> _Input:
    given = _Input()
    if options.password_stdin:
        given.password = SecretStr(read_secret_line("password"))
    if options.totp_secret_stdin:
        try:
            given.totp = parse_totp_secret(read_secret_line("TOTP secret"))
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


def _person(options: ScrapeOptions, base_url: str, console: Console, live: LiveProgress) -> Answers:
    if options.mfa_stdin:
        return Person(ask_by_lines(base_url))
    if sys.stdin.isatty():
        return Person(ask_at_terminal(console, live.paused))
    return Nobody()


@contextmanager
def _portal(options: ScrapeOptions, utility: Utility, settings: Settings) -> Iterator[str]:
    """The address to visit; the fake utility runs for as long as it is needed."""
    if not options.fake:
        yield options.base_url or utility.home
        return
    with ExitStack() as stack:
        try:
            base_url = stack.enter_context(
                fake_utility(random_codes=options.random_codes, now=options.now, home=settings.home)
            )
        except DidNotStart as exc:
            raise UsageError(str(exc)) from exc
        yield base_url
