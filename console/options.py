"""The options of `scrape`, and which of them cannot be meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from meterfarm.console.errors import NotSetUp, UsageError
from meterfarm.fake_utility.running import DEFAULT_PORT
from meterfarm.records import Factor
from meterfarm.scrapers.guard import authority_of, host_of, is_allowed, is_loopback, own_hosts
from meterfarm.scrapers.utility import Utility
from meterfarm.services.customer_fields import problem_of_name, tidied
from meterfarm.utilities import BrokenUtility, UnknownUtility, load_utility


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options come to: the utility, the user name, the first day wanted."""

    utility: Utility
    username: str
    since: date | None


def plan(options: ScrapeOptions) -> Plan:
    """Check the options.

    Raises:
        UsageError: the first that cannot be meant.
    """
    try:
        utility = load_utility(options.utility)
    except UnknownUtility as exc:
        raise UsageError(str(exc)) from exc
    except BrokenUtility as exc:
        raise NotSetUp(str(exc)) from exc
    username = tidied(options.username)
    problem = problem_of_name("user name", username) or utility.username_problem(username)
    if problem:
        raise UsageError(problem)
    _check_portal(options, utility)
    since = _since(options.since)
    _check_writable(options.out)
    return Plan(utility, username, since)


def _check_portal(options: ScrapeOptions, utility: Utility) -> None:
    if options.fake and options.base_url:
        raise UsageError("Give either --fake or --base-url, not both.")
    for option, given in (("--random-codes", options.random_codes), ("--now", options.now)):
        if given and not options.fake:
            raise UsageError(f"{option} is for --fake; a running fake utility takes it when it is started.")
    if options.fake and not is_served_by_fake(utility):
        raise UsageError(
            f"The fake utility does not serve {utility.name}: give --base-url of a server that does."
        )
    if options.base_url:
        _check_base_url(options.base_url, utility)
    elif not options.fake and not utility.home:
        fake = "--fake, or " if is_served_by_fake(utility) else ""
        raise UsageError(f"{utility.name} has no public portal: give {fake}--base-url of a running one.")


def _check_base_url(base_url: str, utility: Utility) -> None:
    if not authority_of(base_url) or not base_url.lower().startswith("http"):
        raise UsageError(f"--base-url must look like http://127.0.0.1:8600, not “{base_url}”.")
    host = host_of(base_url)
    if not is_loopback(host) and not is_allowed(base_url, own_hosts(utility.home, utility.hosts)):
        raise UsageError(
            f"--base-url names {host}, which is neither this machine (127.0.0.1) nor, by "
            f"https, a host of {utility.name}; a password is not sent there."
        )


def is_served_by_fake(utility: Utility) -> bool:
    """Whether the fake utility is this one's portal, and not a server of the script's own in development."""
    return utility.local_url.rstrip("/") == f"http://127.0.0.1:{DEFAULT_PORT}"


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
        raise UsageError(f"--out {out} cannot be written ({exc.strerror}); choose another one.") from exc
