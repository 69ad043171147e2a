"""Webhook endpoints, and events with their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from meterfarm.api.bodies import LARGEST
from meterfarm.records import EventKind
from meterfarm.storage.webhooks import DELIVERED_KINDS, DeliveryState, EndpointState


class NewEndpoint(BaseModel):
    """What is set of an endpoint when it is made."""

    url: str = Field(
        max_length=2048,
        description="Where events are posted to, by https.",
        examples=["https://example.com/h"],
    )
    events: list[EventKind] | None = Field(None, description="Only these; else all eight of Bayou's kind.")


class ChangedEndpoint(BaseModel):
    """What a request may change of an endpoint."""

    url: str | None = None
    events: list[EventKind] | None = Field(None, description="Only these; an empty list is all eight.")
    active: bool | None = Field(None, description="Pause it, or have it served again.")


class Endpoint(BaseModel):
    """An address that events are posted to."""

    id: int
    url: str
    events: list[EventKind]
    state: EndpointState = Field(description="gone: it answered 410.")
    pending: int = Field(description="Deliveries on their way.")
    parked: int = Field(description="Deliveries that failed for three days.")
    fault: str = Field(description="Why the latest delivery failed; empty if it did not.")
    since: datetime = Field(description="Since when it does, or does not, fail.")
    created_at: datetime


class EndpointWithSecret(Endpoint):
    """An endpoint that was just made."""

    secret: str = Field(description="Verifies what is posted, by Standard Webhooks. Shown once.")


class RotatedSecret(BaseModel):
    """A new signing secret."""

    id: int
    secret: str = Field(description="Shown once.")
    old_until: datetime = Field(description="Until then the old one signs beside it.")


class TestedEvent(BaseModel):
    """Which made-up event to post."""

    event: EventKind | None = Field(
        EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS, json_schema_extra={"enum": [*DELIVERED_KINDS, None]}
    )


class DeliveryAttempt(BaseModel):
    """One attempt at a delivery."""

    at: datetime
    status: int | None = Field(description="The answer's; null where there was none.")
    answer: str = Field(description="The first bytes of the answer.")
    fault: str = Field(description="Why it failed; empty if it was delivered.")
    milliseconds: int


class EventDelivery(BaseModel):
    """An event on its way to an endpoint."""

    webhook_id: int
    url: str
    state: DeliveryState
    next_at: datetime | None
    ended_at: datetime | None
    attempts: list[DeliveryAttempt]


class ListedEvent(BaseModel):
    """Something that happened, as it is posted, and what became of that."""

    id: int = Field(description="Ids only grow.")
    at: datetime
    customer_id: int
    event: EventKind
    object: dict[str, Any] = Field(description="As the webhook has it, from what is stored now.")
    test: bool = Field(False, description="It was only fired, by a test tool.")
    request_id: str | None = Field(
        None, description="The X-Request-Id of the request that did it, if one did."
    )
    deliveries: list[EventDelivery]


class Resend(BaseModel):
    """Where to send an event once more."""

    webhook_id: int | None = Field(
        None, ge=1, le=LARGEST, description="Only there; else to all that are active."
    )


class Resent(BaseModel):
    """To how many endpoints it is sent once more."""

    deliveries: int


class TestResult(BaseModel):
    """What a receiver answered."""

    __test__ = False
    delivered: bool
    status: int | None
    answer: str
    fault: str
    milliseconds: int
