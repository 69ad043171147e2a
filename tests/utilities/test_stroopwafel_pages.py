"""Stroopwafel Energy's pages worked as a script may: a bill by its popup, an export by its widget."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from meterfarm.fake_utility.stroopwafel_energy import PORTAL
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.body import EXPORT
from meterfarm.scrapers.outcomes import Sign, Stop
from meterfarm.scrapers.utility import Credentials
from meterfarm.scrapers.visit import Visit
from meterfarm.support.local_hosts import read_local_hosts
from meterfarm.support.redact import Secrets
from meterfarm.utilities.stroopwafel_energy import UTILITY
from tests.fake_portal import fake_portals

_FIRST, _LAST = date(2026, 11, 1), date(2026, 11, 2)


async def test_what_comes_by_the_api_comes_by_the_pages_too(tmp_path: Path) -> None:
    """A window that turns into a signed address, a lazy iframe with a shadow root; and no bill is paid."""
    with fake_portals(tmp_path / "portals", now="2026-11-21T09:00") as at:
        hosts = read_local_hosts(Path(at.hosts))
        async with (
            Chromium(PORTAL.hosts, tmp_path / "scratch", local_hosts=hosts) as chromium,
            Visit(UTILITY, UTILITY.home, chromium, Nobody(), Secrets()) as visit,
        ):
            await UTILITY.sign_in(visit, Credentials("sanne@stroopwafel.example", SecretStr("x")))
            (account,) = await UTILITY.accounts(visit)
            newest, older, *_ = await UTILITY.bills(visit, account)
            page = visit.page
            await page.open(f"/account/{account.key}/billing")
            await page.arrive(Sign("billing", heading="Billing"))
            for control, bill in (
                (page.button("View bill"), newest),
                (page.button("Download PDF").first, older),
            ):
                shown, sent = await visit.capture(control), await UTILITY.bill_pdf(visit, account, bill)
                assert pdf_text(shown.content) == pdf_text(sent.content)
            with pytest.raises(Stop) as refused:
                await page.press(page.button("Pay bill"))
            assert refused.value.outcome is Outcome.ACTION_REQUIRED
            await page.open(f"/account/{account.key}/usage")
            await page.arrive(Sign("usage", heading="Usage"))
            widget, meter = page.frame("iframe[title='Export my usage']"), account.meters[0]
            await page.choose(widget.label("Meter"), meter.id)
            await page.fill(widget.label("From"), str(_FIRST), secret=False)
            await page.fill(widget.label("To", exact=True), str(_LAST), secret=False)
            by_widget = await visit.capture(widget.button("Export"), EXPORT)
            by_api = await UTILITY.export_intervals(visit, account, meter, _FIRST, _LAST)
            assert UTILITY.read_intervals(by_widget, meter) == UTILITY.read_intervals(by_api, meter)
