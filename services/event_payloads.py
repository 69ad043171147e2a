"""Events as Bayou's webhooks word them, rendered from the store as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from meterfarm.formats.bills.bayou import meter_type
from meterfarm.records import BillStatus, Commodity, EventKind, Outcome
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.links import onboarding
from meterfarm.services.readiness import account_facts
from meterfarm.services.utilities import velocity
from meterfarm.storage.customers import CustomerRecord, Event
from meterfarm.storage.data import CustomerFacts
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import stamp

_DAY = timedelta(days=1)
_BESIDE = ("test", "request_id")
"""Facts that stand beside the object."""
_READ = (BillStatus.LOCKED, BillStatus.UNLOCKED)
_REASONS = {
    **dict.fromkeys(
        (Outcome.BAD_CREDENTIALS, Outcome.ACCOUNT_LOCKED, Outcome.PASSWORD_CHANGE_REQUIRED),
        "credentials_are_invalid",
    ),
    **dict.fromkeys(
        (Outcome.MFA_REQUIRED, Outcome.MFA_FAILED, Outcome.MFA_EXPIRED), "mfa_factor_has_expired"
    ),
}
_OTHER_REASON = "customer_action_is_required"
_Object = dict[str, Any]


class EventRendering:
    """Renders events of one farm. ``public_url`` begins their links."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._bills = BillRendering(public_url)

    def of(self, store: CompanyStore, event: Event) -> dict[str, object]:
        """Its name, and an object of the shape that this kind of event has.

        Beside them ``test`` if it was only fired, and ``request_id`` if a request of the API did it.
        """
        about = {name: event.facts[name] for name in _BESIDE if event.facts.get(name)}
        facts = {name: value for name, value in event.facts.items() if name not in _BESIDE}
        return {
            "event": event.kind.value,
            "object": self._object(store, replace(event, facts=facts)),
            **about,
        }

    def _object(self, store: CompanyStore, event: Event) -> _Object:
        if event.kind in (EventKind.NEW_BILL, EventKind.UPDATED_BILL):
            return self._bill(store, event)
        record = store.customers.record(event.customer_id)
        ids = _ids(event, record)
        utility = {"utility": record.utility if record else event.facts["utility"]}
        soon = {**utility, "utility_data_velocity": velocity(utility["utility"])}
        if event.kind is EventKind.NEW_UNPARSED_BILL:
            return self._unparsed_bill(store, event, ids, soon)
        if event.kind is EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS:
            names = ("has_filled_credentials", "has_filled_credentials_on")
            about = {name: event.facts[name] for name in names}
            return {**ids, **soon, **about}
        if event.kind is EventKind.CUSTOMER_MUST_REAUTHENTICATE:
            link = onboarding(store.farm, self._public_url, store.company_id, event.customer_id)
            reason = _REASONS.get(Outcome(event.facts["outcome"]), _OTHER_REASON)
            return {**ids, "reason": reason, "onboarding_token": link.token, "onboarding_link": link.link}
        if event.kind is EventKind.BILLS_READY:
            return {**ids, **self._bills_ready(store, event)}
        if event.kind is EventKind.INTERVALS_READY:
            facts = account_facts(store, record.holder_id if record else event.customer_id)
            return {**ids, **_discovered(facts), **_available_intervals(event.facts["meters"])}
        if event.kind is EventKind.NEW_INTERVALS:
            facts = account_facts(store, record.holder_id if record else event.customer_id)
            return {**ids, **utility, **_discovered(facts), **_new_intervals(event.facts, facts)}
        return {**ids, **event.facts}

    def _bill(self, store: CompanyStore, event: Event) -> _Object:
        bill = store.bills.by_id(event.facts["id"])
        if bill is None:
            return {"customer_id": event.customer_id, **event.facts}
        rendered = self._bills.of(store, bill, for_webhook=True)
        return rendered | _of_sharer(event, bill.customer_id)

    def _unparsed_bill(
        self, store: CompanyStore, event: Event, ids: _Object, utility: Mapping[str, object]
    ) -> _Object:
        """By then it may have been read; that is another event."""
        bill = store.bills.by_id(event.facts["id"])
        status = BillStatus.UNPARSED if bill is None or bill.status in _READ else bill.status
        file_url = None if bill is None else self._bills.of(store, bill).get("file_url")
        return {
            "external_id": bill.external_id if bill else None,
            "id": event.facts["id"],
            "status": status.value,
            "customer_id": ids["customer_id"],
            "customer_external_id": ids["customer_external_id"],
            **utility,
            "file_url": file_url,
        }

    def _bills_ready(self, store: CompanyStore, event: Event) -> _Object:
        """The bills of the first fetch, each as it is now."""
        first = {bill["id"] for bill in event.facts["bills"]}
        customer = store.customers.by_id(event.customer_id)
        holder = store.customers.holder(customer) if customer else None
        bills = store.bills.list(holder) if holder else ()
        found = [bill for bill in bills if bill.id in first]
        sharer = _of_sharer(event, holder.id if holder else None)
        rendered = [bill | sharer for bill in self._bills.of_all(store, found, for_webhook=True)]
        parsed = [bill for bill in rendered if bill["status"] in _READ]
        unparsed = [{"id": bill["id"]} for bill in rendered if bill["status"] not in _READ]
        return {
            "bills_parsed": parsed,
            "bills_unparsed": unparsed,
            "available_data": {"account_numbers": _available_bills(parsed)},
        }


def _of_sharer(event: Event, holder_id: int | None) -> _Object:
    """What a bill has otherwise in the event of a customer who shares the connection it came by."""
    if holder_id == event.customer_id:
        return {}
    return {
        "customer_id": event.customer_id,
        "customer_external_id": event.facts["customer_external_id"],
    }


def _ids(event: Event, record: CustomerRecord | None) -> _Object:
    """The customer's ids in both spellings."""
    external_id = record.external_id if record else event.facts["customer_external_id"]
    return {
        "id": event.customer_id,
        "external_id": external_id,
        "customer_id": event.customer_id,
        "customer_external_id": external_id,
    }


def _available_bills(bills: Sequence[_Object]) -> list[_Object]:
    """By account and meter, the periods that bills are there for; such that adjoin are one."""
    periods: dict[str, dict[tuple[str, str], list[tuple[date, date]]]] = {}
    for bill in bills:
        for meter in bill["meters"]:
            of_account = periods.setdefault(bill["account_number"], {})
            span = tuple(date.fromisoformat(meter[f"billing_period_{end}"]) for end in ("from", "to"))
            of_account.setdefault((meter["id"], meter["type"]), []).append((span[0], span[1]))
    return [
        {
            "id": number,
            "meters": [
                {
                    "id": meter,
                    "type": kind,
                    "periods": [
                        {"period_from": start.isoformat(), "period_to": end.isoformat()}
                        for start, end in _joined(spans)
                    ],
                }
                for (meter, kind), spans in sorted(meters.items())
            ],
        }
        for number, meters in sorted(periods.items())
    ]


def _joined(spans: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    joined: list[tuple[date, date]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + _DAY:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _discovered(facts: CustomerFacts) -> _Object:
    """When the customer's first and last interval begin."""
    first, last = facts.first_interval, facts.last_interval
    return {
        "first_interval_discovered": None if first is None else stamp(first),
        "last_interval_discovered": None if last is None else stamp(last),
    }


def _available_intervals(meters: Sequence[Mapping[str, Any]]) -> _Object:
    """From when to when there are intervals, by account and meter."""
    accounts: dict[str, list[_Object]] = {}
    for meter in meters:
        period = {"period_from": stamp(meter["first"]), "period_to": stamp(meter["last"])}
        accounts.setdefault(meter["account_number"], []).append(
            {"id": meter["id"], "type": meter_type(Commodity(meter["commodity"])), "periods": [period]}
        )
    return _available(accounts)


def _new_intervals(news: Mapping[str, Any], facts: CustomerFacts) -> _Object:
    """The span in which intervals were added or changed, of each meter that has any."""
    period = {"period_from": news["first"], "period_to": news["last"]}
    types = {
        meter.id: meter_type(meter.commodity)
        for account in facts.accounts
        if account.number == news["account_number"]
        for meter in account.meters
    }
    meters = [
        {"id": meter, "type": types.get(meter, "electric"), "periods": [period]} for meter in news["meters"]
    ]
    return _available({news["account_number"]: meters})


def _available(accounts: Mapping[str, Sequence[_Object]]) -> _Object:
    found = [{"id": number, "meters": list(meters)} for number, meters in accounts.items()]
    return {"available_data": {"account_numbers": found}}
