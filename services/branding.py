"""What a company's customers see of it: name, colour, logo, privacy policy; and where its form may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from urllib.parse import SplitResult, urlsplit

from PIL import Image

from meterfarm.scrapers.guard import is_loopback
from meterfarm.services.customer_fields import problem_of_name, tidied
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.customers import Company, CompanyBrand
from meterfarm.storage.store import Store
from meterfarm.support.foreign_text import one_line

MOST_LOGO_BYTES = 256 * 1024
_LOGO_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
_MOST_PIXELS = 2048
_LONGEST_NAME = 60
_LONGEST_ADDRESS = 2000
_MOST_ORIGINS = 20
_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_USUAL_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class ChangeBrand:
    """What is to change of a company's brand: None leaves a value as it is, an empty one takes it away.

    ``logo`` is the bytes of a file. ``open_form``: anybody may begin the form who knows the company's link.
    """

    shown_name: str | None = None
    colour: str | None = None
    logo: bytes | None = field(default=None, repr=False)
    policy_url: str | None = None
    origins: Sequence[str] | None = None
    open_form: bool | None = None


def company_brand(farm: Store, company: Company) -> CompanyBrand:
    """How this side of the company looks to its customers."""
    return farm.companies.brand(company.id)


def changed_brand(brand: CompanyBrand, request: ChangeBrand) -> CompanyBrand:
    """The brand with what the request gives.

    Raises:
        InvalidRequest: a value cannot be used.
    """
    if request.shown_name is not None:
        brand = replace(brand, shown_name=_name(request.shown_name))
    if request.colour is not None:
        brand = replace(brand, colour=_colour(request.colour))
    if request.logo is not None:
        brand = replace(brand, logo=request.logo, logo_type=_logo_type(request.logo))
    if request.policy_url is not None:
        brand = replace(brand, policy_url=_policy_url(request.policy_url))
    if request.origins is not None:
        brand = replace(brand, origins=_origins(request.origins))
    if request.open_form is not None:
        brand = replace(brand, open_form=request.open_form)
    return brand


def _name(given: str) -> str:
    name = tidied(given)
    problem = problem_of_name("shown name", name)
    if not problem and len(name) > _LONGEST_NAME:
        problem = f"The shown name is longer than {_LONGEST_NAME} characters."
    if problem:
        raise InvalidRequest(problem)
    return name


def _colour(given: str) -> str:
    """As #rrggbb."""
    colour = given.strip().lower()
    if colour and not _COLOUR.fullmatch(colour):
        raise InvalidRequest(
            f"The colour “{one_line(given, 20)}” cannot be used; give its hexadecimal digits, as #0b6b4f."
        )
    return f"#{''.join(2 * digit for digit in colour[1:])}" if len(colour) == len("#rgb") else colour


def _logo_type(content: bytes) -> str:
    """The media type of a logo, by its bytes, all of which are read."""
    if not content:
        return ""
    if len(content) > MOST_LOGO_BYTES:
        raise InvalidRequest(f"The logo is larger than {MOST_LOGO_BYTES // 1024} KiB; make it smaller.")
    try:
        with Image.open(BytesIO(content), formats=tuple(_LOGO_TYPES)) as image:
            if max(image.size) > _MOST_PIXELS:
                raise InvalidRequest(
                    f"The logo is {image.width} x {image.height} pixels; it may have {_MOST_PIXELS} each way."
                )
            image.load()
            return _LOGO_TYPES[image.format or ""]
    except (OSError, SyntaxError, ValueError, KeyError, EOFError, Image.DecompressionBombError):
        raise InvalidRequest("The logo is no whole PNG or JPEG image.") from None


def _policy_url(given: str) -> str:
    address = given.strip()
    if address and (_parsed(address) is None or len(address) > _LONGEST_ADDRESS):
        raise InvalidRequest(
            f"The privacy policy's address “{one_line(given, 80)}” cannot be used; give one by https, as "
            "https://www.example.com/privacy."
        )
    return address


def _origins(given: Sequence[str]) -> Sequence[str]:
    """Each once, as browsers spell them."""
    origins = tuple(dict.fromkeys(_origin(each) for each in given if each.strip()))
    if len(origins) > _MOST_ORIGINS:
        raise InvalidRequest(f"A company has at most {_MOST_ORIGINS} origins.")
    return origins


def _origin(given: str) -> str:
    parts = _parsed(given.strip())
    if parts is None or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise InvalidRequest(
            f"The origin “{one_line(given, 80)}” cannot be used; give https://host or https://host:port, "
            "without a path, and http only of this machine (http://localhost:3000)."
        )
    port = parts.port
    at = "" if port in {None, _USUAL_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{parts.hostname}{at}"


def _parsed(address: str) -> SplitResult | None:
    """An address by https, or by http of this machine; None if it is none."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not address.isascii() or not address.isprintable() or any(char in address for char in " \"'<>;,\\"):
        return None
    is_ours = is_loopback(host) or host.endswith(".localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_ours):
        return None
    return parts if _HOST.fullmatch(host) and port != 0 and "@" not in parts.netloc else None
