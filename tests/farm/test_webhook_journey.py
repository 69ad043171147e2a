"""A worker posts and mails what befalls a customer, from the first sign-in until the portal refuses them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from standardwebhooks import Webhook

from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.storage.webhooks import DELIVERED_KINDS
from tests.fake_portal import fake_portal
from tests.farm.receivers import Receiver, receiving
from tests.farm.smtp_sink import smtp_sink
from tests.farm.whole import farm_at

MUST = "customer_must_reauthenticate"


async def test_a_worker_delivers_a_customers_events_in_their_order(tmp_path: Path) -> None:
    async with receiving() as receiver:
        with (
            smtp_sink() as sink,
            fake_portal(tmp_path / "portal") as url,
            farm_at(
                tmp_path / "home",
                url,
                METERFARM_INTERVALS_EVERY="1",
                METERFARM_SMTP_URL=f"smtp+plain://127.0.0.1:{sink.port}",
                METERFARM_MAIL_FROM="noreply@farm.example",
                METERFARM_PUBLIC_URL="https://farm.example",
            ) as farm,
        ):
            company = farm.store.farm.companies.only()
            change_company(farm.store.farm, company, ChangeCompany(notification_email="ops@acme.example"))
            _, secret = farm.store.webhooks.add(receiver.url, DELIVERED_KINDS, allows_private=True)
            farm.add("customer-must-reauthenticate@bayou.energy")
            await asyncio.to_thread(farm.start, 1)
            async with asyncio.timeout(120):
                while MUST not in _kinds(receiver):
                    await receiver.has_accepted(len(receiver.accepted) + 1)
            await asyncio.to_thread(farm.wait, lambda: len(sink.taken) > 1, what="two mails")
            await asyncio.to_thread(farm.stop)
    kinds = _kinds(receiver)
    told = [kind for kind in dict.fromkeys(kinds) if kind != "new_intervals"]
    assert told == ["customer_has_filled_credentials", "new_bill", "bills_ready", "intervals_ready", MUST]
    for got in receiver.accepted:
        Webhook(secret.get_secret_value()).verify(got.body, got.headers)
    about = json.loads(receiver.accepted[-1].body)["object"]
    assert about["reason"] == "credentials_are_invalid"
    subjects = [str(mail.message["Subject"]) for mail in sink.taken]
    assert subjects == ["Data ready: Customer 1", "Must reauthenticate: Customer 1"]
    assert b"https://farm.example/dashboard/test/customers/1" in sink.taken[0].content


def _kinds(receiver: Receiver) -> list[str]:
    return [json.loads(got.body)["event"] for got in receiver.accepted]
