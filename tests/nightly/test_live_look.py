"""Live portals are looked at without credentials: as declared, redesigned, or out; nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.console.doctor.loopback import get_json, post_json
from meterfarm.console.errors import NotSetUp
from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.drift import drift_of
from meterfarm.farm.settings import FarmSettings
from meterfarm.nightly.live import LivePortals, live_portals
from meterfarm.nightly.nightly_run import LiveLook
from meterfarm.scrapers.utility import Credentials, Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.support.local_hosts import read_local_hosts
from meterfarm.utilities import load_utility
from meterfarm.utilities.speculoos_power.script import SpeculoosPower
from tests.fake_portal import fake_portals
from tests.local_site import closed_site, local_site

MILD, SEVERE = 25, 16
LOOKED_FOR = {
    "speculoos_power": ("not “sign_in”", "Sign in to your account"),
    "stroopwafel_energy": ("not “user name”", "Sign in"),
    "pepernoot_coop": ("not “form”", "Member sign in"),
}
"""What a look at a redesigned page does not find, in its message and in the evidence."""


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    with fake_portals(tmp_path_factory.mktemp("live")) as addresses:
        yield addresses


def _named(fakes: Addresses, **addresses: str) -> LivePortals:
    """The portals that the settings call live, which are the fakes but for these."""
    homes = {name: load_utility(name).home for name in LOOKED_FOR if load_utility(name).home}
    live = {**homes, **fakes.http, **addresses}
    settings = FarmSettings(nightly_live=",".join(f"{name}={at}" for name, at in live.items()))
    return live_portals(settings, read_local_hosts(Path(fakes.hosts)))


def _called(name: str) -> Utility:
    """Speculoos Power's script by another name."""
    utility = copy(load_utility("speculoos_power"))
    utility.id = name
    return utility


async def _looked(portals: LivePortals, home: Path) -> Mapping[str, LiveLook]:
    reported: list[LiveLook] = []
    looks = await portals.look(home, reported.append)
    assert {look.key for look in reported} == {look.key for look in looks}
    return {look.portal: look for look in looks}


def _drift(fakes: Addresses, seed: int | None) -> None:
    for controls in fakes.controls.values():
        post_json(f"{controls}/drift", {"seed": seed})


@pytest.mark.timeout(120)
async def test_a_redesigned_sign_in_page_is_drift_and_nobody_signs_in(
    fakes: Addresses, tmp_path: Path
) -> None:
    """The one that is mildly redesigned is as declared; evidence of another names what was looked for."""
    assert (drift_of(MILD).strength, drift_of(SEVERE).strength) == ("mild", "severe")
    portals = _named(fakes)
    _drift(fakes, MILD)
    mild = await _looked(portals, tmp_path / "mild")
    assert {name: look.outcome for name, look in mild.items()} == dict.fromkeys(LOOKED_FOR, "complete"), mild
    assert not [look.evidence for look in mild.values() if look.evidence]
    _drift(fakes, SEVERE)
    severe = await _looked(portals, tmp_path / "severe")
    _drift(fakes, None)
    for name, (looked_for, heading) in LOOKED_FOR.items():
        look = severe[name]
        assert look.is_drift, look
        assert looked_for in look.message
        kept = Path(look.evidence)
        assert (kept / "page.png").read_bytes().startswith(b"\x89PNG")
        steps = {
            step["step"]: step for step in map(json.loads, (kept / "visit.log").read_text().splitlines())
        }
        assert f"heading {heading!r}" in " ".join(steps["page.unknown"]["looked_for"])
        assert steps["run.stopped"]["reason"] == look.message
        assert "control.pressed" not in steps
        stats = get_json(f"{fakes.controls[name]}/stats.json")
        assert stats["requests"] > 0
        assert (stats["posts"], stats["customers"]) == (0, {})


def _without_its_field(_: Request) -> Response:
    return HTMLResponse("<h1>Sign in to your account</h1><form><label>User <input></label></form>")


def _sends_by_a_box(_: Request) -> Response:
    """As pages of ASP.NET do, whose boxes send the form by themselves."""
    return HTMLResponse(
        "<h1>Sign in to your account</h1><form action=/posted><label>E-mail address <input name=u></label>"
        "<label>Password <input type=password name=p></label><label><input type=checkbox"
        " onchange=form.submit()>Keep me signed in</label><button>Sign in</button></form>"
    )


async def test_a_box_that_sends_the_form_is_left_alone(fakes: Addresses, tmp_path: Path) -> None:
    with local_site([Route("/login", _sends_by_a_box)]) as site:
        portals = _named(fakes, speculoos_power=site.url).without(set(LOOKED_FOR) - {"speculoos_power"})
        (look,) = (await _looked(portals, tmp_path)).values()
        assert (look.outcome, site.requested) == ("complete", ["/login"]), look


class _WithAPin(SpeculoosPower):
    """Signs in by an account number, two lists and a PIN in boxes."""

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        page = visit.page
        await page.open("/login")
        await page.fill(page.label("Account"), credentials.username, secret=False)
        await page.choose(page.label("Area"), "North")
        await page.choose(page.role("combobox", "House"), "Flat")
        await page.fill_boxes(page.css("#pin"), credentials.password.get_secret_value())
        await page.press(page.button("Sign in"))


def _pin_page(boxes: str) -> Response:
    """Its script asks the portal whenever anything is changed, opened or typed."""
    return HTMLResponse(
        "<body onchange=\"fetch('/changed')\" oninput=\"fetch('/typed')\"><form action=/posted>"
        "<label>Account <input></label><label>Area <select><option>South<option>North</select></label>"
        "<div role=combobox aria-label=House tabindex=0 onclick=\"fetch('/opened')\">House</div>"
        f"<div id=pin>{boxes}</div><button>Sign in</button></form>"
    )


@pytest.mark.parametrize(
    ("boxes", "outcome"), [("<input maxlength=1>" * 4, "complete"), ("<p>Call us</p>", "layout_changed")]
)
async def test_lists_and_boxes_are_found_and_left_as_they_are(
    fakes: Addresses, tmp_path: Path, boxes: str, outcome: str
) -> None:
    with local_site([Route("/login", lambda _: _pin_page(boxes))]) as site:
        portals = _named(fakes, speculoos_power=site.url).without(set(LOOKED_FOR) - {"speculoos_power"})
        (only,) = portals.portals
        looks = await _looked(replace(portals, portals=[replace(only, utility=_WithAPin())]), tmp_path)
        (look,) = looks.values()
        assert (look.outcome, site.requested) == (outcome, ["/login"]), look


def _closed(_: Request) -> Response:
    return HTMLResponse("<h1>Sorry</h1><p>We are down for scheduled maintenance until 6 a.m.</p>", 503)


@pytest.mark.timeout(120)
async def test_a_portal_that_does_not_answer_or_is_closed_is_out(fakes: Addresses, tmp_path: Path) -> None:
    """What keeps one from being looked at keeps no other."""
    post_json(f"{fakes.controls['stroopwafel_energy']}/faults", {"down": True})
    with ExitStack() as stack:
        stack.callback(post_json, f"{fakes.controls['stroopwafel_energy']}/faults", {})
        site = stack.enter_context(local_site([Route("/login", _closed)]))
        other = stack.enter_context(local_site([Route("/login", _without_its_field)]))
        portals = _named(fakes, speculoos_power=site.url)
        speculoos = portals.portals[[each.utility.id for each in portals.portals].index("speculoos_power")]
        nowhere = replace(speculoos, utility=_called("elsewhere"), address=closed_site())
        moved = replace(speculoos, utility=_called("moved"), address=other.url)
        looks = await _looked(replace(portals, portals=[*portals.portals, nowhere, moved]), tmp_path / "live")
    outcomes = {name: (look.outcome, look.is_outage) for name, look in looks.items()}
    assert outcomes == {
        "speculoos_power": ("maintenance", True),
        "stroopwafel_energy": ("portal_down", True),
        "pepernoot_coop": ("complete", False),
        "elsewhere": ("portal_down", True),
        "moved": ("layout_changed", False),
    }
    assert "no such control while filling in the field “E-mail address”" in looks["moved"].message
    assert site.requested[0] == "/login"


def test_only_what_is_no_fake_or_called_live_is_looked_at(fakes: Addresses) -> None:
    assert not live_portals(FarmSettings(), read_local_hosts(None)).portals
    (only,) = live_portals(
        FarmSettings(nightly_live="speculoos_power=http://127.0.0.1:8200", limits="speculoos_power=2:1.5"),
        read_local_hosts(None),
    ).portals
    assert (only.address, only.at_once, only.per_second) == ("http://127.0.0.1:8200", 2, 1.5)
    with pytest.raises(NotSetUp, match="METERFARM_NIGHTLY_LIVE names “anytown”; utilities are "):
        live_portals(FarmSettings(nightly_live="anytown=http://127.0.0.1:1"), read_local_hosts(None))
