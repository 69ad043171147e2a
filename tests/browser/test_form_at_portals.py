"""Customers of all fake portals connect on the form, in a browser, with workers that sign in for them.

One customer of each outcome and of each way of being asked, and some of each portal; with FARM_SCALE=1 every
customer, at desk and phone size, with scripts and without.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as Late

from meterfarm.console.farm.fake_owners import Owner
from meterfarm.nightly.portals import PORTALS, NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase
from meterfarm.records import Outcome, WhoActs
from meterfarm.web.onboarding.words import about
from tests.asking import PLAIN

_CLI = (sys.executable, "-P", "-m", "meterfarm.cli")
_ALL = os.environ.get("FARM_SCALE") == "1"
_DESK, _PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
_WAYS = [
    pytest.param(_PHONE, True, id="phone"),
    *([pytest.param(_DESK, True, id="desk")] if _ALL else []),
    *(
        [pytest.param(size, False, id=f"without scripts {size['width']}") for size in (_DESK, _PHONE)]
        if _ALL
        else []
    ),
]
_AT_ONCE = 8
_SECONDS = 150
_WRONG = "000000"
_ENDS = {"done", "login", "again", "waiting"}


@dataclass
class Farm:
    """`up`, its API, and where each portal shows what it has sent."""

    client: httpx.Client
    controls: str
    numbers: Iterator[int]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    home = tmp_path_factory.mktemp("forms") / "home"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("METERFARM_")}
    environment["METERFARM_HOME"] = str(home)
    with ExitStack() as stack:
        log = stack.enter_context((home.parent / "up.log").open("w"))
        up = subprocess.Popen(
            [*_CLI, "up", "--port", "0", "--api-port", "0", "--random-codes"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        stack.callback(_stop, up)
        assert up.stdout is not None
        controls = address = ""
        for line in up.stdout:
            if found := re.match(r"The codes they send: (\S+)/UTILITY/outbox", line):
                controls = found[1]
            if line.startswith("The API: "):
                address = line.split()[2].removesuffix("/api/v2")
                break
        assert address, Path(log.name).read_text()
        made = subprocess.run(
            [*_CLI, "key", "create", "--json"], env=environment, capture_output=True, check=True, timeout=60
        )
        key = json.loads(made.stdout)["key"]
        client = stack.enter_context(httpx.Client(base_url=address, auth=(key, ""), verify=PLAIN, timeout=30))
        yield Farm(client, controls, iter(range(0, 10**6, 1000)))


def _stop(up: subprocess.Popen[str]) -> None:
    with up:
        up.terminate()
        assert up.wait(60) == 0


@dataclass
class Form:
    """A customer before their form."""

    farm: Farm
    portal: NightlyPortal
    case: CustomerCase
    page: Page
    id: int = 0
    answered: list[str] = field(default_factory=list)

    def begin(self) -> None:
        made = self.farm.client.post("/api/v2/customers", json={"utility": self.portal.utility}).json()
        self.id = made["id"]
        page = self.page
        page.goto(made["onboarding_link"])
        page.get_by_role("checkbox").check()
        page.locator("main form button").first.click()
        page.locator("#username").fill(self.case.username)
        page.locator("#password").fill("any password")
        page.locator("main form button", has_text="Connect").click()
        page.wait_for_selector("body:not([data-step=login])")

    @property
    def data(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.page.evaluate("({ ...document.body.dataset })")
        return found

    def go_on(self) -> bool:
        """Answer what is asked; whether the form has come to an end."""
        data = self.data
        if data["step"] in _ENDS:
            return True
        if data["step"] == "challenge":
            self._answer()
        return False

    def changed(self, before: str) -> None:
        """Wait a moment for the form to show something else."""
        try:
            self.page.wait_for_function(
                "(before) => document.body.dataset.version !== before", arg=before, timeout=500
            )
        except Late:
            return

    def _answer(self) -> None:
        page, owner = self.page, self.case.owner
        challenge = page.locator("main input[name=challenge]").first.get_attribute("value") or ""
        if challenge in self.answered:
            return
        is_first = not any("code" in each for each in self.answered)
        resend = page.locator("main form:has(input[name=resend]) button")
        if owner is Owner.RESENDS and is_first and resend.count() and not resend.is_enabled():
            return  # not yet
        self.answered.append(challenge)
        if page.locator("main input[name=factor]").count():
            page.locator("main form button").first.click()
            return
        self.answered.append(f"code {challenge}")
        if owner is Owner.RESENDS and is_first:
            resend.click()
            return
        is_wrong = owner is Owner.WRONG or (owner is Owner.MISTYPES and is_first)
        page.locator("#answer").fill(_WRONG if is_wrong else self._delivered())
        page.locator("main form:has(#answer) button").first.click()

    def _delivered(self) -> str:
        (asked,) = self.farm.client.get(f"/api/v2/customers/{self.id}/challenges?open=true").json()
        try:
            return self.portal.code(
                f"{self.farm.controls}/{self.portal.id}", self.case.username, asked["factor"]
            )
        except IndexError:
            return _WRONG  # nothing was delivered, which the outcome shows


def _chosen(portal: NightlyPortal, number: int) -> Sequence[CustomerCase]:
    """Those who end or are asked in a way that no customer of a portal before them does; or all."""
    found: list[CustomerCase] = []
    seen: set[str] = set()
    for each in PORTALS[: PORTALS.index(portal)]:
        for case in each.test_cases():
            seen |= _kinds(case)
    for case in portal.test_cases(number):
        kinds = _kinds(case) | ({f"asked at {portal.id}"} if case.asked else set())
        if _ALL or not found or not kinds <= seen:
            found.append(case)
            seen |= kinds
    return found


def _kinds(case: CustomerCase) -> set[str]:
    """How they end, whether they are asked, and what with: not each portal's wording of it."""
    factors = {
        word for asked in case.asked or () for word in re.findall("sms|email|totp|question|choice", asked)
    }
    return {case.first, case.owner.value, *factors}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("size", "scripts"), _WAYS)
@pytest.mark.parametrize("portal", PORTALS, ids=lambda portal: portal.id)
def test_each_kind_of_customer_connects_or_is_shown_what_to_do(
    browser: Browser, farm: Farm, portal: NightlyPortal, size: Any, *, scripts: bool
) -> None:
    cases = list(_chosen(portal, next(farm.numbers)))
    wrong: list[str] = []
    for at in range(0, len(cases), _AT_ONCE):
        with ExitStack() as opened:
            forms = []
            for case in cases[at : at + _AT_ONCE]:
                context = browser.new_context(
                    viewport=size, java_script_enabled=scripts, reduced_motion="reduce"
                )
                opened.callback(context.close)
                forms.append(Form(farm, portal, case, context.new_page()))
                forms[-1].begin()
            _all_end(forms)
            wrong += filter(None, map(_difference, forms))
    assert wrong == []


def _all_end(forms: Sequence[Form]) -> None:
    left = list(forms)
    while left:
        before = {id(form): form.data["version"] for form in left}
        left = [form for form in left if not form.go_on()]
        if left:
            left[0].changed(before[id(left[0])])


def _difference(form: Form) -> str:
    """What the form shows other than it should, or ""."""
    runs = form.farm.client.get(f"/api/v2/customers/{form.id}/runs").json()
    outcome = next(Outcome(run["outcome"]) for run in runs if run["kind"] == "connect" and run["outcome"])
    step, heading = form.data["step"], form.page.locator("main h1").first.inner_text()
    who = f"{form.case.username} ({form.case.purpose})"
    meant = Outcome(form.case.first)
    if meant.who_acts is WhoActs.CUSTOMER and outcome is not meant:
        return f"{who}: ended {outcome}, not {meant}"
    if outcome is Outcome.COMPLETE:
        known = form.farm.client.get(f"/api/v2/customers/{form.id}").json()["has_filled_credentials"]
        return "" if step == "done" and known else f"{who}: connected, and shown “{heading}” ({step})"
    words = about(outcome, form.portal.name)
    assert words is not None
    return "" if heading == words.title else f"{who}: {outcome}, and shown “{heading}”"
