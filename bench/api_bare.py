"""The yardstick of `bench api`: a bare FastAPI app with routes that read the same rows, and nothing else.

No key, no company, no links, no limits; `uvicorn meterfarm.bench.api_bare:app` serves it as uvicorn comes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from sqlalchemy import create_engine, func, select

from meterfarm.storage.tables import metadata

DATABASE = "METERFARM_BENCH_DATABASE"
_CUSTOMER, _BILL, _VERSION = (metadata.tables[name] for name in ("customer", "bill", "bill_version"))
_SECRET = {"key_id", "wrapped_key"}
_COLUMNS = [column for column in _CUSTOMER.c if column.name not in _SECRET]
_NEWEST = select(func.max(_VERSION.c.id)).where(_VERSION.c.bill_id == _BILL.c.id).correlate(_BILL)
_BILLS = select(_BILL, *(column.label(f"version_{column.name}") for column in _VERSION.c)).join(
    _VERSION, _VERSION.c.id == _NEWEST.scalar_subquery()
)

app = FastAPI()
_engine = create_engine(f"sqlite:///{os.environ.get(DATABASE, '')}")


@app.get("/customers/{customer_id}")
def customer(customer_id: int) -> Mapping[str, Any]:
    """The customer's row."""
    with _engine.connect() as connection:
        row = connection.execute(select(*_COLUMNS).where(_CUSTOMER.c.id == customer_id)).mappings().one()
        return dict(row)


@app.get("/customers/{customer_id}/bills")
def bills(customer_id: int) -> Sequence[Mapping[str, Any]]:
    """The customer's bills as they are stored, newest first."""
    query = _BILLS.where(_BILL.c.customer_id == customer_id).order_by(_BILL.c.billed_on.desc())
    with _engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
