"""What a stand-in itself knows of a customer's readings."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from meterfarm.fake_utility._opower.apis import Service, services
from meterfarm.fake_utility._opower.customers import Household
from meterfarm.fake_utility._opower.usage import Window, first_day, reads
from meterfarm.fake_utility.kit.calendar import ONE_DAY
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.figures import AccountFigures, Reading, SeriesFigures, account_facts


def figures(zone: ZoneInfo, customer: Customer, today: date) -> Sequence[AccountFigures]:
    """As of a day, whose midnights are those of the zone."""
    if not isinstance(customer, Household):
        raise TypeError(f"{customer.username} is no customer of a stand-in")
    return [
        AccountFigures(
            account.number,
            account_facts(account),
            [],
            [
                _series(customer, service, direction, zone, today)
                for service in services(customer)
                if service.account == account and not service.meter.new
                for direction in service.meter.directions
            ],
        )
        for account in customer.accounts
    ]


def _series(
    household: Household, service: Service, direction: str, zone: ZoneInfo, today: date
) -> SeriesFigures:
    def readings(first: date, last: date) -> Iterable[Reading]:
        start, end = (
            datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
            for day in (first, last + ONE_DAY)
        )
        step = "quarter_hour" if service.meter.commodity == "electric" else "hour"
        for read in reads(household, service.meter, Window(start, end, step), zone, today):
            value = read.imported if direction == "delivered" else read.exported
            yield read.start, read.end - read.start, value, read.estimated

    return SeriesFigures(
        service.uuid, direction, (first_day(household, today), today - timedelta(days=1)), readings
    )
