"""What the store knows of webhooks: frozen records, handed out by its repositories."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import SecretStr

from meterfarm.records import EventKind
from meterfarm.storage.customers import Event

DELIVERED_KINDS = (
    EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS,
    EventKind.NEW_BILL,
    EventKind.NEW_UNPARSED_BILL,
    EventKind.UPDATED_BILL,
    EventKind.BILLS_READY,
    EventKind.INTERVALS_READY,
    EventKind.NEW_INTERVALS,
    EventKind.CUSTOMER_MUST_REAUTHENTICATE,
)
"""The kinds that an endpoint gets unless it names its own: Bayou's seven, and ``new_intervals``."""


def new_secret() -> str:
    """A signing secret as Standard Webhooks writes a symmetric one: 32 random bytes."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


class EndpointState(StrEnum):
    """``gone``: the receiver answered 410."""

    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"


class DeliveryState(StrEnum):
    """``parked``: no attempt is made any more unless it is asked for again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An address that events are posted to. ``fault`` is why its latest delivery failed, since ``since``.

    ``secrets_version`` counts the changes of its signing secrets. ``pending`` and ``parked`` count its
    deliveries, None where nobody asked.
    """

    id: int
    company_id: int
    url: str
    kinds: Sequence[EventKind]
    allows_private: bool
    state: EndpointState
    fault: str
    since: datetime
    created_at: datetime
    secrets_version: int
    pending: int | None = None
    parked: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How one attempt went. ``status`` is None without an answer; ``fault`` is "" if it was delivered."""

    status: int | None
    answer: str
    fault: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """One attempt at a delivery, when it was over."""

    number: int
    at: datetime
    result: AttemptResult


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """An event on its way to an endpoint. ``next_at`` is None while another is before it in line."""

    id: int
    endpoint_id: int
    url: str
    event: Event
    state: DeliveryState
    attempt_count: int
    since: datetime
    next_at: datetime | None
    ended_at: datetime | None
    attempts: Sequence[WebhookAttempt] = ()


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that a sender has taken, for its ``attempt``-th attempt, ``age`` after it was asked for."""

    id: int
    endpoint: WebhookEndpoint
    event: Event
    attempt: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class WebhookFigures:
    """Of the whole farm: how many deliveries are pending and parked, and how long the oldest is pending."""

    deliveries: Mapping[DeliveryState, int]
    oldest_seconds: float
    failing_endpoints: int


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """The secrets that an endpoint's deliveries are signed with, newest first."""

    secrets: Sequence[SecretStr] = field(repr=False)
