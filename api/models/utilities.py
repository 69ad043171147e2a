"""A utility, as answers give it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from meterfarm.records import Factor, Part
from meterfarm.services.utilities import UtilityStatus

Availability = Literal["instant", "none"]


class UtilityMfa(BaseModel):
    """What a portal asks of customers who sign in, so far as that is known."""

    asked: Literal["asked", "optional"] | None = Field(
        description="Whether accounts are asked, or customers may turn it on; null where it is not known."
    )
    factors: list[Factor] = Field(description="By what, where that is known.")


class UtilityMeterAttribute(BaseModel):
    """A name that meters of the utility have in their additional_attributes."""

    name: str = Field(examples=["electric_choice_id"])
    meters: Literal["all", "electric"]


class UtilityModel(BaseModel):
    """A utility of the catalogue, with a script or without."""

    id: str = Field(description="The code by which customers name it.", examples=["con_edison"])
    api_identifier: str = Field(description="The same.")
    identifier: str = Field(description="The same.")
    name: str = Field(examples=["Con Edison"])
    aliases: list[str] = Field(description="What else it is called; requests take these too.")
    group: str | None = Field(description="The companies that share its portal's changes.")
    is_active: bool = Field(description="Whether there is a script, so that customers can be connected.")
    bill_availability: Availability = Field(description="How fast we have bills: none without a script.")
    interval_availability: Availability = Field(description="How fast we have intervals.")
    parts: list[Part] = Field(description="What its portal is known to offer, with a script or without.")
    velocity: str | None = Field(description="How fast its portal is known to give data.")
    status: UtilityStatus
    status_since: datetime | None = Field(description="Since when it has this status; dates at midnight UTC.")
    status_evidence: str = Field(description="What the status rests on.")
    mfa: UtilityMfa
    meter_attributes: list[UtilityMeterAttribute]
    account_meter_id: str | None = Field(
        description="The meter id of intervals that are the sum over an account.",
        examples=["All meters for customer account"],
    )
    last_success: datetime | None = Field(description="When one of our latest runs succeeded.")
    success_rate: float | None = Field(
        ge=0, le=1, description="Of our latest runs, without those that the customer had to act upon."
    )
    median_seconds: float | None = Field(ge=0, description="How long those took that succeeded.")
