"""Phone numbers that receive the codes of customers by SMS."""

from __future__ import annotations

from collections.abc import Sequence

from meterfarm.mfa.text_message import parse_number
from meterfarm.services.errors import InvalidRequest, NotFound, store_refusals
from meterfarm.storage import StorageError
from meterfarm.storage.channels import NumberInfo
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore


def list_numbers(store: CompanyStore) -> Sequence[NumberInfo]:
    """By number."""
    return store.channels.numbers()


def add_number(store: CompanyStore, number: str, customers: Sequence[Customer]) -> str:
    """Have a number receive for these customers; the number as E.164 has it.

    Raises:
        InvalidRequest: it is no phone number with a country code.
        Conflict: it receives for one of them already.
    """
    parsed = _parsed(number)
    with store_refusals():
        store.channels.add_number(parsed, list(dict.fromkeys(customers)))
    return parsed


def remove_number(store: CompanyStore, number: str, customer: Customer | None = None) -> str:
    """Forget a number, or that it receives for this customer; the number as E.164 has it.

    Raises:
        InvalidRequest: it is no phone number with a country code.
        NotFound: it is not there, or does not receive for the customer.
        StorageError: the store cannot be changed.
    """
    parsed = _parsed(number)
    known = next((info for info in store.channels.numbers() if info.number == parsed), None)
    try:
        store.channels.remove_number(parsed, customer)
    except StorageError as exc:
        if known is None or (customer is not None and customer.id not in known.customers):
            raise NotFound(str(exc)) from exc
        raise
    return parsed


def _parsed(number: str) -> str:
    try:
        return parse_number(number)
    except ValueError as exc:
        raise InvalidRequest(str(exc)) from exc
