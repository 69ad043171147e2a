"""The inbox takes Twilio's word only, each message once, and hands codes to those who wait for them."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from meterfarm.records import Challenge, Factor
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Lease
from tests import asking
from tests.farm.inboxes import TOKEN, RunningInbox, inbox, sign, text_form
from tests.farm.post import free_port
from tests.farm.whole import Farm, farm_at, rows
from tests.forked import Forked
from tests.storage.made import claimed

NUMBER = "+15185550647"
WAIT = timedelta(minutes=10)
ASKED = Challenge("We sent a code to ***-***-0647.", Factor.SMS, "***-***-0647", can_resend=True)
Start = Callable[..., Forked]


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with farm_at(tmp_path / "h", "http://127.0.0.1:9") as farm:
        yield farm


@pytest.fixture
def running(farm: Farm) -> Iterator[RunningInbox]:
    with inbox(farm, free_port()) as running:
        yield running


@pytest.fixture
def waiting(farm: Farm) -> tuple[Customer, Lease]:
    """A customer with the number, whose run is under way."""
    customer = farm.add("ineedmfa+text_message@bayou.energy")
    farm.store.channels.add_number(NUMBER, [customer])
    (run,) = farm.runs(customer)
    claim = claimed(farm.store, run.id, run.attempt)
    assert claim is not None
    farm.store.channels.expect_text(claim.lease, customer, Factor.SMS)
    return customer, claim.lease


def test_a_code_reaches_the_run_that_waits(
    farm: Farm, running: RunningInbox, waiting: tuple[Customer, Lease]
) -> None:
    _, lease = waiting
    asked = farm.store.challenges.open(lease, ASKED, WAIT)
    for foreign in (
        text_form("+15185550000", "111111"),
        text_form(NUMBER, "222222", sender="+18885550143"),
        text_form(NUMBER, "", body="Speculoos Power: your bill of $33.33 is ready."),
    ):
        answer = running.post(foreign)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        assert answer.text == '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
        assert farm.store.farm.challenges.closed([asked]) == []
    form = text_form(NUMBER, "048213")
    assert running.post(form).status_code == 200
    assert farm.store.challenges.take_answer(lease, asked) == {"kind": "code", "text": "048213"}
    again = farm.store.challenges.open(lease, ASKED.asked_again("Your code is invalid."), WAIT)
    assert running.post(form).status_code == 409, "it was seen before"
    assert running.post(text_form(NUMBER, "048213")).status_code == 200
    assert farm.store.farm.challenges.closed([again]) == [], "that code was used already"
    assert running.post(text_form(NUMBER, "048214")).status_code == 200
    assert farm.store.challenges.take_answer(lease, again) == {"kind": "code", "text": "048214"}
    story = farm.store.runs.story(lease.run_id)
    assert story is not None
    assert [step.detail for step in story.steps if step.step == "answered"] == [
        f"by a text message to {NUMBER}"
    ] * 2


def test_what_twilio_has_not_signed_is_refused(
    farm: Farm, running: RunningInbox, waiting: tuple[Customer, Lease]
) -> None:
    _, lease = waiting
    asked = farm.store.challenges.open(lease, ASKED, WAIT)
    form = text_form(NUMBER, "048213")
    for signature in (
        "",
        "x",
        "\u00fc".encode().decode("latin-1"),
        sign(running.url, form, "another token"),
        sign("https://elsewhere.example/sms", form),
        sign(running.url, form | {"Body": "changed"}),
        sign(running.url, {name: value for name, value in form.items() if name != "AccountSid"}),
    ):
        headers = {b"X-Twilio-Signature": signature.encode("latin-1")} if signature else {}
        answer = asking.post(running.url, data=form, headers=headers)
        assert (answer.status_code, TOKEN in answer.text) == (403, False)
    assert farm.store.farm.challenges.closed([asked]) == []
    assert rows(farm, "SELECT key FROM inbound_message") == []
    assert running.post(form).status_code == 200


def test_what_is_no_text_message_is_refused(farm: Farm, running: RunningInbox) -> None:
    form = text_form(NUMBER, "048213")
    for missing in ("MessageSid", "From", "To", "Body"):
        lacking = {name: value for name, value in form.items() if name != missing}
        assert running.post(lacking).status_code == 400
    assert running.post(text_form(NUMBER, "", body="x" * 70_000)).status_code == 413
    assert (
        asking.post(running.url, content=b"\xff\xfe", headers={"X-Twilio-Signature": "x"}).status_code == 400
    )
    assert asking.get(running.url).status_code == 405
    assert asking.get(running.url.replace("/sms", "/health")).text == "ok\n"


def test_what_comes_moments_before_the_challenge_counts_and_what_is_older_does_not(
    farm: Farm, running: RunningInbox, waiting: tuple[Customer, Lease]
) -> None:
    customer, lease = waiting
    channels = farm.store.channels
    running.post(text_form(NUMBER, "111111"))
    channels.expect_text(lease, customer, Factor.SMS)
    stale = farm.store.challenges.open(lease, ASKED, WAIT)
    assert not channels.take_buffered_text(lease, customer, stale)
    assert farm.store.challenges.take_answer(lease, stale) is None
    running.post(text_form(NUMBER, "222222"))
    soon = farm.store.challenges.open(lease, ASKED, WAIT)
    assert channels.take_buffered_text(lease, customer, soon)
    assert farm.store.challenges.take_answer(lease, soon) == {"kind": "code", "text": "222222"}


def test_behind_a_proxy_the_public_address_is_what_is_signed(farm: Farm) -> None:
    port = free_port()
    public = "https://codes.example.com/hooks/sms"
    with inbox(farm, port, "--public-url", public) as running:
        for number, (signed, path) in enumerate(
            [
                (public, "/sms"),
                (f"{public}?a=b", "/sms?a=b"),
                ("https://codes.example.com/sms", "/sms"),
                ("https://codes.example.com:443/sms", "/sms"),
            ]
        ):
            form = text_form(NUMBER, "048213", sid=f"SM{number}")
            headers = {"X-Twilio-Signature": sign(signed, form)}
            asked = asking.post(f"http://127.0.0.1:{port}{path}", data=form, headers=headers)
            assert asked.status_code == 200, signed
        form = text_form(NUMBER, "048213")
        assert running.post(form).status_code == 403, "the address behind the proxy"


def test_a_password_in_the_public_address_is_not_shown(farm: Farm) -> None:
    public = "https://hook:canary-5d@codes.example.com/sms"
    with inbox(farm, free_port(), "--public-url", public) as running:
        (known,) = farm.wait(farm.store.farm.sms.running, 10, "an inbox that is known to run")
        assert known.address == "https://codes.example.com/sms"
        form = text_form(NUMBER, "048213")
        assert running.post(form, signature=sign(public, form)).status_code == 200


def test_the_token_comes_from_the_environment_a_private_file_or_stdin(farm: Farm, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"old token\n{TOKEN}\n")
    file.chmod(0o644)
    refused = _refused(farm, "--auth-token-file", str(file))
    assert f"chmod 600 {file}" in refused
    file.chmod(0o600)
    with inbox(farm, free_port(), "--auth-token-file", str(file), TWILIO_AUTH_TOKEN="") as running:
        assert running.post(text_form(NUMBER, "1")).status_code == 200
        form = text_form(NUMBER, "1")
        assert running.post(form, signature=sign(running.url, form, "old token")).status_code == 200
    assert "set TWILIO_AUTH_TOKEN" in _refused(farm)
    assert "not both" in _refused(farm, "--auth-token-file", str(file), "--auth-token-stdin")
    assert "no address" in _refused(farm, "--public-url", "codes.example.com")


def test_a_flood_neither_shuts_it_nor_fills_its_log(farm: Farm, tmp_path: Path) -> None:
    """Hundreds of half-open connections, bodies that never end, and bad requests by the hundred."""
    log = tmp_path / "log"
    head = b"POST /sms HTTP/1.1\r\nhost: x\r\n"
    with log.open("w") as stderr, inbox(farm, free_port(), stderr=stderr.fileno()) as running:
        address = ("127.0.0.1", urlsplit(running.url).port or 0)
        with ExitStack() as stack:
            for number in range(600):
                line = stack.enter_context(socket.create_connection(address, 10))
                with suppress(ConnectionError):
                    line.sendall(head if number % 2 else head + b"content-length: 9000\r\n\r\nMessageSid=")
            assert running.post(text_form(NUMBER, "1")).status_code == 200
            with socket.create_connection(address, 10) as line:
                line.sendall(head + b"content-length: 90000000\r\n\r\n")
                assert line.recv(100).startswith(b"HTTP/1.1 413")
            with asking.client() as client:
                refused = {_status_of_unsigned(client, running.url) for _ in range(300)}
        assert refused == {403}
        assert running.post(text_form(NUMBER, "1")).status_code == 200
    assert log.stat().st_size < 10_000, log.read_text()[:2000]
    assert "signature is missing" in log.read_text()


def test_it_stops_well_and_says_so_if_the_port_is_taken(farm: Farm) -> None:
    port = free_port()
    with inbox(farm, port) as running:
        farm.wait(farm.store.farm.sms.running, 10, "an inbox that is known to run")
        taken = _refused(farm, "--port", str(port), TWILIO_AUTH_TOKEN=TOKEN)
        assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in taken
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(15) == 0
    assert farm.store.farm.sms.running() == []


def _status_of_unsigned(client: httpx.Client, url: str) -> int:
    """Of a post without a signature; over another connection if the time of the kept one is over."""
    with suppress(httpx.RemoteProtocolError):
        return client.post(url, data={"a": "b"}).status_code
    return client.post(url, data={"a": "b"}).status_code


def _refused(farm: Farm, *options: str, **extra: str) -> str:
    """What the command says that ends at once."""
    environment = farm.environment | {"TWILIO_AUTH_TOKEN": ""} | extra
    with Forked(["inbox", *options], environment, farm.home.parent) as process:
        _, told = process.communicate()
    assert process.returncode in (1, 2)
    assert not re.search(TOKEN, told)
    return told
