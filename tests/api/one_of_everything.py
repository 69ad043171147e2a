"""A company's side with one of every object that the API knows, and the ids that name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx

from meterfarm.records import Challenge, Factor, FactorOption
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from tests.services.printed import printed
from tests.storage.made import ACCOUNT, EXPORT, UTILITY, bill, claimed, listed, pdf, save_bill, series

API = "/api/v2"


@dataclass(frozen=True)
class Filled:
    """``ids`` has by collection what a path may name its objects by: numbers and external ids.

    ``fields`` has by parameter or field what queries and bodies may name; ``texts`` is in its answers alone.
    """

    store: CompanyStore
    client: httpx.Client
    customer: Customer
    ids: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, Any]
    texts: tuple[str, ...]


def filled(store: CompanyStore, client: httpx.Client, name: str, mark: int, hook: str) -> Filled:
    """Give the side that ``store`` and ``client`` open one of everything; ``name`` and ``mark`` are its own,
    ``hook`` receives webhooks.

    What a person's program asks for is asked for by HTTP, what a worker finds is stored as a worker does.
    """
    profile = {"external_id": f"{name}/customer", "email": f"{name}@x.example", "city": f"{name} city"}
    customer_id = _done(client.post(f"{API}/customers", json={**profile, "utility": UTILITY}))["id"]
    at = f"{API}/customers/{customer_id}"
    login = {"username": f"{name}@bayou.energy", "password": f"{name}-password"}
    run = _done(client.post(f"{at}/login", json=login))["run_id"]
    customer = store.customers.by_id(customer_id)
    assert customer is not None
    number, meter = _collected(store, customer, name, mark)
    claim = claimed(store, run, 1)
    assert claim is not None
    options = (FactorOption(Factor.SMS, f"Text {name}"), FactorOption(Factor.EMAIL, f"Mail {name}"))
    choice = Challenge(f"How shall we send the code to {name}?", options=options, can_resend=True)
    challenge = store.challenges.open(claim.lease, choice, timedelta(minutes=10))
    webhook = _done(client.post(f"{API}/webhooks", json={"url": f"{hook}/{name}"}))["id"]
    (read,) = _done(client.get(f"{at}/bills"))
    _done(client.patch(f"{API}/bills/{read['id']}", json={"external_id": f"{name}/bill"}))
    unread = _done(client.post(f"{API}/bills", files={"file": printed(f"{name} unread")}))
    events = _done(client.get(f"{API}/events"))
    event = next(each["id"] for each in events if each["customer_id"] == customer.id)
    assert _done(client.post(f"{API}/events/{event}/resend", json={"webhook_id": webhook})) == {
        "deliveries": 1
    }
    return Filled(
        store,
        client,
        customer,
        ids={
            "customers": (str(customer.id), f"external_id:{quote(profile['external_id'], safe='')}"),
            "bills": (str(read["id"]), f"external_id:{quote(f'{name}/bill', safe='')}", str(unread["id"])),
            "challenges": (str(challenge),),
            "runs": (str(run),),
            "webhooks": (str(webhook),),
            "events": (str(event),),
        },
        fields={
            "customer_id": customer.id,
            "external_id": profile["external_id"],
            "bill_id": read["id"],
            "webhook_id": webhook,
            "account_number": number,
            "meter_id": meter,
            "after": event,
            "cursor": _done(client.get(f"{API}/changes"))["cursor"],
        },
        texts=(name, number, meter),
    )


def _collected(store: CompanyStore, customer: Customer, name: str, mark: int) -> tuple[str, str]:
    """A bill and readings; the account's number and the meter's id."""
    number, meter = f"{mark:015d}", f"E{mark}"
    electric = replace(ACCOUNT.meters[0], id=meter)
    account = store.accounts.save(customer, replace(ACCOUNT, number=number, meters=(electric,)))
    said = bill()
    said = replace(said, account_number=number, meters=(replace(said.meters[0], id=meter),))
    save_bill(store, account, listed(), pdf(printed(name)), said, layout=UTILITY, layout_version=1)
    store.readings.save(account, EXPORT, "jan", [replace(series(range(8)), meter_id=meter)])
    return number, meter


def _done(answer: httpx.Response) -> Any:
    assert answer.is_success, (answer.request.url, answer.text)
    return answer.json()
