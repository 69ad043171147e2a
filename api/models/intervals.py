"""Intervals of a customer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class Interval(BaseModel):
    """What a meter measured in a time. What is not measured is null."""

    start: datetime = Field(examples=["2022-11-01T00:00:00Z"])
    end: datetime = Field(examples=["2022-11-01T00:15:00Z"])
    electricity_consumption: int | None = Field(description="Wh that the customer took.", examples=[250])
    net_electricity_consumption: int | None = Field(description="Wh taken less Wh generated.", examples=[200])
    generated_electricity: int | None = Field(description="Wh that the customer gave.", examples=[50])
    electricity_demand: int | None = Field(description="The largest demand, in W.", examples=[1200])
    gas_consumption: float | None = Field(description="Therms.", examples=[13.4])
    created_at: datetime = Field(description="When it was stored first.", examples=["2022-11-02T07:00:00Z"])
    updated_at: datetime | None = Field(description="When it last changed, null until then.")
    gas_quantity: float | None = Field(
        None, description="Gas that was measured in another unit than therms, which is not converted."
    )
    gas_unit: str | None = Field(None, description="The unit of gas_quantity.", examples=["ccf"])
    is_estimated: bool = Field(False, description="The utility says that it is an estimate.")


class IntervalGap(BaseModel):
    """A time that has no value on the grid."""

    field: str = Field(examples=["electricity_consumption"])
    start: datetime
    end: datetime
    reason: Literal["no_data", "incomplete", "not_on_grid"] = Field(
        description="Nothing is stored; not all of it is; or what is stored is longer than the grid."
    )


class MeterIntervals(BaseModel):
    """A meter's intervals, by start."""

    id: str = Field(examples=["XYZ12345"])
    granularities: list[int] = Field(description="Usual lengths in minutes.", examples=[[15, 30]])
    intervals: list[Interval]
    account_number: str = Field(examples=["1234567"])
    gaps: list[IntervalGap] | None = Field(None, description="With granularity: what is missing, and why.")


class CustomerIntervals(BaseModel):
    """The intervals that were asked for."""

    first_interval_discovered: datetime | None = Field(
        description="When the customer's first interval begins, whatever was asked for."
    )
    last_interval_discovered: datetime | None = Field(description="When the last one begins.")
    granularities: list[int] = Field(
        description="Usual lengths in minutes of the intervals in this answer.", examples=[[15, 30]]
    )
    meters: list[MeterIntervals]
    updated_until: datetime | None = Field(
        None, description="With updated_after: what to ask for the next time."
    )
