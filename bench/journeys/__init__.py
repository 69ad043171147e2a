"""The portals that `bench farm` can measure, each in a module named by its utility's id.

A journey is what the ways have to know of a portal: how a person clicks through it, how a crawler fetches,
how its documents are read, and which requests a refresh makes. The ways themselves name no portal.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from meterfarm.console.errors import UsageError

if TYPE_CHECKING:
    import httpx
    from playwright import async_api, sync_api

    from meterfarm.bench.task import Task
    from meterfarm.records import Account, Bill, Series
    from meterfarm.scrapers.state import PortalSession
    from meterfarm.scrapers.utility import AvailableIntervals


@dataclass(frozen=True, slots=True)
class Fetched:
    """An account's documents: PDFs, and exports of readings."""

    pdfs: Sequence[bytes]
    exports: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a refresh of an account has to fetch: bills but those ``had``, by their keys, and these days."""

    account: Account
    had: Collection[str]
    spans: Callable[[AvailableIntervals], Sequence[tuple[date, date]]]


class FloorPlan(Protocol):
    """The requests of one customer's refresh. It goes to another process, so it can be pickled."""

    @property
    def rehearsal(self) -> PortalSession:
        """A session to make the requests with once before, which does no harm to the saved one."""

    async def repeat(self, client: httpx.AsyncClient, session: PortalSession) -> None:
        """Make them all. Raises BenchFailed if the portal refuses one."""


class Journey(Protocol):
    """What the ways have to know of a portal. Its customers have one account each, without MFA."""

    utility: str
    bills: int
    """An account's."""
    minutes: Sequence[int]
    """The length of the readings of each of an account's meters."""

    def username(self, number: int) -> str:
        """The name of a customer by number, from 1."""

    def sign_in_address(self, base_url: str) -> str:
        """Where a sign-in begins."""

    def click(self, page: sync_api.Page, task: Task, username: str) -> Fetched:
        """Sign in on a new page, and click what a person clicks."""

    async def crawl(self, page: async_api.Page, task: Task, username: str) -> Fetched:
        """Sign in on a page that is at the sign-in's address; documents side by side, by HTTP."""

    def read_bill(self, pages: Sequence[str]) -> Bill:
        """A bill from the text of its pages."""

    def read_readings(self, export: bytes) -> Sequence[Series]:
        """The readings of an export."""

    async def plan(
        self, client: httpx.AsyncClient, username: str, saved: PortalSession, lacking: Lacking
    ) -> FloorPlan:
        """What a refresh will ask for, found out as it does, without use of what counts once."""


def journey_ids() -> Sequence[str]:
    """The utilities that can be measured, by id."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_journey(utility_id: str) -> Journey:
    """The journey through a utility's portal.

    Raises:
        UsageError: it has none.
    """
    if utility_id not in journey_ids():
        known = " or ".join(journey_ids())
        raise UsageError(
            f"“{utility_id}” cannot be measured: bench/journeys/ has no module for it; choose {known}."
        )
    journey: Journey = import_module(f"{__name__}.{utility_id}").JOURNEY
    return journey
