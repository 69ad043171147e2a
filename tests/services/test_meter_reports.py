"""What a meter's report says: what is covered, what is missing and why, how fresh it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from meterfarm.records import LedgerItem, Outcome, Reading
from meterfarm.services.meter_reports import meter_reports
from meterfarm.storage.store import CompanyStore
from tests.storage.made import (
    ACCOUNT,
    ELECTRIC,
    EXPORT,
    GAS,
    USERNAME,
    UTILITY,
    begun,
    bill,
    listed,
    pdf,
    save_bill,
    series,
)

MIDNIGHT, HOUR, DAY = 1_700_006_400, 3_600, 86_400


def test_none_is_told_from_not_yet_and_gaps_have_reasons(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    account = store.accounts.save(customer, ACCOUNT)
    electric, gas = meter_reports(store, customer)
    assert (electric.id, electric.main, electric.bill_coverage) == (ELECTRIC.id, None, [])
    assert electric.notes == ["No intervals are stored yet: they have not been looked for."]
    assert electric.freshness.last_looked is None

    hours = [Reading(MIDNIGHT + HOUR * i, HOUR, 5) for i in range(96) if i not in (30, 40, 41)]
    store.readings.save(account, EXPORT, "jan", [replace(series([]), readings=hours)])
    store.pending_exports.keep(account, ELECTRIC.id, (date(2023, 12, 1), date(2023, 12, 31)), "job")
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    missing = LedgerItem(
        ACCOUNT.number, f"intervals {ELECTRIC.id} 2023-11", False, reason="the export was empty."
    )
    store.runs.finish(begun(store, customer), Outcome.PARTIAL, "", ledger=[missing])

    electric, gas = meter_reports(store, customer)
    assert electric.main is not None
    assert (electric.main.readings, len(electric.main.ranges), len(electric.main.gaps)) == (93, 3, 2)
    assert (electric.bill_coverage, electric.bills) == ([(date(2025, 12, 1), date(2025, 12, 31))], 1)
    assert electric.notes == [
        "Intervals are stored up to 2023-11-19 00:00 UTC; the utility shows them about 1 d later.",
        "2 gaps are in them, the longest from 2023-11-16 16:00 to 2023-11-16 18:00 UTC.",
        "The portal is still making the export of 2023-12-01 to 2023-12-31.",
        "Of 2023-11 something is missing: the export was empty.",
    ]
    assert electric.freshness.last_looked is not None
    assert electric.freshness.last_new_value is not None
    assert (gas.id, gas.notes) == (GAS.id, ["No intervals are stored: the portal showed none of this meter."])
    assert gas.freshness.last_new_value is None
