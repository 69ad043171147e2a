"""What of each meter is in store."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

_TIMES = [["2022-11-01T04:00:00Z", "2024-01-17T05:00:00Z"]]


class CoveredSeries(BaseModel):
    """One kind of reading of a meter."""

    measure: str = Field(examples=["energy"])
    direction: str = Field(examples=["delivered"])
    unit: str = Field(examples=["Wh"])
    granularities: list[int] = Field(description="Usual lengths in minutes.", examples=[[15]])
    interval_count: int
    interval_coverage: list[tuple[datetime, datetime]]
    interval_gaps: list[tuple[datetime, datetime]]


class CoveredMeter(BaseModel):
    """A meter: times from a start to an end that is not included, days both included."""

    id: str = Field(examples=["XYZ12345"])
    account_number: str = Field(examples=["1234567"])
    type: Literal["gas", "electric", "water", "other"]
    interval_count: int
    interval_coverage: list[tuple[datetime, datetime]] = Field(examples=[_TIMES])
    interval_gaps: list[tuple[datetime, datetime]]
    bill_count: int
    bill_coverage: list[tuple[date, date]] = Field(examples=[[["2022-11-01", "2024-01-05"]]])
    notes: list[str] = Field(
        description="Sentences: up to when there is data, what is missing, and why.",
        examples=[
            ["Intervals are stored up to 2024-01-17 05:00 UTC; the utility shows them about 1 d later."]
        ],
    )
    last_looked_at: datetime | None = Field(description="When the utility was last asked for intervals.")
    last_new_value_at: datetime | None = Field(description="When a value last came or changed.")
    next_look_at: datetime | None = Field(description="Null while nobody looks by itself.")
    series: list[CoveredSeries] = Field(description="The same of every kind of reading.")


class CustomerCoverage(BaseModel):
    """All meters of a customer."""

    meters: list[CoveredMeter]
