"""Users get their invitations and new passwords by mail: the link in it works, and is kept nowhere else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from meterfarm.farm.mail.outbox import MailOutbox
from meterfarm.farm.mail.sending import MailSender
from meterfarm.farm.settings import FarmSettings
from meterfarm.services.mail import NoticeWriter
from tests import asking
from tests.api.server import ApiServer, served
from tests.farm.smtp_sink import Sink, smtp_sink
from tests.web.colleague import Colleague

_LINK = re.compile(r"https?://\S+/dashboard/password\?link=(\S+)")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
def settings(sink: Sink) -> FarmSettings:
    url = SecretStr(f"smtp+plain://127.0.0.1:{sink.port}")
    return FarmSettings(smtp_url=url, mail_from="noreply@farm.example")


@pytest.fixture
def api(settings: FarmSettings, tmp_path: Path) -> Iterator[ApiServer]:
    with served(tmp_path / "home", settings) as server:
        yield server


def _sent(api: ApiServer, settings: FarmSettings, sink: Sink) -> str:
    """What the link of the one mail that a worker sends now ends in."""
    assert settings.mail_server is not None
    outbox = MailOutbox(api.farm, MailSender(settings.mail_server), NoticeWriter(api.url).of)
    assert asyncio.run(outbox.look()) == 1
    text = sink.taken[-1].message.get_body(["plain"])
    assert text is not None
    link = _LINK.search(text.get_content())
    assert link is not None
    assert link[0].startswith(api.url)
    return link[1]


def test_an_invitation_and_a_new_password_come_by_mail(
    api: ApiServer, settings: FarmSettings, sink: Sink
) -> None:
    with (
        Colleague(api, "ada@acme.example") as owner,
        asking.client(base_url=api.url, timeout=30) as stranger,
    ):
        owner.post("/test/settings/users", email="Bea@acme.example", role="member")
        _chosen(stranger, _sent(api, settings, sink), "a phrase of some words")
        assert sink.taken[0].recipients == ["bea@acme.example"]
        assert "Create my account" in sink.taken[0].message.as_string()

        for address in ("bea@acme.example", "nobody@acme.example"):
            page = stranger.post("/dashboard/forgot", data={"email": address})
            assert (page.status_code, "is on its way" in page.text) == (200, True)
        _chosen(stranger, _sent(api, settings, sink), "another phrase of words")
        assert len(sink.taken) == 2


def _chosen(stranger: httpx.Client, link: str, password: str) -> None:
    fields = {"link": link, "password": password}
    assert stranger.post("/dashboard/password", data=fields).status_code == 303
