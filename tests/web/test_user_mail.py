"""Users get their invitations and new passwords by mail: the link in it works, and is kept nowhere else."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from meterfarm.farm.mail.outbox import MailOutbox
from meterfarm.farm.mail.sending import MailSender
from meterfarm.farm.settings import FarmSettings
from meterfarm.services.mail import NoticeWriter, outgoing_mails
from tests import asking
from tests.api.server import ApiServer, served
from tests.farm.smtp_sink import Sink, smtp_sink
from tests.web.colleague import Colleague

_A_MOMENT = threading.Event()
_LINK = re.compile(r"https?://\S+/dashboard/password\?link=(\S+)")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
def settings(sink: Sink) -> FarmSettings:
    url = SecretStr(f"smtp+plain://127.0.0.1:{sink.port}")
    return FarmSettings(smtp_url=url, mail_from="noreply@farm.example", open_sign_up=True)


@pytest.fixture
def api(settings: FarmSettings, tmp_path: Path) -> Iterator[ApiServer]:
    with served(tmp_path / "home", settings) as server:
        yield server


def _sent(api: ApiServer, settings: FarmSettings, sink: Sink) -> str:
    """What the link of the one mail that a worker sends now ends in."""
    assert settings.mail_server is not None
    outbox = MailOutbox(api.farm, MailSender(settings.mail_server), NoticeWriter(api.url).of)
    assert asyncio.run(_looked(outbox)) == 1
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


async def _looked(outbox: MailOutbox) -> int:
    """How many were sent, once there is one: pages answer before they enter it."""
    async with asyncio.timeout(20):
        while not (sent := await outbox.look()):
            await asyncio.to_thread(_A_MOMENT.wait, 0.01)
    return sent


def test_who_signs_up_gets_a_link_and_nobody_learns_who_is_here(
    api: ApiServer, settings: FarmSettings, sink: Sink
) -> None:
    """Neither by what is answered for a name that is taken; nor does it end a link that was sent before
    without sending another."""
    with asking.client(base_url=api.url, timeout=30) as stranger:

        def sign_up(company: str, email: str) -> tuple[int, str]:
            answer = stranger.post("/dashboard/sign_up", data={"company": company, "email": email})
            return answer.status_code, answer.text.replace(email, "").replace(company, "")

        first = sign_up("win.a.prize.example", "ada@new.example")
        _sent(api, settings, sink)
        assert sink.taken[-1].message["Subject"] == "Your account at Meterfarm", "it is no link"
        again = sign_up("Another Ltd", "Ada@new.example")
        _chosen(stranger, _sent(api, settings, sink), "a phrase of some words")
        third = sign_up("Third Ltd", "ada@NEW.example")
        link = _sent(api, settings, sink)
        assert "A new password was asked for" in sink.taken[-1].message.as_string()
        _chosen(stranger, link, "another phrase of words")
        assert first[0] == 200
        assert first == again == third
        taken = [sign_up("win.a.prize.example", each) for each in ("ada@new.example", "bea@new.example")]
        assert taken[0][0] == 422
        assert taken[0] == taken[1]
        names = {company.name for company in api.farm.companies.list()}
        assert names == {"default", "win.a.prize.example"}


def test_a_link_that_is_not_good_any_more_is_not_mailed(
    api: ApiServer, settings: FarmSettings, sink: Sink
) -> None:
    """Of several that wait the newest goes out, and none to who was removed."""
    with Colleague(api, "ada@acme.example") as owner:
        owner.post("/test/settings/users", email="bea@acme.example", role="member")
        owner.post("/test/settings/users", email="cem@acme.example", role="member")
        bea, cem = api.farm.users.list()[1:]
        owner.post(f"/test/settings/users/{bea.id}/invite")
        owner.post(f"/test/settings/users/{cem.id}/remove")
        _sent(api, settings, sink)
        assert [taken.recipients for taken in sink.taken] == [["bea@acme.example"]]
        assert [mail.fault for mail in outgoing_mails(api.farm, failed=True)] == [
            "Its link is not good any more."
        ] * 2


def test_nobodys_mailbox_is_filled_from_here(api: ApiServer, sink: Sink) -> None:
    """Whoever asks for the mails, and however the address is written."""
    with Colleague(api, "ada@acme.example") as owner:
        owner.post("/test/settings/users", email="bea@acme.example", role="member")
        bea = api.farm.users.list()[1]
        statuses = [owner.post(f"/test/settings/users/{bea.id}/invite").status_code for _ in range(4)]
        forgot = owner.browser.post("/dashboard/forgot", data={"email": "\u200bBEA@acme.example"})
        assert (statuses, forgot.status_code) == ([200] * 4, 429)


def _chosen(stranger: httpx.Client, link: str, password: str) -> None:
    fields = {"link": link, "password": password}
    assert stranger.post("/dashboard/password", data=fields).status_code == 303
