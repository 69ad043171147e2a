"""Consents of customers: looked up, given, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from meterfarm.records import CustomerState
from meterfarm.services.customer_fields import problem_of_name, tidied
from meterfarm.services.errors import Conflict, InvalidRequest
from meterfarm.storage.customers import ConsentInfo, Customer
from meterfarm.storage.store import CompanyStore


def list_consents(store: CompanyStore, customer: Customer) -> Sequence[ConsentInfo]:
    """The customer's, newest first; what counts is the first."""
    return store.consents.list(customer)


def consent_status(consent: ConsentInfo, at: datetime) -> str:
    """``active``, ``expired`` or ``revoked``."""
    if consent.revoked_at is not None:
        return "revoked"
    return "expired" if consent.expires_at is not None and consent.expires_at <= at else "active"


def give_consent(
    store: CompanyStore,
    customer: Customer,
    method: str,
    *,
    terms_hash: str = "",
    expires_at: datetime | None = None,
) -> ConsentInfo:
    """Record what the customer allows from now on; it takes the place of what they allowed before.

    Raises:
        InvalidRequest: a value cannot be used.
        Conflict: the customer was removed.
    """
    method = tidied(method)
    for what, text in (("method", method), ("hash of the terms", terms_hash)):
        if problem := problem_of_name(what, text):
            raise InvalidRequest(problem)
    if not method:
        raise InvalidRequest("The method of the consent is empty; write how the customer gave it.")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidRequest("The consent would have expired already; give a later expires_at.")
    if store.customers.info(customer).state is CustomerState.REMOVED:
        raise Conflict(f"The customer {customer.id} was removed.")
    store.consents.give(customer, method, terms_hash=terms_hash, expires_at=expires_at)
    return store.consents.list(customer)[0]
