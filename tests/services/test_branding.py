"""What a company may show its customers, and what is refused of it, each with a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meterfarm.services.branding import MOST_LOGO_BYTES, ChangeBrand, changed_brand
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.customers import CompanyBrand
from tests.images import image


def test_what_is_given_changes_and_the_rest_stays() -> None:
    logo = image("PNG")
    first = changed_brand(CompanyBrand(), ChangeBrand(" Acme Solar ", "#0B6", logo))
    assert first == CompanyBrand("Acme Solar", "#00bb66", logo, "image/png")
    second = changed_brand(first, ChangeBrand(policy_url="https://acme.example/privacy", logo=image("JPEG")))
    assert (second.shown_name, second.colour, second.logo_type) == ("Acme Solar", "#00bb66", "image/jpeg")
    assert second.policy_url == "https://acme.example/privacy"
    assert changed_brand(second, ChangeBrand("", "", b"", "", ())) == CompanyBrand()


def test_origins_are_kept_as_browsers_spell_them_each_once() -> None:
    given = (
        "https://WWW.Acme.example/",
        "https://www.acme.example:443",
        "http://localhost:3000",
        "http://127.0.0.1",
    )
    brand = changed_brand(CompanyBrand(), ChangeBrand(origins=given))
    assert brand.origins == ("https://www.acme.example", "http://localhost:3000", "http://127.0.0.1")


@pytest.mark.parametrize(
    "origin",
    [
        "http://www.acme.example",
        "https://*.acme.example",
        "https://acme.example/path",
        "https://acme.example?x=1",
        "https://user@acme.example",
        "https://acme.example; script-src *",
        "https://acme.example https://evil.example",
        "https://acme.example:0",
        "https://acme.example:99999",
        "https://",
        "acme.example",
        "null",
        "*",
        "javascript://acme.example",
        "https://ácme.example",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^The origin “.* cannot be used; give https://host or "):
        changed_brand(CompanyBrand(), ChangeBrand(origins=(origin,)))


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (ChangeBrand(colour="green"), "The colour “green” cannot be used; give its hexadecimal digits"),
        (ChangeBrand(colour="#12345"), "The colour “#12345” cannot be used"),
        (ChangeBrand(colour="#fff;}body{}"), "The colour .* cannot be used"),
        (ChangeBrand("x" * 61), "The shown name is longer than 60 characters"),
        (ChangeBrand("a\nb"), "The shown name has "),
        (ChangeBrand(policy_url="javascript:alert(1)"), "The privacy policy's address .* give one by https"),
        (ChangeBrand(policy_url="http://acme.example/privacy"), "The privacy policy's address"),
        (ChangeBrand(logo=b"<svg onload=alert(1)>"), "The logo is no whole PNG or JPEG image"),
        (ChangeBrand(logo=image("GIF")), "The logo is no whole PNG or JPEG image"),
        (ChangeBrand(logo=image("PNG")[:-30]), "The logo is no whole PNG or JPEG image"),
        (ChangeBrand(logo=image("JPEG")[:200]), "The logo is no whole PNG or JPEG image"),
        (ChangeBrand(logo=image("PNG", (2049, 1))), "The logo is 2049 x 1 pixels; it may have 2048 each way"),
        (ChangeBrand(logo=bytes(MOST_LOGO_BYTES + 1)), "The logo is larger than 256 KiB"),
        (ChangeBrand(origins=[f"https://a{i}.example" for i in range(21)]), "at most 20 origins"),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(request_: ChangeBrand, problem: str) -> None:
    brand = CompanyBrand("Acme", "#0b6b4f")
    with pytest.raises(InvalidRequest, match=problem):
        changed_brand(replace(brand), request_)
