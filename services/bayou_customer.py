"""A customer as Bayou's API words it: 24 fields, and whether the portal lets them in now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from meterfarm.formats.bills.bayou import address_json, meter_type
from meterfarm.services.links import onboarding
from meterfarm.services.readiness import FactsCache, is_currently_authenticated
from meterfarm.storage.customers import CustomerRecord
from meterfarm.storage.data import AccountFacts, CustomerFacts, MeterFacts
from meterfarm.storage.store import CompanyStore
from meterfarm.utilities import UtilityUnavailable, load_utility


class CustomerRendering:
    """Renders customers of one farm. ``public_url`` begins their links."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._facts = FactsCache()

    def of(self, store: CompanyStore, record: CustomerRecord) -> dict[str, object]:
        """One customer of the company."""
        return self._rendered(store, record, self._facts.of(store, record.holder_id, record.revision))

    def of_all(self, store: CompanyStore, records: Sequence[CustomerRecord]) -> list[dict[str, object]]:
        """Several, in this order."""
        facts = self._facts.of_all(store, {record.holder_id: record.revision for record in records})
        return [self._rendered(store, record, facts[record.holder_id]) for record in records]

    def _rendered(
        self, store: CompanyStore, record: CustomerRecord, facts: CustomerFacts
    ) -> dict[str, object]:
        profile = record.profile
        has_filled = record.authenticated_at is not None
        link = onboarding(store.farm, self._public_url, store.company_id, record.id)
        return {
            "id": record.id,
            "external_id": record.external_id,
            "email": profile.email,
            "first_name": profile.first_name,
            "last_name": profile.last_name,
            "phone_number": profile.phone_number,
            "address_line_1": profile.address_line_1,
            "address_line_2": profile.address_line_2,
            "city": profile.city,
            "state": profile.state,
            "zipcode": profile.zipcode,
            "utility": record.utility or None,
            "onboarding_link": link.link,
            "onboarding_token": link.token,
            "tags": [],
            "has_accepted_terms_on": _instant(profile.accepted_terms_at),
            "has_filled_credentials": has_filled,
            "is_currently_authenticated": is_currently_authenticated(
                record.state, has_filled_credentials=has_filled
            ),
            "bills_are_ready": facts.bills_are_ready,
            "utility_has_intervals": _has_intervals(record.utility),
            "account_has_intervals": facts.first_interval is not None,
            "intervals_are_ready": facts.intervals_are_ready,
            "first_interval_discovered": _epoch(facts.first_interval),
            "last_interval_discovered": _epoch(facts.last_interval),
            "account_numbers": [_account(account) for account in facts.accounts],
        }


def _account(account: AccountFacts) -> dict[str, object]:
    return {"id": account.number, "tags": [], "meters": [_meter(meter) for meter in account.meters]}


def _meter(meter: MeterFacts) -> dict[str, object]:
    return {
        "id": meter.id,
        "type": meter_type(meter.commodity),
        "tariffs": [
            {
                "tariff": each.tariff,
                "period_from": each.period_from.isoformat(),
                "period_to": each.period_to.isoformat(),
            }
            for each in meter.tariffs
        ],
        "tags": [],
        "address": address_json(meter.address) if meter.address else None,
        "additional_attributes": dict(meter.additional_attributes),
    }


def _has_intervals(utility: str) -> bool:
    if not utility:
        return False
    try:
        return load_utility(utility).capabilities.intervals
    except UtilityUnavailable:
        return False


def _epoch(at: int | None) -> str | None:
    return None if at is None else _instant(datetime.fromtimestamp(at, UTC))


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
