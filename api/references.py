"""What the ids in paths name: our number, or ``external_id:`` and the company's own id."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import unquote

from fastapi import Path
from starlette.types import ASGIApp, Receive, Scope, Send

from meterfarm.api.errors import ApiError
from meterfarm.services.customer_fields import LONGEST_NAME, problem_of_name
from meterfarm.storage.customers import Customer, CustomerRecord
from meterfarm.storage.data import FoundBill
from meterfarm.storage.store import CompanyStore

T = TypeVar("T")
EXTERNAL = "external_id:"
_NUMBER = re.compile("-?[0-9]{1,30}")
_MOST_NUMBERS = 2**31
ID_PATTERN = f"^({_NUMBER.pattern}|{EXTERNAL}.{{1,{LONGEST_NAME}}})$"
"""Of a customer's or a bill's id, as the documentation has it."""
CUSTOMER_ID = (
    *("customer_id_invalid_format", "external_id_invalid_format"),
    *("customer_id_invalid", "external_id_invalid"),
)
"""The codes of errors in a path's customer."""


def _id(of: str) -> str:
    return f"The {of}'s number, or `external_id:` and your own id, percent-encoded."


CustomerId = Annotated[str, Path(description=_id("customer"), json_schema_extra={"pattern": ID_PATTERN})]
"""A route's parameter, which `find_customer` reads."""
BillId = Annotated[str, Path(description=_id("bill"), json_schema_extra={"pattern": ID_PATTERN})]
"""A route's parameter, which `find_bill` reads."""
Number = Annotated[str, Path(json_schema_extra={"type": "integer", "minimum": 1})]
"""A route's parameter, which `number` reads."""


class Reference(NamedTuple):
    """An id as it was given: one of ours, or the company's own; the other is None."""

    number: int | None
    external_id: str | None


def reference(text: str, what: str) -> Reference:
    """``text`` is of a path's segment, ``what`` is ``customer`` or ``bill``.

    Raises:
        ApiError: it is neither a whole number nor an external id.
    """
    text = unquote(text)
    if text.startswith(EXTERNAL):
        external_id = text.removeprefix(EXTERNAL)
        if not external_id or problem_of_name("external id", external_id):
            raise ApiError("external_id_invalid_format")
        return Reference(None, external_id)
    if not _NUMBER.fullmatch(text):
        raise ApiError(f"{what}_id_invalid_format")
    return Reference(int(text), None)


def number(text: str, what: str) -> int:
    """The number of something that has no id of the company's own.

    Raises:
        ApiError: it is none, so that nothing has it.
    """
    if text.isascii() and text.isdigit() and int(text[:20]) < _MOST_NUMBERS:
        return int(text)
    raise ApiError("object_not_found", reason=f"There is no such {what}.")


def find_customer(store: CompanyStore, text: str) -> Customer:
    """The customer that the path names.

    Raises:
        ApiError: the id is none, or the company has no such customer.
    """
    return _found(text, "customer", store.customers.by_id, store.customers.by_external_id)


def find_record(store: CompanyStore, text: str) -> CustomerRecord:
    """As ``find_customer``, with their profile."""
    return _found(text, "customer", store.customers.record, store.customers.record_by_external_id)


def find_holder(store: CompanyStore, text: str) -> Customer:
    """The customer who holds what is collected by the login of the one that the path names.

    Raises:
        ApiError: the id is none, or the company has no such customer.
    """
    return store.customers.holder(find_customer(store, text))


def find_bill(store: CompanyStore, text: str) -> FoundBill:
    """The bill that the path names.

    Raises:
        ApiError: the id is none, or the company has no such bill.
    """
    return _found(text, "bill", store.bills.by_id, store.bills.by_external_id)


def _found(
    text: str, what: str, by_number: Callable[[int], T | None], by_external_id: Callable[[str], T | None]
) -> T:
    number, external_id = reference(text, what)
    found = by_number(number or 0) if external_id is None else by_external_id(external_id)
    if found is None:
        raise ApiError(f"{what}_id_invalid" if external_id is None else "external_id_invalid")
    return found


class SegmentsKept:
    """Keeps apart the segments of a path: what is percent-encoded in one stays so, above all a slash.

    ``reference`` decodes it. An external id may hold any character.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            raw = scope.get("raw_path") or b""
            segments = raw.partition(b"?")[0].decode("latin-1").split("/")
            kept = [unquote(each).replace("%", "%25").replace("/", "%2F") for each in segments]
            scope = {**scope, "path": "/".join(kept)} if raw else scope
        await self._app(scope, receive, send)
