"""A customer, as requests set it and as answers give it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from meterfarm.services.customer_fields import LONGEST_NAME

STATES = (
    *("AL", "AK", "AS", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FM", "FL", "GA", "GU", "HI", "ID", "IL"),
    *("IN", "IA", "KS", "KY", "LA", "ME", "MH", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH"),
    *("NJ", "NM", "NY", "NC", "ND", "MP", "OH", "OK", "OR", "PW", "PA", "PR", "RI", "SC", "SD", "TN", "TX"),
    *("UT", "VT", "VI", "VA", "WA", "WV", "WI", "WY"),
)
State = Annotated[str, Field(json_schema_extra={"enum": list(STATES)})]


class Customer(BaseModel):
    """What a request may set of a customer."""

    external_id: str | None = Field(
        None, min_length=1, max_length=LONGEST_NAME, description="Your own id, unique among your customers."
    )
    email: str | None = Field(
        None, max_length=LONGEST_NAME, pattern=r"@[\s\S]*\.|\.[\s\S]*@", examples=["ada@example.com"]
    )
    first_name: str | None = Field(None, max_length=30)
    last_name: str | None = Field(None, max_length=30)
    phone_number: str | None = Field(None, max_length=30, examples=["518-555-0123"])
    address_line_1: str | None = Field(None, max_length=30)
    address_line_2: str | None = Field(None, max_length=30)
    city: str | None = Field(None, max_length=30)
    state: State | None = Field(None, description="Two letters.")
    zipcode: str | None = Field(None, max_length=30, examples=["12207"])
    utility: str | None = Field(None, description="A utility's id.", examples=["speculoos_power"])


class Address(BaseModel):
    """Where a meter is."""

    line_1: str
    line_2: str | None
    city: str
    state: str
    postal_code: str
    postal_code_suffix: str | None
    country: str = Field(examples=["US"])


class Tariff(BaseModel):
    """A period in which a tariff applied, both days included."""

    tariff: str
    period_from: date
    period_to: date | None


class Meter(BaseModel):
    """A meter of an account."""

    id: str
    type: Literal["gas", "electric"]
    tariffs: list[Tariff]
    tags: list[str]
    address: Address | None
    additional_attributes: dict[str, str] = Field(description="The utility's own ids, as service_id.")


class Account(BaseModel):
    """A utility account; ``id`` is its number."""

    id: str
    tags: list[str]
    meters: list[Meter]


class ExistingCustomer(Customer):
    """A customer."""

    id: int
    onboarding_link: str = Field(description="Where the customer gives their login; good for 10 days.")
    onboarding_token: str = Field(description="The same for the embedded form; good for 10 days.")
    tags: list[str]
    has_accepted_terms_on: datetime | None
    has_filled_credentials: bool = Field(description="The portal has accepted the login, with MFA too.")
    is_currently_authenticated: bool = Field(description="The portal last let the customer in.")
    bills_are_ready: bool = Field(description="The first fetch of bills is complete.")
    utility_has_intervals: bool
    account_has_intervals: bool
    intervals_are_ready: bool = Field(description="The first fetch of intervals is complete.")
    first_interval_discovered: datetime | None
    last_interval_discovered: datetime | None
    account_numbers: list[Account]
