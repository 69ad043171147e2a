"""Many customers from the text of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator

from meterfarm.services.customer_csv import NewCustomer, WrongRow, rows
from meterfarm.storage import AlreadyThere
from meterfarm.storage.store import CompanyStore
from meterfarm.support.redact import Secrets


def import_customers(store: CompanyStore, text: str, secrets: Secrets) -> Iterator[NewCustomer | WrongRow]:
    """Add row after row, each in a transaction of its own; yields it, or why it was refused.

    Secrets are registered in ``secrets`` for redaction.

    Raises:
        InvalidRequest: before the first row, if the header cannot be used.
        StorageError: the store fails; the rows before went in.
    """
    logins: dict[tuple[str, str], int] = {}
    external_ids: dict[str, int] = {}
    for row in rows(text):
        problem = row.why if isinstance(row, WrongRow) else _in_file(row, logins, external_ids)
        if isinstance(row, NewCustomer) and not problem:
            secrets.add(*row.secrets.values(), *row.answers.values())
            problem = _add(store, row)
            if not problem:
                logins[_login(row)] = row.line
                external_ids[row.external_id or ""] = row.line
        yield WrongRow(row.line, problem) if problem else row


def _add(store: CompanyStore, row: NewCustomer) -> str:
    """Why it was refused, or ""."""
    try:
        store.customers.add(
            row.utility,
            row.username,
            external_id=row.external_id,
            secrets=row.secrets,
            answers=row.answers,
        )
    except AlreadyThere as exc:
        return str(exc).removesuffix(".")
    return ""


def _in_file(row: NewCustomer, logins: dict[tuple[str, str], int], external_ids: dict[str, int]) -> str:
    if line := logins.get(_login(row)):
        return f"{row.username} at {row.utility} was in line {line} already"
    if row.external_id and (line := external_ids.get(row.external_id)):
        return f"the external id {row.external_id} was in line {line} already"
    return ""


def _login(row: NewCustomer) -> tuple[str, str]:
    return row.utility, row.username.casefold()
