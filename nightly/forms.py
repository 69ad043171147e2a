"""Forms filled in at every portal: each customer connects on their onboarding form, in a real browser."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, Page
from playwright.async_api import Error as PlaywrightError

from meterfarm.api.context import ApiContext
from meterfarm.api.serve import serve
from meterfarm.console.farm.fake_owners import Owner
from meterfarm.farm.settings import FarmSettings
from meterfarm.nightly.farm import OwnFarm
from meterfarm.nightly.form_filling import WRONG_CODE, FormFilling
from meterfarm.nightly.nightly_run import Result, VisitResult
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase
from meterfarm.records import Factor, Outcome, RunKind, WhoActs
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.services.customers import CustomerWithoutLogin, create_customer
from meterfarm.services.links import onboarding
from meterfarm.services.notification import WorkerNotification
from meterfarm.services.onboarding import OnboardingStep
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.settings import Settings
from meterfarm.support.errors import MachineError
from meterfarm.web.onboarding.words import about

_AT_ONCE = 8
_SECONDS = 300
"""How long a customer may take, from their first page."""
_HOST = "127.0.0.1"
SCREENSHOT = "form.png"


@dataclass(frozen=True, slots=True)
class FormWay:
    """On what a form is filled in: how large its screen is, and whether it runs scripts."""

    name: str
    width: int
    height: int
    scripts: bool


WAYS = tuple(
    FormWay(f"{name}{'' if scripts else ' without scripts'}", width, height, scripts)
    for scripts in (True, False)
    for name, width, height in (("phone", 360, 740), ("desk", 1280, 800))
)


@dataclass(frozen=True, slots=True)
class FormCase:
    """A customer of a portal who fills in the form; ``username`` is what they are called whatever the way."""

    portal: NightlyPortal
    way: FormWay
    case: CustomerCase
    username: str


def form_cases(portals: Sequence[NightlyPortal], ways: Sequence[FormWay]) -> Sequence[FormCase]:
    """Every customer on every way, each somebody whom the portal does not know yet; who waits long first."""
    found = [
        FormCase(portal, way, case, listed.username)
        for number, way in enumerate(ways, start=1)
        for portal in portals
        for case, listed in zip(portal.test_cases(number), portal.test_cases(), strict=True)
    ]
    return sorted(found, key=lambda one: one.case.owner is not Owner.RESENDS)


async def fill_in_forms(
    farm: OwnFarm,
    cases: Sequence[FormCase],
    controls: Mapping[str, str],
    evidence: Path,
    report: Callable[[Result], None],
) -> Sequence[Result]:
    """Each case to its end, some at once; in their order.

    ``controls`` are the addresses of the portals' control pages, by portal. What a form that is not as meant
    shows is kept below ``evidence``.
    """
    turn = asyncio.Semaphore(_AT_ONCE)
    results: dict[int, Result] = {}
    with TemporaryDirectory(prefix="meterfarm-forms-", ignore_cleanup_errors=True) as scratch:
        async with _forms_served(farm) as address, Chromium([_HOST], Path(scratch)) as chromium:

            async def fill_in(number: int, case: FormCase) -> None:
                async with turn:
                    visit = _FormVisit(farm, case, controls[case.portal.id], evidence)
                    results[number] = await visit.result(chromium, address)
                    report(results[number])

            try:
                async with asyncio.TaskGroup() as group:
                    for number, case in enumerate(cases):
                        group.create_task(fill_in(number, case))
            except* MachineError as failed:
                raise failed.exceptions[0] from None
    return [results[number] for number in range(len(cases))]


class _FormVisit:
    """One customer at their form."""

    def __init__(self, farm: OwnFarm, case: FormCase, controls: str, evidence: Path) -> None:
        self._store = farm.store
        self._case = case
        self._controls = controls
        self._evidence = evidence

    async def result(self, chromium: Chromium, address: str) -> Result:
        case, way = self._case, self._case.way
        wanted = CustomerWithoutLogin(case.portal.utility)
        customer = await asyncio.to_thread(create_customer, self._store, wanted)
        link = onboarding(self._store.farm, address, customer.company_id, customer.id).link
        began = time.monotonic()
        try:
            async with chromium.borrowed() as browser, _page(browser, way, customer) as page:
                shown, differences = await self._visit(page, customer, link)
        except PlaywrightError as exc:
            shown = VisitResult(case.case.first, "nothing", "", {})
            differences = [_of_browser(exc)]
        visit = replace(shown, seconds={"form": round(time.monotonic() - began, 3)})
        return Result(case.portal.id, case.username, case.case.purpose, [visit], differences, way.name)

    async def _visit(self, page: Page, customer: Customer, link: str) -> tuple[VisitResult, Sequence[str]]:
        case = self._case.case
        filling = FormFilling(page, case.owner, lambda: self._delivered(customer))
        meets_a_fault = Outcome(case.first).who_acts in (WhoActs.PORTAL, WhoActs.US)
        step = heading = why = ""
        try:
            async with asyncio.timeout(_SECONDS):
                await filling.begin(link, case.username)
                step = await filling.to_its_end(is_patient=not meets_a_fault)
                heading = await filling.heading()
        except TimeoutError:
            why = f"the form has not come to its end within {_SECONDS} s"
        except PlaywrightError as exc:
            why = _of_browser(exc)
        run = await asyncio.to_thread(self._sign_in, customer)
        differences = [why] if why else self._differences(step, heading, run)
        evidence = await self._kept(page, customer, run) if differences else ""
        outcome = run.outcome.value if run is not None and run.outcome is not None else step or "nothing"
        return VisitResult(case.first, outcome, f"The form shows “{heading}”.", {}, evidence), differences

    def _sign_in(self, customer: Customer) -> RunInfo | None:
        """The last sign-in that ended."""
        runs = self._store.runs.list(limit=20, customer_id=customer.id)
        return next((run for run in runs if run.kind is RunKind.CONNECT and run.outcome), None)

    def _differences(self, step: str, heading: str, run: RunInfo | None) -> Sequence[str]:
        if run is None or run.outcome is None:
            return [f"no sign-in has ended, and the form shows “{heading}”"]
        meant, outcome = Outcome(self._case.case.first), run.outcome
        known = {meant} if meant.who_acts is WhoActs.CUSTOMER else {meant, Outcome.COMPLETE}
        if outcome not in known:
            return [f"the sign-in ended in {outcome} instead of {meant}: {run.message}"]
        words = about(None if outcome is Outcome.COMPLETE else outcome, self._case.portal.name)
        if words is None:
            return [] if step == OnboardingStep.DONE else [f"connected, and the form shows “{heading}”"]
        return [] if heading == words.title else [f"the form shows “{heading}” instead of “{words.title}”"]

    def _delivered(self, customer: Customer) -> str:
        """What the customer reads on their phone, in their mailbox or on their authenticator."""
        found = self._store.challenges.list(only_open=True)
        factor = next((one.challenge.factor for one in found if one.customer_id == customer.id), None)
        try:
            return self._case.portal.code(self._controls, self._case.case.username, factor or Factor.EMAIL)
        except (IndexError, OSError):
            return WRONG_CODE  # nothing was delivered, which the outcome will show

    async def _kept(self, page: Page, customer: Customer, run: RunInfo | None) -> str:
        """The folder with what the form shows, beside what the worker kept of the sign-in."""
        folder = Path(run.evidence) if run and run.evidence else self._evidence / f"form-{customer.id}"
        with suppress(PlaywrightError, OSError):  # a night is worth more than its evidence
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            await page.screenshot(path=folder / SCREENSHOT, full_page=True)
        return str(folder)


def _of_browser(error: PlaywrightError) -> str:
    return f"the browser: {str(error).partition(chr(10))[0]}"


@asynccontextmanager
async def _page(browser: Browser, way: FormWay, customer: Customer) -> AsyncIterator[Page]:
    """A page of a browser as the customer has it."""
    context = await browser.new_context(
        viewport={"width": way.width, "height": way.height},
        java_script_enabled=way.scripts,
        reduced_motion="reduce",
        extra_http_headers={"X-Forwarded-For": _address_of(customer), "X-Forwarded-Proto": "https"},
    )
    try:
        yield await context.new_page()
    finally:
        with suppress(PlaywrightError):
            await context.close()


def _address_of(customer: Customer) -> str:
    """Everybody is at home somewhere else."""
    number = customer.id
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@asynccontextmanager
async def _forms_served(farm: OwnFarm) -> AsyncIterator[str]:
    """Where the farm's forms are meanwhile, as behind a proxy that adds TLS and names who asks."""
    store = farm.store.farm
    settings = FarmSettings(trusted_proxies=_HOST)
    with socket.create_server((_HOST, 0), backlog=128) as listener:
        address = f"http://{_HOST}:{listener.getsockname()[1]}"
        workers = WorkerNotification(store, Settings(home=store.home), settings)
        serving = asyncio.create_task(serve(ApiContext(store, settings, address, workers), listener))
        try:
            yield address
        finally:
            serving.cancel()
            await asyncio.wait({serving})
