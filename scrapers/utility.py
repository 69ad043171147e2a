"""The contract between the engine and a utility's script."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from meterfarm.records import Account, Bill, Document, Factor, IntervalData, ListedBill, Meter, Part
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
class Capabilities:
    """What a portal offers: bills, interval data, or both, and what is known of them.

    ``granularities`` are the usual lengths of readings in seconds; ``longest_export_days`` says for each of
    them how many days one export may hold. ``history_days``: how far back there is anything, None if that is
    not known. ``expected_lag``: how long after the end of a day its readings are there.
    """

    bills: bool = True
    intervals: bool = True
    granularities: Sequence[int] = ()
    history_days: int | None = None
    expected_lag: timedelta = timedelta(days=1)
    longest_export_days: Mapping[int, int] = field(default_factory=dict)

    @property
    def parts(self) -> frozenset[Part]:
        """What a run can collect."""
        offered = {Part.BILLS: self.bills, Part.INTERVALS: self.intervals}
        return frozenset(part for part, is_offered in offered.items() if is_offered)

    def export_days(self, granularity: int | None = None) -> int:
        """How many days an export of such readings may hold; the fewest there are, if that is not known."""
        return self.longest_export_days.get(granularity or 0) or min(self.longest_export_days.values())


@dataclass(frozen=True, slots=True)
class AvailableIntervals:
    """The days, both inclusive and in the utility's zone, for which a meter's readings can be exported.

    ``granularity`` is their usual length in seconds, ``more_in`` how soon there will be more; None if the
    portal does not say.
    """

    meter_id: str
    first: date
    last: date
    granularity: int | None = None
    more_in: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the script was seen to work at the real portal, when, and by what evidence."""

    status: str
    on: date
    evidence: str


class Utility(Portal, ABC):
    """One portal's script: what it is, declared, and how its pages are walked.

    A subclass in ``utilities/<id>/`` declares every attribute below, and implements the methods of the parts
    that its ``capabilities`` name. Methods walk and hand back text or bytes through ``visit``; what they mean
    is read by ``read_bill`` and ``read_intervals``, which are pure. Methods raise ``Stop``, ``SessionEnded``
    or ``ItemFailed`` (``scrapers.outcomes``); most of the time ``visit`` does it for them.
    """

    capabilities: ClassVar[Capabilities]
    restated_days: ClassVar[int] = 0
    """How many of the newest days the portal may still change: asked for again once there is a newer one."""
    local_url: ClassVar[str] = ""
    """Where a portal without a public address is in development, when no other is configured."""
    is_fake: ClassVar[bool] = False
    """Whether its portal is a fake one, which only a company's test side has customers of."""
    aliases: ClassVar[Sequence[str]] = ()
    """What else the company is called: names by which people find it."""
    factors: ClassVar[frozenset[Factor]] = frozenset()
    """By what the portal is known to challenge customers."""
    meter_attributes: ClassVar[Sequence[str]] = ()
    """The names of the additional attributes that its meters have."""
    trust_days: ClassVar[int | None] = None
    """For how long a passed MFA is remembered; None if the portal does not say."""
    within_hours: ClassVar[int] = 0
    """By when after the first sign-in all that the portal has is there: exports that it makes in its own time
    may take hours. 0: within a minute."""
    verified: ClassVar[Verified]

    @classmethod
    def implements(cls, method: str) -> bool:
        """Whether the script has this optional method."""
        return getattr(cls, method) is not getattr(Utility, method)

    def __new__(cls) -> Self:
        """A script that implements what it declares.

        Raises:
            TypeError: it lacks methods of a part that its capabilities name.
        """
        lacking = [
            name
            for part in sorted(cls.capabilities.parts)
            for name in _METHODS[part]
            if not cls.implements(name)
        ]
        if cls.bill_layout and not cls.implements("read_bill"):
            lacking.append("read_bill")
        if lacking:
            raise TypeError(f"{cls.__name__} does not implement {', '.join(lacking)}, which it declares.")
        return super().__new__(cls)

    @abstractmethod
    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        """From the sign-in page to being signed in, in the browser, through whatever MFA the portal asks."""

    @abstractmethod
    async def is_signed_in(self, visit: Visit) -> bool:
        """Whether the portal still knows the session; without a browser page where it can be."""

    @abstractmethod
    async def accounts(self, visit: Visit) -> Sequence[Account]:
        """Every account of the login, with its meters."""

    async def authorise(self, visit: Visit, *, renew: bool) -> Mapping[str, str]:
        """The headers, as ``Authorization``, that requests to ``api_hosts`` carry; for portals that want any.

        Asked for before the first such request, and kept for the visit; with ``renew`` once more after one
        was refused with HTTP 401. Requests that it makes itself carry none.
        """
        raise NotImplementedError

    def authoriser(self) -> Callable[..., Awaitable[Mapping[str, str]]] | None:
        """See ``Portal``."""
        return self.authorise if type(self).authorise is not Utility.authorise else None

    # A portal with bills implements these. With a layout of its bills it declares that, and reads by it.

    bill_layout: ClassVar[str] = ""
    """Empty if there is none: what is certain of any bill is read."""
    bill_layout_version: ClassVar[int] = 0

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        """Every bill the portal lists, whatever its age."""
        raise NotImplementedError

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        """A bill's PDF."""
        raise NotImplementedError

    def read_bill(self, text: Sequence[str]) -> Bill:
        """A bill from the text of its pages.

        Raises:
            FormatError: it is of a layout that this does not know.
            ItemFailed: it is a placeholder.
        """
        raise NotImplementedError

    # A portal with interval data implements these.

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        """For each meter with interval data, the days that can be exported."""
        raise NotImplementedError

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        """The export of a meter's readings, both days inclusive, no longer than the capabilities allow.

        Raises:
            ExportPending: the portal is still making it; for scripts that implement ``resume_export``.
            ExportFailed: the portal failed at making it; it is asked for anew, a few times.
        """
        raise NotImplementedError

    async def resume_export(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date, key: str
    ) -> Document:
        """An export that an earlier run asked for, by the key that it kept: for portals that take their time.

        Raises:
            ExportPending: the portal is still making it.
            ExportFailed: the portal failed at making it, or does not know it any more.
        """
        raise NotImplementedError

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        """The readings in an export that was asked for of ``meter``; its series go by that meter's id.

        Raises:
            FormatError: it cannot be read.
        """
        raise NotImplementedError


_METHODS = {
    Part.BILLS: ("bills", "bill_pdf"),
    Part.INTERVALS: ("available_intervals", "export_intervals", "read_intervals"),
}
