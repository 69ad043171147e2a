"""What changed since a cursor."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from meterfarm.services.changes import ChangeKind


class ChangedData(BaseModel):
    """One change, in the order in which they were stored."""

    kind: ChangeKind = Field(description="After customer_removed all of the customer is gone.")
    at: datetime
    customer_id: int = Field(examples=[17])
    customer_external_id: str | None = Field(examples=["A-17"])
    account_number: str | None = Field(examples=["1234567"])
    bill_id: int | None = Field(description="Of a bill that was added or changed.", examples=[501])
    meter_ids: list[str] = Field(description="Of intervals: the meters that have some.", examples=[["E1"]])
    start: datetime | None = Field(description="When the first of the intervals begins.")
    end: datetime | None = Field(description="When the last of the intervals ends.")


class ChangesPage(BaseModel):
    """Changes, and where to read on."""

    changes: list[ChangedData]
    cursor: str = Field(description="Ask for what comes after it the next time.", examples=["120.3"])
    has_more: bool = Field(description="There is more already.")
