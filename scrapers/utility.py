"""The contract between the engine and a utility's script."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from meterfarm.records import Account, Bill, Document, IntervalData, ListedBill
from meterfarm.scrapers.portal import Portal

if TYPE_CHECKING:  # layouts are read where no browser is installed
    from pydantic import SecretStr

    from meterfarm.scrapers.visit import Visit


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a customer signs in with."""

    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class AvailableIntervals:
    """The days, both inclusive and in the utility's zone, for which a meter's readings can be exported."""

    meter_id: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the script was seen to work at the real portal, when, and by what evidence."""

    status: str
    on: date
    evidence: str


class Utility(Portal, ABC):
    """One portal's script: what it is, declared, and how its pages are walked.

    A subclass in ``utilities/<id>/`` declares every attribute below and implements every method. Methods walk
    and hand back text or bytes through ``visit``; what they mean is read by ``read_bill`` and
    ``read_intervals``, which are pure. Methods raise ``Stop``, ``SessionEnded`` or ``ItemFailed``
    (``scrapers.outcomes``); most of the time ``visit`` does it for them.
    """

    longest_export_days: ClassVar[int]
    restated_days: ClassVar[int] = 0
    """How many of the newest days the portal may still change: asked for again once there is a newer one."""
    local_url: ClassVar[str] = ""
    """Where a portal without a public address is in development, when nothing else is said."""
    trust_days: ClassVar[int | None] = None
    """For how long a passed MFA is remembered; None if the portal does not say."""
    bill_layout: ClassVar[str]
    bill_layout_version: ClassVar[int]
    verified: ClassVar[Verified]

    @abstractmethod
    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        """From the sign-in page to being signed in, in the browser, through whatever MFA the portal asks."""

    @abstractmethod
    async def is_signed_in(self, visit: Visit) -> bool:
        """Whether the portal still knows the session; without a browser page where it can be."""

    @abstractmethod
    async def accounts(self, visit: Visit) -> Sequence[Account]:
        """Every account of the login, with its meters."""

    @abstractmethod
    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        """Every bill the portal lists, whatever its age."""

    @abstractmethod
    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        """A bill's PDF."""

    @abstractmethod
    def read_bill(self, text: Sequence[str]) -> Bill:
        """A bill from the text of its pages. Raises ``FormatError``, or ``ItemFailed`` for a placeholder."""

    @abstractmethod
    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        """For each meter with interval data, the days that can be exported."""

    @abstractmethod
    async def export_intervals(
        self, visit: Visit, account: Account, meter_id: str, first: date, last: date
    ) -> Document:
        """The export of a meter's readings, both days inclusive, at most ``longest_export_days``."""

    @abstractmethod
    def read_intervals(self, document: Document) -> IntervalData:
        """The readings in an export. Raises ``FormatError``."""
