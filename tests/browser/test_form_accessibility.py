"""Every state of the form, looked at by axe: no serious violation, in both themes, on phone and desk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from meterfarm.services.branding import ChangeBrand
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.web.colours import accent
from meterfarm.web.pages import STATIC
from tests.api.server import ApiServer, served
from tests.browser.accessible import violations
from tests.browser.form_states import STATES, every_state


@dataclass(frozen=True, slots=True)
class Form:
    """A server with the form in every state, and one page for all."""

    server: ApiServer
    states: Mapping[str, str]
    page: Page

    def found(self, name: str) -> list[str]:
        """What axe finds in a state that matters, or what does not fit on the screen, each with where."""
        self.page.goto(self.states[name])
        return violations(self.page)


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Form]:
    with served(tmp_path_factory.mktemp("form") / "home") as server:
        context = browser.new_context()
        yield Form(server, every_state(server), context.new_page())
        context.close()


@pytest.mark.parametrize("name", STATES)
def test_no_state_of_the_form_has_a_serious_violation(form: Form, name: str) -> None:
    assert form.found(name) == []


@pytest.mark.parametrize("colour", ["#ffd400", "#00205b"])
def test_no_colour_of_a_company_makes_one(form: Form, colour: str) -> None:
    company = form.server.farm.companies.get(form.server.store.company_id)
    assert company is not None
    brand = ChangeBrand("Acme Solar", colour, policy_url="https://www.acme.example/privacy")
    change_company(form.server.farm, company, ChangeCompany(brand=brand))
    for name in ("terms", "choice", "working"):
        assert form.found(name) == []
        assert form.page.get_by_text("Acme Solar").first.is_visible()
        button = form.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')")
        assert button == accent(colour, dark=True).button


def test_what_axe_would_find_is_found(form: Form) -> None:
    form.page.goto(form.states["login"])
    form.page.evaluate("document.querySelector('label').remove()")
    (found,) = Axe().run(form.page).response["violations"]
    assert (found["id"], found["impact"]) == ("label", "critical")


def test_all_icons_are_there() -> None:
    there = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons.svg").read_text()))
    templates = "".join(path.read_text() for path in (Path(STATIC).parent / "templates").rglob("*.html"))
    named = set(re.findall(r"\bicon\(\"(\w+)\"", templates))
    assert len(named) > 8
    assert named <= there
