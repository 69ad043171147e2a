"""What a company shows on the form: its logo by its own type, its colour so that everybody can read it."""

from __future__ import annotations

from itertools import product

import pytest

from meterfarm.services.branding import ChangeBrand
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.web.colours import DARK_CARD, LIGHT_CARD, accent, contrast
from meterfarm.web.pages import STATIC
from tests import asking
from tests.api.server import ApiServer
from tests.images import image


def test_the_logo_and_the_colour_are_served_and_nothing_else_can_be_made_of_them(api: ApiServer) -> None:
    company = api.farm.companies.get(api.store.company_id)
    assert company is not None
    at = f"{api.url}/companies/{company.id}"
    assert [asking.get(f"{at}/{name}").status_code for name in ("logo", "brand.css")] == [404, 404]
    logo = image("PNG")
    change_company(api.farm, company, ChangeCompany(brand=ChangeBrand("Acme", "#ffd400", logo)))
    answer = asking.get(f"{at}/logo")
    assert (answer.status_code, answer.content) == (200, logo)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    css = asking.get(f"{at}/brand.css")
    assert css.headers["content-type"].startswith("text/css")
    assert "--accent: #ffd400; --on-accent: #000000;" in css.text
    other = next(each for each in api.farm.companies.list() if each.id != company.id)
    for wrong in (str(other.id), "0", "999999", "99999999999999999999", "x", "1%2F2"):
        assert asking.get(f"{api.url}/companies/{wrong}/logo").status_code == 404


def test_the_form_shows_what_is_set_escaped(api: ApiServer) -> None:
    company = api.farm.companies.get(api.store.company_id)
    assert company is not None
    brand = ChangeBrand("<b>Acme</b> & Co", policy_url="https://acme.example/privacy", origins=())
    change_company(api.farm, company, ChangeCompany(brand=brand))
    link = api.client.post("/api/v2/customers", json={}).json()["onboarding_link"]
    text = asking.get(link).text
    assert "&lt;b&gt;Acme&lt;/b&gt; &amp; Co" in text
    assert "<b>Acme" not in text
    assert 'href="https://acme.example/privacy" target="_blank" rel="noopener noreferrer"' in text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_colour_can_be_read(dark: bool) -> None:
    card = DARK_CARD if dark else LIGHT_CARD
    assert f"--card: {card};" in (STATIC / "site.css").read_text()
    for parts in product((0, 51, 102, 153, 204, 255), repeat=3):
        colour = "#" + "".join(f"{part:02x}" for part in parts)
        made = accent(colour, dark=dark)
        assert contrast(made.on_button, made.button) >= 4.5
        assert contrast(made.text, card) >= 4.5
        assert contrast(made.text, made.tint) >= 4.5
        assert contrast(made.edge, card) >= 3
        assert dark or made.button == colour, "by day a button has the company's own colour"
