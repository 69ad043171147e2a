"""Of the newest available day some readings are provisional; a day later they are final."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest

from meterfarm.fake_utility.kit.accounts import Direction, Meter
from meterfarm.fake_utility.kit.readings import day_of_readings
from meterfarm.fake_utility.kit.restating import provisional_day
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from tests.fake_utility.visitor import House, Visitor

VALID = "iamvalid@bayou.energy"
SOLAR = "solar@speculoos.example"
NEWEST = date(2026, 11, 20)
XML = re.compile(
    r"<IntervalReading>(?P<estimated><ReadingQuality><quality>8</quality></ReadingQuality>)?"
    r"<timePeriod><duration>\d+</duration><start>(?P<start>\d+)</start></timePeriod><value>(?P<value>\d+)<"
)
CSV = re.compile(
    r"^(?P<start>[\w ]+,[\d-]+,[\d:]+),[\d:]+,(?P<value>[\d.]+),\w+,(?P<estimated>Estimated)?\r$",
    re.MULTILINE,
)

Row = tuple[str, str, bool]


def rows(text: str, kind: str) -> list[Row]:
    """Each reading of an export: when, how much, estimated or not."""
    found = (XML if kind == "xml" else CSV).finditer(text)
    return [(one["start"], one["value"], bool(one["estimated"])) for one in found]


@pytest.mark.parametrize(("email", "place"), [(VALID, 0), (VALID, 1), (SOLAR, 0)])
@pytest.mark.parametrize("kind", ["xml", "csv"])
async def test_a_day_later_exactly_the_provisional_readings_differ(
    house: House, visitor: Visitor, email: str, place: int, kind: str
) -> None:
    meter = CUSTOMERS[email].accounts[0].meters[place]
    account = await visitor.account(email, keep=True)
    address = f"{account}/usage/export?meter={meter.id}&from=2026-11-18&to={NEWEST}&format={kind}"
    first = rows((await visitor.get(address)).text, kind)
    house.move(days=1)
    then = rows((await visitor.get(address)).text, kind)
    house.move(days=20)
    assert rows((await visitor.get(address)).text, kind) == then

    changed = [n for n, (old, new) in enumerate(zip(first, then, strict=True)) if old != new]
    assert [row[0] for row in first] == [row[0] for row in then]
    assert all(first[n][2] and first[n][1] != then[n][1] for n in changed)
    assert changed == changed_by_the_rule(meter)
    assert len(changed) >= 3


def changed_by_the_rule(meter: Meter) -> list[int]:
    """The places, among three days' readings in each direction, where the newest day is told otherwise."""
    places, before = [], 0
    for direction in meter.directions:
        earlier = [day_of_readings(meter, direction, NEWEST - timedelta(days=n)) for n in (2, 1)]
        before += sum(len(day.values) for day in earlier)
        final, told = day_of_readings(meter, direction, NEWEST), provisional_day(meter, direction, NEWEST)
        pairs = zip(final.values, told.values, strict=True)
        places += [before + n for n, (old, new) in enumerate(pairs) if old != new]
        before += len(final.values)
    return places


@pytest.mark.parametrize(
    ("place", "direction", "day", "count"),
    [
        (0, "delivered", NEWEST, 12),
        (1, "delivered", NEWEST, 3),
        (1, "delivered", date(2026, 11, 1), 3),
        (0, "delivered", date(2026, 3, 8), 12),
    ],
)
def test_one_reading_in_eight_is_provisional(place: int, direction: Direction, day: date, count: int) -> None:
    meter = CUSTOMERS[VALID].accounts[0].meters[place]
    final, told = day_of_readings(meter, direction, day), provisional_day(meter, direction, day)
    changed = [n for n, pair in enumerate(zip(final.values, told.values, strict=True)) if len(set(pair)) > 1]
    assert count - 1 <= len(changed) <= count + 1
    assert {*told.estimated} == {*changed, *final.estimated}
    assert all(earlier < later for earlier, later in pairwise(changed))
    for n in changed:
        assert abs(told.values[n] - final.values[n]) <= max(1, final.values[n] // 8)


def test_a_day_is_told_the_same_each_time_and_otherwise_in_each_direction() -> None:
    meter = CUSTOMERS[SOLAR].accounts[0].meters[0]
    delivered, received = (provisional_day(meter, direction, NEWEST) for direction in meter.directions)
    assert delivered == provisional_day(meter, "delivered", NEWEST)
    assert set(delivered.estimated) != set(received.estimated)
    night = received.values[:16]
    assert not any(night), "no sun is made up at night"
