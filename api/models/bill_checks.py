"""What bills were held against."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class BillHistoryCheck(BaseModel):
    """What of a bill was held against other bills or intervals; a note is no fault."""

    name: Literal["periods", "reads", "intervals", "tariff", "meters", "last_year"]
    verdict: Literal["failed", "note", "no_verdict", "passed"]
    what: str = Field(
        description="A sentence with the figures.",
        examples=["Meter XYZ12345 begins at 126,160.204, its last read before."],
    )


class CheckedBill(BaseModel):
    """A bill that is read; of a locked one only whether its period follows."""

    bill_id: int
    checks: list[BillHistoryCheck]


class CustomerBillChecks(BaseModel):
    """All bills of a customer."""

    bills: list[CheckedBill]
