"""What test tools take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from meterfarm.api.bodies import LARGEST
from meterfarm.api.references import ID_PATTERN
from meterfarm.records import EventKind


class EventToFire(BaseModel):
    """An event that is to be sent, as if it had happened."""

    customer_id: (
        Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | Annotated[str, Field(pattern=ID_PATTERN)]
    ) = Field(description="Our number, or external_id: and your own id.")
    event: EventKind
    bill_id: int | None = Field(
        None, ge=1, le=LARGEST, description="The bill that it is about; the newest if none is named."
    )


class FiredEvent(BaseModel):
    """The event as it stands in the outbox; deliveries of it are listed like those of any other."""

    id: int
    event: EventKind
    customer_id: int
    created_at: datetime
    test: bool = Field(description="It did not happen.")


class LoginToBreak(BaseModel):
    """When a login is to be broken."""

    after_documents: int = Field(
        0, ge=0, le=1000, description="Once the portal has handed out so many more bills and exports."
    )


class PortalToFail(BaseModel):
    """What a fake portal is to do wrong; with none of these it is well again."""

    down: bool = Field(False, description="It answers everything with 503.")
    slow_seconds: float = Field(0, ge=0, le=3600, description="Pages and documents come so late.")
    retry_after: int | None = Field(
        None, ge=0, le=3600, description="It answers everything with 429 and this Retry-After."
    )


class ToolAnswer(BaseModel):
    """It was done. ``run_id`` is the run that will notice it."""

    status: str = Field(examples=["ok"])
    details: str
    run_id: int | None
