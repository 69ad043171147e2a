"""Keys of the API: made, listed, revoked. A key is shown once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meterfarm.services.customer_fields import problem_of_name, tidied
from meterfarm.services.errors import InvalidRequest, NotFound
from meterfarm.storage.customers import ApiKey
from meterfarm.storage.store import CompanyStore


def create_key(store: CompanyStore, name: str = "") -> tuple[ApiKey, str]:
    """A new key of this side of the company, and its text: ``test_acme_...`` or ``live_acme_...``.

    Raises:
        InvalidRequest: the name cannot be used.
    """
    name = tidied(name)
    if problem := problem_of_name("name of the key", name):
        raise InvalidRequest(problem)
    company = store.farm.companies.get(store.company_id)
    side = "live" if company and company.live else "test"
    short = re.sub(r"[^a-z0-9]+", "-", company.name.casefold()).strip("-")[:20] if company else ""
    return store.api_keys.add(f"{side}_{short or 'company'}_", name)


def list_keys(store: CompanyStore) -> Sequence[ApiKey]:
    """By id, the revoked ones too."""
    return store.api_keys.list()


def revoke_key(store: CompanyStore, key_id: int) -> None:
    """From now on the key opens nothing.

    Raises:
        NotFound: this side of the company has no such key.
    """
    if store.api_keys.revoke(key_id) is None:
        raise NotFound(f"There is no key {key_id}; `key list` shows those there are.")
