"""A virtual clock for webhooks and mails: time passes by what is waited for coming nearer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import metadata

_OF_TABLE = {
    "webhook_delivery": ("since", "next_at", "lease_until", "ended_at"),
    "webhook_endpoint": ("rests_until",),
    "outgoing_mail": ("since", "until", "next_at", "lease_until", "ended_at"),
}


def pass_time(store: CompanyStore, by: timedelta) -> None:
    with store.farm._farm.database.writing() as session:
        for name, columns in _OF_TABLE.items():
            table = metadata.tables[name]
            for row in session.connection().execute(table.select()).all():
                there = {column: getattr(row, column) for column in columns}
                moved = {column: at - by for column, at in there.items() if at is not None}
                if moved:
                    session.connection().execute(update(table).where(table.c.id == row.id).values(moved))


def next_due(store: CompanyStore) -> datetime | None:
    """When the next delivery is due to an endpoint that takes some, None if there is none."""
    deliveries, endpoints = (metadata.tables[name] for name in ("webhook_delivery", "webhook_endpoint"))
    query = (
        select(deliveries.c.next_at, endpoints.c.rests_until)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(deliveries.c.next_at.is_not(None), endpoints.c.state == "active")
    )
    with store.farm._farm.database.reading() as session:
        rows = session.connection().execute(query).all()
    return min((max(row.next_at, row.rests_until or row.next_at) for row in rows), default=None)
