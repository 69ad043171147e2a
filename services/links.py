"""Links and tokens that are good for a while: who has one needs no key for what it names."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from meterfarm.storage.store import Store

DEFAULT_URL = "http://127.0.0.1:8601"
"""Where the API is on the machine of a developer."""
ONBOARDING = "onboarding"
ONBOARDING_LASTS = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Onboarding:
    """What leads a customer to the form; both say the same."""

    token: str
    link: str


def onboarding(store: Store, public_url: str, company_id: int, customer_id: int) -> Onboarding:
    """A fresh token and link for a customer, good for ten days."""
    until = int(time.time() + ONBOARDING_LASTS.total_seconds())
    token = store.vault.sign(ONBOARDING, str(customer_id), until)
    return Onboarding(token, f"{public_url}/companies/{company_id}/sign_up?key={token}")


def open_form_link(public_url: str, company_id: int) -> str:
    """Where anybody begins the form of a company that has one for anybody."""
    return f"{public_url}/companies/{company_id}/sign_up"


def onboarded_customer(store: Store, token: str) -> int | None:
    """The id of the customer that the token is for; None if it is none of ours, or expired."""
    payload = store.vault.verified(ONBOARDING, token, time.time())
    return int(payload) if payload is not None and payload.isdecimal() else None
