"""Webhooks go to public addresses only, however these are spelled, and to what a name leads to then."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from meterfarm.farm.webhooks.addresses import AddressRefused, checked, parsed
from meterfarm.farm.webhooks.posting import Poster
from tests.farm.receivers import receiving
from tests.tls_site import certified

PRIVATE = (
    *(
        "https://127.0.0.1",
        "https://127.1",
        "https://0x7f000001",
        "https://2130706433",
        "https://017700000001",
    ),
    *("https://localhost", "https://[::1]", "https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]"),
    *(
        "https://10.0.0.1",
        "https://172.16.0.1",
        "https://192.168.1.1",
        "https://100.64.0.1",
        "https://[fd12::1]",
    ),
    *("https://１２７.0.0.1", "https://[::ffff:10.0.0.1]"),  # noqa: RUF001 - a spelling of 127.0.0.1
)
NEVER = (
    *("https://0.0.0.0", "https://0", "https://[::]", "https://169.254.169.254", "https://[fe80::1]"),
    *(
        "https://[::ffff:169.254.169.254]",
        "https://224.0.0.1",
        "https://255.255.255.255",
        "https://240.0.0.1",
    ),
    *("https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]", "https://[::127.0.0.1]", "https://[ff02::1]"),
    *("https://100.100.100.200", "https://168.63.129.16", "https://[fd00:ec2::254]", "https://192.0.2.1"),
)


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_private_address_is_refused_unless_it_is_allowed(address: str) -> None:
    with pytest.raises(AddressRefused, match="METERFARM_WEBHOOKS_PRIVATE=1"):
        await checked(parsed(f"{address}/hook"), allows_private=False)
    assert (await checked(parsed(f"{address}:8443/hook"), allows_private=True)).addresses


@pytest.mark.parametrize("address", NEVER)
async def test_an_address_that_no_receiver_has_is_always_refused(address: str) -> None:
    for allows_private in (False, True):
        with pytest.raises(AddressRefused, match="No webhook goes to"):
            await checked(parsed(address), allows_private=allows_private)


@pytest.mark.parametrize(
    "address",
    [
        *("", "example.com/hook", "ftp://example.com/", "https://", "https://a.example:0/", "https:///x"),
        *(
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://a.example/\n",
            "https://a.example/" + "x" * 2100,
        ),
        "https://ada:secret@a.example/",
    ],
)
def test_what_is_no_address_to_post_to_is_refused_without_its_secrets(address: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        parsed(address)
    assert "secret" not in str(refused.value)


async def test_http_is_for_this_machine_alone_and_public_addresses_are_welcome() -> None:
    for address in ("http://10.0.0.1/", "http://93.184.215.14/", "http://nowhere.invalid/"):
        with pytest.raises(AddressRefused, match="by https"):
            await checked(parsed(address), allows_private=True)
    for address in ("https://93.184.215.14/", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/"):
        assert (await checked(parsed(address), allows_private=False)).addresses
    assert not (await checked(parsed("https://nowhere.invalid/"), allows_private=False)).addresses


async def test_an_address_is_checked_again_when_it_is_posted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver:
        refused = await Poster(allows_private=False).post(receiver.url, {}, b"{}")
        assert refused.result.fault.startswith("127.0.0.1 is on this machine")
        well = await Poster(allows_private=False).post(receiver.url, {}, b"{}", allows_private=True)
        assert (well.result.status, well.result.fault, well.result.answer) == (200, "", "ok")
        assert len(receiver.got) == 1
    nowhere = await Poster(allows_private=False).post("https://nowhere.invalid/", {}, b"{}")
    assert nowhere.result.fault == "The host nowhere.invalid is not known to any name server."


async def test_a_name_that_leads_elsewhere_at_a_second_look_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a name server of an attacker answers: first a public address, then this machine."""
    asked: list[str] = []
    loop = asyncio.get_running_loop()

    async def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "192.0.2.77" if len(asked) > 1 else "203.0.113.77"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    refused = await Poster(allows_private=True, seconds=1).post("https://rebound.example/", {}, b"{}")
    assert "203.0.113.77" in refused.result.fault
    assert asked == ["rebound.example"]


async def test_a_certificate_that_nobody_vouches_for_ends_an_attempt(tmp_path: Path) -> None:
    import ssl

    made = certified(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        posted = await Poster(allows_private=True, seconds=5).post(f"https://localhost:{port}/", {}, b"{}")
    assert (
        posted.result.fault == "Its TLS certificate is not one that is trusted here, or its TLS is too old."
    )
