"""Intervals as Bayou's API has them: fields, what is asked for, grids with their gaps, and flat memory."""

from __future__ import annotations

import csv
import json
import re
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.records import Account, Commodity, Direction, Measure, Meter, Reading, Series, Unit
from meterfarm.services.errors import InvalidRequest
from meterfarm.services.intervals import (
    IntervalQuery,
    TooFine,
    UnknownMeter,
    customer_interval_facts,
    find_intervals,
)
from meterfarm.services.intervals.files import as_green_button, as_parquet
from meterfarm.services.intervals.text import as_csv, as_json, as_ndjson
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, GAS, USERNAME, UTILITY, series

QUARTER, HOUR, DAY = 900, 3_600, 86_400
MIDNIGHT = 1_700_006_400
"""Of UTC: 2023-11-15."""


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    return store.customers.ensure(UTILITY, USERNAME)


@pytest.fixture
def account(store: CompanyStore, customer: Customer) -> int:
    return store.accounts.save(customer, ACCOUNT)


def _save(store: CompanyStore, account: int, *parts: Series) -> None:
    store.readings.save(account, EXPORT, "jan", parts)


def _gas(readings: Sequence[Reading], unit: Unit = Unit.THERM, exponent: int = -3) -> Series:
    measure = Measure.ENERGY if unit is Unit.THERM else Measure.VOLUME
    return Series(GAS.id, Commodity.GAS, Direction.DELIVERED, unit, exponent, readings, measure)


def _json(store: CompanyStore, customer: Customer, **query: Any) -> dict[str, Any]:
    text = b"".join(as_json(find_intervals(store, customer, IntervalQuery(**query))))
    found: dict[str, Any] = json.loads(text)
    return found


def test_readings_of_one_time_are_one_interval(store: CompanyStore, customer: Customer, account: int) -> None:
    """Energy is whole Wh with halves to the even, net follows from both ways, gas keeps its fraction."""
    received = series([1, 0], start=MIDNIGHT, direction=Direction.RECEIVED)
    demand = Series(
        ELECTRIC.id,
        Commodity.ELECTRIC,
        Direction.DELIVERED,
        Unit.W,
        3,
        [Reading(MIDNIGHT, QUARTER, 4)],
        Measure.DEMAND,
    )
    delivered = series([25, 35, 41], start=MIDNIGHT, exponent=-1)
    delivered = replace(
        delivered, readings=[*delivered.readings[:2], Reading(MIDNIGHT + HOUR, HOUR, 41, True)]
    )
    _save(store, account, delivered, received, demand, _gas([Reading(MIDNIGHT, DAY, 13400)]))
    found = _json(store, customer)
    created = found["meters"][0]["intervals"][0]["created_at"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    shared = {"gas_consumption": None, "created_at": created, "updated_at": None}
    assert found == {
        "first_interval_discovered": "2023-11-15T00:00:00Z",
        "last_interval_discovered": "2023-11-15T01:00:00Z",
        "granularities": [15, 60, 1440],
        "meters": [
            {
                "id": ELECTRIC.id,
                "account_number": ACCOUNT.number,
                "granularities": [15, 60],
                "intervals": [
                    {
                        "start": "2023-11-15T00:00:00Z",
                        "end": "2023-11-15T00:15:00Z",
                        "electricity_consumption": 2,
                        "net_electricity_consumption": 1,
                        "generated_electricity": 1,
                        "electricity_demand": 4000,
                        **shared,
                    },
                    {
                        "start": "2023-11-15T00:15:00Z",
                        "end": "2023-11-15T00:30:00Z",
                        "electricity_consumption": 4,
                        "net_electricity_consumption": 4,
                        "generated_electricity": 0,
                        "electricity_demand": None,
                        **shared,
                    },
                    {
                        "start": "2023-11-15T01:00:00Z",
                        "end": "2023-11-15T02:00:00Z",
                        "electricity_consumption": 4,
                        "net_electricity_consumption": None,
                        "generated_electricity": None,
                        "electricity_demand": None,
                        **shared,
                        "is_estimated": True,
                    },
                ],
            },
            {
                "id": GAS.id,
                "account_number": ACCOUNT.number,
                "granularities": [1440],
                "intervals": [
                    {
                        "start": "2023-11-15T00:00:00Z",
                        "end": "2023-11-16T00:00:00Z",
                        **dict.fromkeys(
                            (
                                "electricity_consumption",
                                "net_electricity_consumption",
                                "generated_electricity",
                                "electricity_demand",
                            )
                        ),
                        **shared,
                        "gas_consumption": 13.4,
                    }
                ],
            },
        ],
    }
    text = b"".join(as_json(find_intervals(store, customer, IntervalQuery()), gas_as_text=True))
    assert b'"gas_consumption":"13.4"' in text


def test_nothing_yet_is_an_empty_answer(store: CompanyStore, customer: Customer, account: int) -> None:
    assert customer_interval_facts(store, customer) is None
    assert _json(store, customer) == {
        "first_interval_discovered": None,
        "last_interval_discovered": None,
        "granularities": [],
        "meters": [],
    }
    with pytest.raises(UnknownMeter, match="meters with intervals: none"):
        _json(store, customer, meter_id=ELECTRIC.id)


def test_what_is_asked_for_is_found(store: CompanyStore, customer: Customer, account: int) -> None:
    """``start`` belongs to it and ``end`` does not, so that pages of time abut."""
    every = Meter("All meters for customer account", Commodity.ELECTRIC)
    whole = Series(
        every.id, Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, [Reading(MIDNIGHT - DAY, DAY, 7)]
    )
    _save(store, account, series(range(96), start=MIDNIGHT), whole)
    found = _json(store, customer, start=MIDNIGHT, end=MIDNIGHT + HOUR)
    assert [meter["id"] for meter in found["meters"]] == [every.id, ELECTRIC.id]
    assert (found["first_interval_discovered"], found["granularities"]) == ("2023-11-14T00:00:00Z", [15])
    assert [one["electricity_consumption"] for one in found["meters"][1]["intervals"]] == [0, 1, 2, 3]
    assert (found["meters"][0]["intervals"], found["meters"][0]["granularities"]) == ([], [])
    following = _json(store, customer, start=MIDNIGHT + HOUR, meter_id=ELECTRIC.id)
    assert [one["electricity_consumption"] for one in following["meters"][0]["intervals"]] == [*range(4, 96)]
    with pytest.raises(UnknownMeter) as refused:
        _json(store, customer, meter_id="E9")
    assert refused.value.meters == [every.id, ELECTRIC.id]


def test_the_same_energy_in_two_lengths_counts_once(
    store: CompanyStore, customer: Customer, account: int
) -> None:
    quarters = series([10] * 96, start=MIDNIGHT)
    hours = [Reading(MIDNIGHT - DAY + HOUR * i, HOUR, 40) for i in range(48)]
    _save(store, account, replace(quarters, readings=[*quarters.readings, *hours]))
    (meter,) = _json(store, customer)["meters"]
    assert sum(one["electricity_consumption"] for one in meter["intervals"]) == 24 * 40 + 96 * 10
    assert meter["granularities"] == [15, 60]
    (late,) = _json(store, customer, start=MIDNIGHT + 60)["meters"]
    assert (late["granularities"], len(late["intervals"])) == ([15], 95)


def test_gas_in_another_unit_is_not_converted(store: CompanyStore, customer: Customer, account: int) -> None:
    _save(store, account, _gas([Reading(MIDNIGHT, DAY, 12)], Unit.CCF, -1))
    (interval,) = _json(store, customer)["meters"][0]["intervals"]
    assert interval["gas_consumption"] is None
    assert (interval["gas_quantity"], interval["gas_unit"]) == (1.2, "ccf")


def test_changes_since_are_what_came_or_changed(
    store: CompanyStore, customer: Customer, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([1_000, 2_000])
    monkeypatch.setattr("meterfarm.storage.data.readings.time.time", lambda: next(clock))
    _save(store, account, series([1, 2, 3], start=MIDNIGHT))
    _save(store, account, series([1, 5, 3, 4], start=MIDNIGHT))
    (meter,) = _json(store, customer, updated_after=1_000)["meters"]
    assert [(one["electricity_consumption"], one["updated_at"]) for one in meter["intervals"]] == [
        (5, "1970-01-01T00:33:20Z"),
        (4, None),
    ]
    assert _json(store, customer, updated_after=2_000)["meters"][0]["intervals"] == []
    assert len(_json(store, customer, updated_after=999)["meters"][0]["intervals"]) == 4


def test_a_grid_has_sums_of_complete_data_and_tells_its_gaps(
    store: CompanyStore, customer: Customer, account: int
) -> None:
    """An hour that lacks a quarter is a gap; demand is the largest; a day's reading is not split."""
    quarters = [Reading(MIDNIGHT + QUARTER * i, QUARTER, 1) for i in range(12) if i != 5]
    later = [Reading(MIDNIGHT + 5 * HOUR + QUARTER * i, QUARTER, 2) for i in range(4)]
    day = [Reading(MIDNIGHT + 20 * HOUR, DAY, 99)]
    demand = Series(
        ELECTRIC.id,
        Commodity.ELECTRIC,
        Direction.DELIVERED,
        Unit.W,
        0,
        [Reading(MIDNIGHT + QUARTER * i, QUARTER, 4 * i) for i in range(4)],
        Measure.DEMAND,
    )
    _save(store, account, replace(series([]), readings=[*quarters, *later, *day]), demand)
    found = _json(store, customer, minutes=60)
    (meter,) = found["meters"]
    assert found["granularities"] == meter["granularities"] == [60]
    assert [
        (one["start"][11:13], one["electricity_consumption"], one["electricity_demand"])
        for one in meter["intervals"]
    ] == [("00", 4, 12), ("02", 4, None), ("05", 8, None)]
    assert [(gap["field"], gap["start"][8:13], gap["end"][8:13], gap["reason"]) for gap in meter["gaps"]] == [
        ("electricity_consumption", "15T01", "15T02", "incomplete"),
        ("electricity_consumption", "15T03", "15T05", "no_data"),
        ("electricity_consumption", "15T06", "15T20", "no_data"),
        ("electricity_consumption", "15T20", "16T20", "not_on_grid"),
    ]
    (part,) = _json(store, customer, minutes=60, start=MIDNIGHT + HOUR, end=MIDNIGHT + 3 * HOUR)["meters"]
    assert [one["start"][11:13] for one in part["intervals"]] == ["02"]
    assert [gap["reason"] for gap in part["gaps"]] == ["incomplete"]


def test_a_grid_of_days_has_local_days(store: CompanyStore, customer: Customer, account: int) -> None:
    """New York's 2023-11-05 had 25 hours, 2024-03-10 had 23. A grid finer than the data is refused."""
    zone = ZoneInfo("America/New_York")
    first, last = (int(datetime(*day, tzinfo=zone).timestamp()) for day in ((2023, 11, 4), (2024, 3, 12)))
    _save(store, account, _gas([Reading(at, HOUR, 1500) for at in range(first, last, HOUR)]))
    (meter,) = _json(store, customer, minutes=1440)["meters"]
    by_day = {one["start"][:13]: one["gas_consumption"] for one in meter["intervals"]}
    assert (by_day["2023-11-05T04"], by_day["2024-03-10T05"], by_day["2023-12-01T05"]) == (37.5, 34.5, 36.0)
    assert (len(by_day), meter["gaps"]) == (129, [])
    with pytest.raises(TooFine, match="60 minutes long and are not split into 15"):
        _json(store, customer, minutes=15)
    with pytest.raises(InvalidRequest, match="15, 30, 60, 1440"):
        _json(store, customer, minutes=17)


def test_csv_and_lines_of_json_have_the_same_intervals(
    store: CompanyStore, customer: Customer, account: int
) -> None:
    account = store.accounts.save(
        customer, Account("=1+1", "", None, (Meter('M"%s', Commodity.ELECTRIC), replace(GAS)))
    )
    made = replace(series(range(5), start=MIDNIGHT), meter_id='M"%s')
    _save(store, account, made, _gas([Reading(MIDNIGHT, DAY, 1, True)], Unit.M3))
    lines = [json.loads(line) for line in b"".join(as_ndjson(_found(store, customer))).splitlines()]
    assert [line["meter_id"] for line in lines] == [GAS.id, *['M"%s'] * 5]
    assert {line["account_number"] for line in lines} == {"=1+1"}
    assert lines[1]["start"] == "2023-11-15T00:00:00Z"
    table = list(csv.DictReader(StringIO(b"".join(as_csv(_found(store, customer))).decode())))
    assert [row["electricity_consumption"] for row in table if row["meter_id"] == 'M"%s'] == [*"01234"]
    (gas,) = (row for row in table if row["meter_id"] == GAS.id)
    assert {
        name: gas[name] for name in ("account_number", "gas_consumption", "gas_quantity", "gas_unit")
    } == {
        "account_number": "'=1+1",
        "gas_consumption": "",
        "gas_quantity": "0.001",
        "gas_unit": "m3",
    }
    assert (gas["is_estimated"], gas["updated_at"]) == ("true", "")


def test_parquet_and_green_button_have_them_too(
    store: CompanyStore, customer: Customer, account: int
) -> None:
    """In Parquet a row an interval, exactly; a Green Button feed reads as what is stored."""
    _save(store, account, series(range(5_000), start=MIDNIGHT), _gas([Reading(MIDNIGHT, DAY, 1)]))
    table = parquet.read_table(BytesIO(b"".join(as_parquet(_found(store, customer)))))
    rows = table.to_pylist()
    assert [row["electricity_consumption"] for row in rows[:5_000]] == list(range(5_000))
    assert (rows[5_000]["gas_consumption"], rows[5_000]["gas_unit"]) == (Decimal("0.001"), None)
    assert rows[0]["end"] == datetime(2023, 11, 15, 0, 15, tzinfo=UTC)
    feed = b"".join(as_green_button(_found(store, customer)))
    read = {one.meter_id: one for one in read_green_button(feed).series}
    for meter_id in (ELECTRIC.id, GAS.id):
        (stored,) = store.readings.series(account, meter_id)
        assert list(read[meter_id].readings) == list(stored.readings)


def _found(store: CompanyStore, customer: Customer) -> Any:
    return find_intervals(store, customer, IntervalQuery())


def test_memory_does_not_grow_with_the_years(store: CompanyStore, customer: Customer, account: int) -> None:
    """Three times as many intervals take no more of it; the first piece is there before any is read."""
    _save(store, account, series(range(20_000), start=MIDNIGHT))

    def peak(end: int | None) -> int:
        tracemalloc.start()
        size = sum(map(len, as_json(find_intervals(store, customer, IntervalQuery(end=end)))))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size > 0
        return used

    some = peak(MIDNIGHT + 6_000 * QUARTER)
    assert peak(None) < 1.5 * some
