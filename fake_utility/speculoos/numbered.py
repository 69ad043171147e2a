"""As many customers as anybody needs: `name.17@domain` is one of the same kind as `name@domain`.

Each has a name, accounts, meters, data, a phone and a secret of its own, the same in every process.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b

from meterfarm.fake_utility.speculoos.accounts import Account, make_account
from meterfarm.fake_utility.speculoos.customers import CUSTOMERS, Customer
from meterfarm.fake_utility.speculoos.money import chance

NOTE = (
    "name.N@domain, with any N from 1 up, is another customer of the same kind as name@domain, "
    "with a name, accounts and data of its own: iamvalid.17@bayou.energy."
)
_NUMBERED = re.compile(r"(?P<local>.+)\.(?P<number>[1-9][0-9]{0,8})@(?P<domain>.+)")
_FIRST_NAMES = (
    *("Ada", "Bruno", "Clara", "Dario", "Edith", "Felix", "Greta", "Hugo", "Iris", "Jonas", "Kira", "Luca"),
    *("Maren", "Nils", "Olga", "Piet", "Rosa", "Sven", "Tilda", "Ugo", "Vera", "Wim", "Yara", "Zeno"),
)
_LAST_NAMES = (
    *("Almond", "Baker", "Cardamom", "Clove", "Dunkin", "Flour", "Ginger", "Honey", "Lemon", "Marzipan"),
    *("Molasses", "Nutmeg", "Oats", "Pepper", "Quince", "Rye", "Spicer", "Treacle", "Vanilla", "Waffle"),
)


def find_customer(username: str) -> Customer | None:
    """The customer of a normalised user name, numbered or not."""
    return CUSTOMERS.get(username) or _numbered(username)


def numbered_form(customer: Customer) -> str:
    """How the user names of the customer's numbered kin are written."""
    local, _, domain = customer.username.partition("@")
    return f"{local}.N@{domain}"


def numbered_among(usernames: Iterable[str]) -> list[Customer]:
    """The numbered test customers among these user names."""
    return [customer for username in usernames if (customer := _numbered(username))]


@lru_cache(maxsize=20_000)
def _numbered(username: str) -> Customer | None:
    found = _NUMBERED.fullmatch(username)
    base = CUSTOMERS.get(f"{found['local']}@{found['domain']}") if found else None
    if found is None or base is None:
        return None
    name = _name(username)
    return replace(
        base,
        username=username,
        name=name,
        accounts=tuple(_account(username, name, place, like) for place, like in enumerate(base.accounts)),
        totp_secret=_totp_secret(username) if base.totp_secret else None,
        number=int(found["number"]),
    )


def _name(username: str) -> str:
    first = _FIRST_NAMES[chance(f"{username}/first name", len(_FIRST_NAMES))]
    return f"{first} {_LAST_NAMES[chance(f'{username}/last name', len(_LAST_NAMES))]}"


def _account(username: str, name: str, place: int, like: Account) -> Account:
    return make_account(
        username,
        name,
        place,
        commodities=tuple(meter.commodity for meter in like.meters),
        solar=any("received" in meter.directions for meter in like.meters),
        community_solar=like.community_solar,
        new=like.new,
    )


def _totp_secret(username: str) -> str:
    return base64.b32encode(blake2b(f"{username}/totp".encode(), digest_size=20).digest()).decode()
