"""A bill, as answers give it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from meterfarm.api.models.customers import Address
from meterfarm.services.customer_fields import LONGEST_NAME

Status = Literal["unparsed", "not_supported", "locked", "unlocked"]


class BillMeter(BaseModel):
    """A meter's part of a bill. Without consumption, address and attributes as long as it is locked."""

    id: str
    status: Status
    type: Literal["gas", "electric"]
    billing_period_from: date
    billing_period_to: date
    consumption: float | None = Field(None, description="Wh, or what gas_consumption_unit says.")
    address: Address | None = None
    tariff: str | None
    additional_attributes: dict[str, str] = Field({}, description="The utility's own ids, as service_id.")


class LineItem(BaseModel):
    """A charge or credit of a bill; volume times rate is the cost, where the bill has both."""

    name: str
    cost: int = Field(description="Cents, credits negative.")
    volume: float | None
    unit: str | None = Field(description="Of the volume, as printed.")
    rate: float | None = Field(description="Dollars, or what the currency is, a unit.")
    period_from: date | None
    period_to: date | None
    tier: str | None
    section: str | None = Field(description="The heading that the line stands under.")
    currency: str | None = Field(description="ISO 4217; null where the bill does not say.")
    proved_by: list[Literal["sum", "product"]] = Field(
        description="sum: it is a part of a total. product: volume times rate is the cost."
    )


class BillCheck(BaseModel):
    """Figures of a bill that were held against each other. One that did not pass hides no data."""

    name: str
    passed: bool
    what: str = Field(description="A sentence that names the lines and has their figures.")


class Bill(BaseModel):
    """A bill; amounts in cents, credits negative. A locked one withholds what has a default here."""

    external_id: str | None = Field(description="Your own id, unique among your bills.")
    id: int
    status: Status = Field(
        description="unparsed: not read yet. not_supported: never will be, it is encrypted or a picture. "
        "locked: the content is withheld until the bill is unlocked."
    )
    customer_id: int | None = Field(description="Null as long as no customer is known for an upload.")
    customer_external_id: str | None
    billed_on: date | None
    utility: str | None
    account_number: str | None
    outstanding_balance: int | None = Field(None, description="Cents left from the cycle before.")
    billing_period_from: date | None
    billing_period_to: date | None
    electricity_consumption: int | None = Field(None, description="Wh.")
    electricity_amount: int | None = None
    delivery_charge: int | None = None
    supply_charge: int | None = None
    community_solar_bill_credit: int | None = None
    gas_consumption_unit: Literal["therms", "ccf"] | None = None
    gas_consumption: float | None = None
    gas_amount: int | None = None
    total_amount: int | None = None
    meters: list[BillMeter]
    reader: str | None = Field(
        None, description="The layout that read it, or generic: what is certain of any bill."
    )
    ocr: bool = Field(False, description="The text was recognised in pictures.")
    line_items: list[LineItem] = []
    checks: list[BillCheck] = []
    left_out: dict[str, str] = Field(
        {}, description="By field, why it was looked for and not kept; of a generic reader's bill."
    )
    other_fields: dict[str, Any] = Field(
        {},
        description="What the bill says that has no field here, by name: due_on, previous_balance, payments, "
        "taxes, demand and others; of an unparsed bill all that is certain.",
    )
    file_url: str | None = Field(None, description="The PDF; no key is needed for 15 minutes.")


class BillUpdate(BaseModel):
    """What a request may set of a bill."""

    external_id: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_NAME,
        description="Your own id, unique among your bills; null frees it.",
    )


class UploadedBill(BaseModel):
    """The bill that an upload is; the same PDF again is the same bill."""

    id: int
    external_id: str | None


class UnlockedMeters(BaseModel):
    """Which meters of a bill to unlock; without a field all, and the bill."""

    meter_id: str | None = Field(None, description="Only this meter.", examples=["E1"])
    type: Literal["gas", "electric"] | None = Field(None, description="Only meters of this type.")


class Unlocked(BaseModel):
    """An unlocked bill stays unlocked."""

    status: str = Field(examples=["ok"])
    details: str = Field(examples=["Bill was unlocked"])
