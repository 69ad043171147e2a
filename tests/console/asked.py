"""A customer whose run waits for an answer, as a worker would have it."""

from __future__ import annotations

from datetime import timedelta

from meterfarm.records import Challenge, Factor, FactorOption, SecretKind
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Claim
from meterfarm.storage.store import CompanyStore
from tests.storage.made import claimed

UTILITY = "speculoos_power"
WAIT = timedelta(minutes=10)
SMS = Challenge("We sent a code to ***-***-0647.", Factor.SMS, "***-***-0647", can_resend=True)
QUESTION = Challenge("What was your first waffle?", Factor.QUESTION)
CHOICE = Challenge(
    "How shall we send the code?",
    options=[
        FactorOption(Factor.SMS, "Text message", "***-***-0647"),
        FactorOption(Factor.EMAIL, "E-mail", "w***@bayou.energy"),
    ],
)


def customer(store: CompanyStore, name: str) -> Customer:
    """Entered with a password, so that a run is queued."""
    secrets = {SecretKind.PASSWORD: f"password of {name}"}
    return store.customers.add(UTILITY, f"{name}@bayou.energy", external_id=f"X-{name}", secrets=secrets)


def taken(store: CompanyStore, name: str) -> Claim:
    """Their run, taken by this process."""
    whose = customer(store, name)
    (run,) = store.runs.list(customer_id=whose.id)
    claim = claimed(store, run.id, 1)
    if claim is None:
        raise RuntimeError("the run was not to be had")
    return claim
