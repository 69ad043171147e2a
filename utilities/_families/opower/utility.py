"""A utility that the library opower serves: accounts, and readings at the finest resolution that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from meterfarm.records import Account, Commodity, Document, IntervalData, Meter
from meterfarm.scrapers.outcomes import SessionEnded, Sign
from meterfarm.scrapers.utility import AvailableIntervals, Capabilities, Credentials, Utility, Verified
from meterfarm.utilities._families.opower.declarations import Declared
from meterfarm.utilities._families.opower.outcomes import SIGNS
from meterfarm.utilities._families.opower.reading import read_export

if TYPE_CHECKING:
    from meterfarm.scrapers.visit import Visit
    from meterfarm.utilities._families.opower.serving import Serving

_COMMODITIES = {"ELEC": Commodity.ELECTRIC, "GAS": Commodity.GAS, "WATER": Commodity.WATER}
_HISTORY_DAYS = 3 * 363
"""Opower keeps about three years; the library asks for a year of days at once."""


class OpowerUtility(Utility):
    """By the library. Its requests are the visit's own, and no page is opened."""

    declared: ClassVar[Declared]
    needs_browser: ClassVar[bool] = False
    extra: ClassVar[str] = "opower"
    signs: ClassVar[Sequence[Sign]] = SIGNS
    session_concurrency: ClassVar[int] = 2
    max_concurrency: ClassVar[int] = 2
    max_rate: ClassVar[float] = 4
    capabilities: ClassVar[Capabilities] = Capabilities(
        bills=False,
        granularities=(900, 1_800, 3_600, 86_400),
        history_days=_HISTORY_DAYS,
        expected_lag=timedelta(days=2),
        longest_export_days={900: 6, 1_800: 6, 3_600: 26, 86_400: 363},
    )
    verified: ClassVar[Verified] = Verified(
        "unverified", date(2026, 12, 1), "the library opower 0.22.4 serves it; not tried here"
    )

    def username_problem(self, username: str) -> str:
        """Some want an e-mail address, some a name: none of them is empty."""
        if username.strip() == username and 0 < len(username) <= 254 and " " not in username:
            return ""
        return f"{self.name} wants a user name without blanks, not “{username}”."

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        """See ``Utility``."""
        from meterfarm.utilities._families.opower.serving import Serving

        await Serving.begun(visit, self.declared, credentials)

    async def is_signed_in(self, visit: Visit) -> bool:
        """See ``Utility``."""
        await self._serving(visit)
        return True

    async def _serving(self, visit: Visit) -> Serving:
        from meterfarm.utilities._families.opower.serving import Seen, Serving

        seen = visit.state(Seen)
        if seen.serving is None:
            if not self.declared.keeps_login:
                raise SessionEnded(f"{self.name} keeps no session.")
            seen.serving = await Serving.begun(visit, self.declared, None)
        return seen.serving

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        """By the number that customers know; each of the library's accounts is a meter of one."""
        found = await (await self._serving(visit)).accounts()
        meters: dict[str, list[Meter]] = {}
        for one in found:
            commodity = _COMMODITIES.get(one.meter_type.value, Commodity.OTHER)
            meters.setdefault(one.utility_account_id, []).append(Meter(one.uuid, commodity))
        return [Account(number, meters=its, key=number) for number, its in meters.items()]

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        """From the first day that has a reading to the last, of the three years that are kept."""
        from meterfarm.utilities._families.opower.serving import Seen, finest

        serving = await self._serving(visit)
        known: Mapping[str, object] = visit.state(Seen).accounts
        today = datetime.now(self.zone).date()
        offers = []
        for meter in account.meters:
            one = visit.state(Seen).accounts.get(meter.id) if meter.id in known else None
            if one is None or (by := finest(one)) is None or serving.unit(one) is None:
                continue
            days = await serving.days_with_readings(one, today - timedelta(days=_HISTORY_DAYS), today)
            if days:
                offers.append(AvailableIntervals(meter.id, days[0], days[-1], by[1]))
        return offers

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        """See ``Utility``."""
        from meterfarm.utilities._families.opower.serving import Seen

        serving = await self._serving(visit)
        one = visit.state(Seen).accounts[meter.id]
        return await serving.export(one, first, last)

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        """See ``Utility``."""
        return read_export(document.content, self.zone, meter)
