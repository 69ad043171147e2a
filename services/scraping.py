"""One customer, once, in this process: the core of `scrape` and of Meterfarm as a library."""

from __future__ import annotations

from pathlib import Path

from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.guard import authority_of, host_of, is_allowed, is_loopback, own_hosts
from meterfarm.scrapers.runs.local_run import LocalRun
from meterfarm.scrapers.runs.progress import Progress
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.utility import Utility
from meterfarm.services.customer_fields import problem_of_name, tidied
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.store import CompanyStore
from meterfarm.support.local_hosts import NOTHING_LOCAL, LocalHosts
from meterfarm.support.logs import scrub_from_here
from meterfarm.support.redact import Secrets


async def scrape_customer(
    request: RunRequest,
    store: CompanyStore,
    secrets: Secrets,
    progress: Progress,
    *,
    scratch: Path,
    evidence: Path,
    headed: bool = False,
    local_hosts: LocalHosts = NOTHING_LOCAL,
) -> RunResult:
    """Sign in, fetch what is not in store yet, and end the run. The browser lasts as long as this.

    ``scratch`` is the process's own folder (``scrapers.scratch``), ``evidence`` gets a folder of what is kept
    of a failure. Hosts of the portal that are in ``local_hosts`` are looked for on this machine.

    Raises:
        StorageError, BrowserMissing, BrowserGone: this machine is not as it must be.
    """
    scrub_from_here(secrets)
    hosts = own_hosts(request.base_url, request.utility.hosts)
    async with Chromium(hosts, scratch, headed=headed, local_hosts=local_hosts) as chromium:
        return await LocalRun(request, store, chromium, secrets, progress, evidence).run()


def checked_username(utility: Utility, username: str) -> str:
    """The user name without what nobody sees at its ends.

    Raises:
        InvalidRequest: it cannot be one at this portal.
    """
    tidy = tidied(username)
    problem = problem_of_name("user name", tidy) or utility.username_problem(tidy)
    if problem:
        raise InvalidRequest(problem)
    return tidy


def check_address(utility: Utility, address: str, what: str) -> None:
    """``address`` is one at which the utility's passwords may be given; ``what`` names it in a sentence.

    Raises:
        InvalidRequest: it is none of this machine's, nor by https a host of the utility's.
    """
    if not authority_of(address) or not address.lower().startswith("http"):
        raise InvalidRequest(f"{what} must look like http://127.0.0.1:8600, not “{address}”.")
    host = host_of(address)
    if not is_loopback(host) and not is_allowed(address, own_hosts(utility.home, utility.hosts)):
        raise InvalidRequest(
            f"{what} names {host}, which is neither this machine (127.0.0.1) nor, by "
            f"https, a host of {utility.name}; a password is not sent there."
        )
