"""All that the database has of a company, to see whether something changed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import metadata


def rows_of(store: CompanyStore, customer: Customer) -> Mapping[str, Sequence[object]]:
    """All rows of the company, and all of tables whose rows name none, as far as they are its customer's."""
    own: dict[str, Sequence[object]] = {}
    with store.farm._farm.database.engine.connect() as connection:
        for table in metadata.sorted_tables:
            query = table.select()
            if "company_id" in table.c:
                query = query.where(table.c.company_id == store.company_id)
            elif "login_id" in table.c:
                query = query.where(table.c.login_id == customer.login_id)
            elif table.name not in ("login", "reading", "coverage_range"):
                continue
            elif table.name == "login":
                query = query.where(table.c.id == customer.login_id)
            own[table.name] = [tuple(row) for row in connection.execute(query)]
    own.pop("vault_read")
    return own
