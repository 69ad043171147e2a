"""What a company with a form of its own sends and gets: logins, challenges, consents, runs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from meterfarm.records import ChallengeState, Factor, Outcome, RunKind, RunState, WhoActs
from meterfarm.services.customer_fields import LONGEST_NAME, LONGEST_SECRET


class Login(BaseModel):
    """A login at the customer's utility. It is kept encrypted, and never given back."""

    username: str = Field(max_length=LONGEST_NAME)
    password: str = Field(max_length=LONGEST_SECRET, json_schema_extra={"format": "password"})
    utility: str | None = Field(None, description="Of a customer who has none yet.")
    totp_secret: str | None = Field(
        None, max_length=LONGEST_SECRET, description="That of an authenticator app."
    )
    security_answers: dict[str, str] | None = Field(None, description="Answers by their questions.")


class QueuedRun(BaseModel):
    """A run that was queued."""

    run_id: int | None


class Option(BaseModel):
    """A factor to choose."""

    factor: Factor
    label: str
    destination: str


class Challenge(BaseModel):
    """What a portal asks. ``factor`` is null where one of ``options`` is to be chosen."""

    id: int
    customer_id: int
    run_id: int
    state: ChallengeState
    factor: Factor | None
    prompt: str
    destination: str
    options: list[Option]
    error: str = Field(description="The portal's words about the answer before.")
    attempts_left: int | None
    can_resend: bool
    answered_by: str = Field(description="What answers by itself, and how that goes; empty if nothing does.")
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None


class GivenCode(BaseModel):
    """The code, or the answer to a question."""

    answer: str


class ChosenFactor(BaseModel):
    """The factor to use."""

    factor: Factor


class LedgerEntry(BaseModel):
    """One thing that the portal listed, and what became of it."""

    account_number: str
    item: str
    became: Literal["stored", "unread", "pending", "missing"]
    reason: str


class Run(BaseModel):
    """One attempt to sign in (connect) or to fetch (collect)."""

    id: int
    customer_id: int
    kind: RunKind
    state: RunState
    outcome: Outcome | None
    who_acts: WhoActs | None
    message: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    listed: int
    stored: int


class RunDetails(Run):
    """A run with what it listed and what it asked."""

    ledger: list[LedgerEntry]
    challenges: list[Challenge]


class GivenConsent(BaseModel):
    """What the customer allowed: to fetch their bills and intervals."""

    method: str | None = Field(
        "api",
        max_length=LONGEST_NAME,
        pattern=r"\S",
        description="How they allowed it, as `signed form 2026-11`.",
    )
    terms_hash: str | None = Field(
        "", max_length=LONGEST_NAME, description="A hash of the terms that they were shown."
    )
    expires_at: datetime | None = Field(None, description="Until when; null until it is revoked.")


class Consent(BaseModel):
    """A consent as it stands."""

    status: Literal["active", "expired", "revoked"]
    scope: list[Literal["bills", "intervals"]]
    method: str
    terms_hash: str
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
