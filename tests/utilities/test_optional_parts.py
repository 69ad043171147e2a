"""A portal with one part alone: a run, what follows from it, and its summary know nothing of the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from starlette.routing import BaseRoute

from meterfarm.console.scraping.summary import summary_json
from meterfarm.farm.policy import follow_up, offered
from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome, Part, RunKind
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.runs.local_run import LocalRun
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.utility import Utility
from meterfarm.services.summary import summarise_result
from meterfarm.storage.runs import Claim, Lease
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.utilities import bills_only, intervals_only

EVERY = {Part.BILLS: timedelta(days=1), Part.INTERVALS: timedelta(hours=1)}
ALONE: dict[Part, tuple[Utility, Sequence[BaseRoute]]] = {
    Part.BILLS: (bills_only.UTILITY, bills_only.routes()),
    Part.INTERVALS: (intervals_only.UTILITY, intervals_only.routes()),
}


async def never() -> NoReturn:
    raise AssertionError("a password was asked for")


async def collect(
    store: CompanyStore, site: Site, utility: Utility, scratch: Path, **given: object
) -> RunResult:
    """A run from a saved session."""
    customer = store.customers.ensure(utility.id, "ada@example.org")
    session = PortalSession({"cookies": [], "origins": []}).to_bytes()
    store.credentials.save_session(customer, session, trusted_since=None)
    request = RunRequest(utility, site.url, customer.username, never, Nobody(), **given)  # type: ignore[arg-type]  # by name
    async with Chromium(["127.0.0.1"], scratch) as chromium:
        return await LocalRun(request, store, chromium, Secrets(), NoProgress(), scratch / "evidence").run()


@pytest.mark.parametrize("part", ALONE)
async def test_a_run_collects_the_one_part_and_names_no_other(part: Part, tmp_path: Path) -> None:
    utility, routes = ALONE[part]
    with Store.open(Settings(home=tmp_path / "home")).of() as store, local_site(routes) as site:
        result = await collect(store, site, utility, tmp_path)
        assert (result.outcome, set(result.finished)) == (Outcome.COMPLETE, {part})
        items = [item.item for item in result.ledger]
        if part is Part.BILLS:
            assert items == [f"bill of {day} ({day})" for day in bills_only.BILLED]
            assert len(store.bills.of_account(store.accounts.list(result.customer)[0].id)) == 2
        else:
            assert items == ["intervals E8 2026-10"]
            exports = [path for path in site.requested if "export" in path]
            assert exports == ["/export/2026-10-01/2026-10-05", "/export/2026-10-06/2026-10-10"]
        summary: dict[str, Any] = summary_json(summarise_result(store, result))
        (account,) = summary["accounts"]
        assert ("bills" in account) is (part is Part.BILLS)
        assert ("readings" in account["meters"][0]) is (part is Part.INTERVALS)
        again = await collect(store, site, utility, tmp_path)
        assert (again.outcome, sum(item.downloaded for item in again.ledger)) == (Outcome.COMPLETE, 0)
        (other,) = set(Part) - {part}
        nothing = await collect(store, site, utility, tmp_path, parts=frozenset({other}))
        assert (nothing.outcome, *nothing.ledger, *nothing.finished) == (Outcome.COMPLETE,)


@pytest.mark.parametrize("part", ALONE)
def test_the_other_part_never_falls_due(part: Part, tmp_path: Path) -> None:
    utility, _ = ALONE[part]
    every = offered(EVERY, utility)
    assert every == {part: EVERY[part]}
    with Store.open(Settings(home=tmp_path)).of() as store:
        customer = store.customers.ensure(utility.id, "ada@example.org")
        now = datetime.now(UTC)
        signed_in = follow_up(
            Claim(Lease(1, 1), customer, RunKind.CONNECT, frozenset(Part), 1, 0),
            RunResult(customer, Outcome.COMPLETE, ""),
            now,
            every,
        )
        assert set(signed_in.due) == set(signed_in.next_parts) == {part}
        collected = follow_up(
            Claim(Lease(1, 1), customer, RunKind.COLLECT, frozenset(Part), 1, 0),
            RunResult(customer, Outcome.PARTIAL, "", finished=frozenset({part})),
            now,
            every,
        )
        assert set(collected.due) == set(collected.ready) == {part}
