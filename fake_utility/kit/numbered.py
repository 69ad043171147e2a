"""A portal's customers, as many as anybody needs: `name.17@domain` is one of the same kind as `name@domain`.

Each has a name, accounts, meters, data, a phone and a secret of its own, the same in every process.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from typing import Generic, TypeVar

from meterfarm.fake_utility.kit.accounts import Account, make_account
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.money import chance

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

CustomerT = TypeVar("CustomerT", bound=Customer)


class CustomerBook(Generic[CustomerT]):
    """The customers of a portal: `listed` by user name, and those that are numbered."""

    def __init__(self, customers: Iterable[CustomerT]) -> None:
        self.listed: Mapping[str, CustomerT] = {customer.username: customer for customer in customers}
        self._numbered = lru_cache(maxsize=20_000)(self._make_numbered)

    def find(self, username: str) -> CustomerT | None:
        """The customer of a normalised user name, numbered or not."""
        return self.listed.get(username) or self._numbered(username)

    def numbered_among(self, usernames: Iterable[str]) -> list[CustomerT]:
        """The numbered test customers among these user names."""
        return [customer for username in usernames if (customer := self._numbered(username))]

    def _make_numbered(self, username: str) -> CustomerT | None:
        found = _NUMBERED.fullmatch(username)
        base = self.listed.get(f"{found['local']}@{found['domain']}") if found else None
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


def numbered_form(customer: Customer) -> str:
    """How the user names of the customer's numbered kin are written."""
    local, _, domain = customer.username.partition("@")
    return f"{local}.N@{domain}"


def _name(username: str) -> str:
    first = _FIRST_NAMES[chance(f"{username}/first name", len(_FIRST_NAMES))]
    return f"{first} {_LAST_NAMES[chance(f'{username}/last name', len(_LAST_NAMES))]}"


def _account(username: str, name: str, place: int, like: Account) -> Account:
    made = make_account(
        username,
        name,
        place,
        commodities=tuple(meter.commodity for meter in like.meters),
        solar=any("received" in meter.directions for meter in like.meters),
        community_solar=like.community_solar,
        new=like.new,
    )
    return replace(made, closed=like.closed)


def _totp_secret(username: str) -> str:
    return base64.b32encode(blake2b(f"{username}/totp".encode(), digest_size=20).digest()).decode()
