"""Several processes serve one port: what dies is begun again, all end with the command; metrics and texts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from meterfarm.services.api_keys import create_key
from tests.farm.inboxes import TOKEN, sign, text_form
from tests.farm.post import free_port
from tests.farm.whole import Farm, farm_at, processes_below
from tests.forked import Forked


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with farm_at(tmp_path / "h", "http://127.0.0.1:9") as farm:
        yield farm


def test_several_processes_serve_a_port_until_the_command_ends(farm: Farm) -> None:
    port, measured = free_port(), free_port()
    key = create_key(farm.store)[1]
    served = {"METERFARM_METRICS": f"127.0.0.1:{measured}", "TWILIO_AUTH_TOKEN": TOKEN}
    arguments = ["api", "--port", str(port), "--processes", "2"]
    url = f"http://127.0.0.1:{port}"

    def asked() -> int:
        return httpx.get(f"{url}/api/v2/customers", auth=(key, "")).status_code

    def is_served() -> bool:
        try:
            return asked() == 200
        except httpx.TransportError:
            return False

    with Forked(arguments, farm.environment | served, farm.home.parent) as command:
        assert url in command.stdout.readline()

        def serving() -> list[int]:
            found = processes_below(command.pid, "api_server")
            return found if len(found) == 2 else []

        first, _ = farm.wait(serving, 30, "two processes")
        farm.wait(is_served, 30, "an answer")
        assert [asked() for _ in range(20)] == [200] * 20
        os.kill(first, signal.SIGKILL)
        farm.wait(lambda: first not in (now := serving()) and now, 30, "another in its place")
        farm.wait(is_served, 30, "an answer")
        text = text_form("+15185550000", "111111")
        posted = f"{url}/twilio/sms"
        assert httpx.post(posted, data=text, headers={"X-Twilio-Signature": "?"}).status_code == 403
        signed = {"X-Twilio-Signature": sign(posted, text)}
        assert httpx.post(posted, data=text, headers=signed).status_code == 200
        assert {each.address for each in farm.store.farm.sms.running()} == {f"{url}/twilio"}
        httpx.get(f"{url}/api/v2/customers/0x7", auth=(key, ""))
        shown = [httpx.get(f"http://127.0.0.1:{measured + n}/metrics").text for n in range(2)]
        assert all("meterfarm_api_requests_in_progress 0.0" in each for each in shown)
        counted = 'meterfarm_api_requests_total{method="GET",route="/customers/{id}",status="400"} 1.0'
        assert sum(counted in each for each in shown) == 1, shown
        command.send_signal(signal.SIGINT)
        assert command.wait(20) == 0
        assert not processes_below(command.pid, "api_server")
    assert not is_served()
