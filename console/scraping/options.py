"""The options of `scrape`, and which of them cannot be meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from meterfarm.console.errors import NotSetUp, UsageError
from meterfarm.fake_utility.registry import has_stand_in, is_fake
from meterfarm.records import Factor
from meterfarm.scrapers.utility import Utility
from meterfarm.services.scraping import check_address, checked_username
from meterfarm.support.extras import require
from meterfarm.utilities import BrokenUtility, UnknownUtility, load_utility_named


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


def plan(options: ScrapeOptions, local_hosts: Path | None = None) -> Plan:
    """Check the options. ``local_hosts`` is the setting of that name.

    Raises:
        UsageError: an option names nothing, or two of them contradict each other.
        InvalidRequest: the user name or the address cannot be one.
        NotSetUp: the utility's script cannot be loaded.
        ExtraMissing: the utility, or the fake one that is wanted, needs what is not installed.
    """
    try:
        utility = load_utility_named(options.utility)
    except UnknownUtility as exc:
        raise UsageError(str(exc)) from exc
    except BrokenUtility as exc:
        raise NotSetUp(str(exc)) from exc
    if utility.extra:
        require(utility.extra, utility.name)
    username = checked_username(utility, options.username)
    _check_portal(options, utility, local_hosts)
    since = _since(options.since)
    _check_writable(options.out)
    return Plan(utility, username, since)


def _check_portal(options: ScrapeOptions, utility: Utility, local_hosts: Path | None) -> None:
    if options.fake and options.base_url:
        raise UsageError("Give either --fake or --base-url, not both.")
    for option, given in (("--random-codes", options.random_codes), ("--now", options.now)):
        if given and not options.fake:
            raise UsageError(f"{option} is for --fake; a running fake utility takes it when it is started.")
    if options.fake and not (is_served_by_fake(utility) or has_stand_in(utility.id)):
        raise UsageError(
            f"The fake utility does not serve {utility.name}: give --base-url of a server that does."
        )
    if options.fake:
        require("fake", "`scrape --fake`")
    if options.base_url:
        check_address(utility, options.base_url, "--base-url")
    elif not options.fake and (not utility.home or (is_served_by_fake(utility) and not local_hosts)):
        fake = "--fake, or " if is_served_by_fake(utility) else ""
        raise UsageError(f"{utility.name} has no public portal: give {fake}--base-url of a running one.")


def is_served_by_fake(utility: Utility) -> bool:
    """Whether the fake utility is this one's portal, and not a server of the script's own in development."""
    return is_fake(utility.id, utility.home, utility.local_url)


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
