"""What becomes of who waits when a mailbox breaks, refuses or is away: a real one and a real store."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial

import pytest

from meterfarm.records import EventKind, MailSecurity
from meterfarm.storage.channels import MailAccount
from tests.farm.looking import World, add, put
from tests.farm.post import (
    PASSWORD,
    USER,
    Between,
    Post,
    closing_client,
    code_mail,
    free_port,
    imap_server,
)


async def test_a_mailbox_without_idle_is_asked_now_and_then(world: World, house: Post) -> None:
    with Between(house.imap, change=lambda answer: answer.replace(b" IDLE", b"")) as old:
        add(world.store, old.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            await put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()


async def test_a_connection_that_breaks_is_made_again(world: World, house: Post) -> None:
    """What comes meanwhile is found afterwards: it is known where new mail began."""
    with Between(house.imap) as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            between.cut()
            await put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()


async def test_a_connection_that_is_back_at_the_next_try_was_no_outage(world: World, house: Post) -> None:
    with Between(house.imap) as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            between.cut()
            await world.until(lambda: between.made == 2, "another connection")
            await put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()
    assert ada.story() == ["mailbox 1: waits for the mail"]
    assert not world.store.events.after(kinds=[EventKind.MAILBOX_FAILED])


async def test_in_a_folder_that_is_made_again_what_comes_then_is_used(world: World, house: Post) -> None:
    """Its mails have the numbers of others that were passed over before."""

    def anew() -> None:
        with closing_client(house.imap) as client:
            if client.folder_exists("Codes"):
                client.delete_folder("Codes")
            client.create_folder("Codes")

    def add(content: bytes) -> None:
        with closing_client(house.imap) as client:
            client.append("Codes", content)

    await asyncio.to_thread(anew)
    with Between(house.imap) as between:
        account = MailAccount("127.0.0.1", between.port, MailSecurity.NONE, USER, "Codes")
        world.store.channels.add_mailbox(account, PASSWORD, None)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await asyncio.to_thread(add, code_mail("ada@home.example", "not here"))
            await world.until(lambda: "no code could be read" in ada.told(challenge), "the mail")
            await asyncio.to_thread(anew)
            between.cut()
            await world.until(lambda: "waits" in ada.told(challenge), "the folder made again")
            await asyncio.to_thread(add, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()


async def test_a_mailbox_that_stays_away_is_told_of_at_the_next_try(world: World, house: Post) -> None:
    with ExitStack() as way:
        between = way.enter_context(Between(house.imap))
        mailbox_id = add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            way.close()
            await world.until(lambda: "cannot be reached" in ada.told(challenge), "the outage")
        (event,) = world.store.events.after(kinds=[EventKind.MAILBOX_FAILED])
        assert (event.customer_id, event.run_id) == (ada.customer.id, ada.lease.run_id)
        found = world.store.channels.mailbox(mailbox_id)
        assert found is not None
        assert "cannot be reached" in found.fault


async def test_one_that_keeps_breaking_is_told_of(world: World, house: Post) -> None:
    """Though mail is looked for each time before it breaks."""
    looked = set[int]()

    def seen(answer: bytes) -> bytes:
        if b"* SEARCH" in answer:
            looked.add(between.made)
        return answer

    with Between(house.imap, change=seen) as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            for connection in (1, 2, 3):
                await world.until(partial(looked.__contains__, connection), "a look")
                assert "Somebody has to answer." not in ada.told(challenge)
                between.cut()
            await world.until(lambda: "Somebody has to answer." in ada.told(challenge), "the outage")
        world.mailboxes.close()
    assert len(world.store.events.after(kinds=[EventKind.MAILBOX_FAILED])) == 1


async def test_one_that_only_seems_to_be_back_is_told_of_once(world: World, house: Post) -> None:
    """It is well when mail could be looked for, not when it lets one in."""
    searches = list[int]()

    def seem(answer: bytes) -> bytes:
        if b"SEARCH" not in answer:
            return answer
        searches.append(between.made)
        return b"* BYE\r\n"

    with Between(house.imap) as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            between.change = seem
            between.cut()
            await world.until(lambda: len(searches) > 2, "several looks")
            assert "ended the connection" in ada.told(challenge)
        world.mailboxes.close()
    assert ["waits for the mail" in told for told in ada.story()] == [True, False]


async def test_a_fault_of_ours_is_told_to_those_who_wait(
    world: World, house: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: object) -> bool:
        raise ArithmeticError("canary")

    monkeypatch.setattr("meterfarm.farm.codes.code_search.is_stale", trip)
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        await put(house, code_mail("ada@home.example", "048213"))
        await world.until(lambda: "a fault of our own (ArithmeticError)" in ada.told(challenge), "the fault")
        assert "canary" not in ada.told(challenge)


async def test_a_password_that_is_given_anew_is_tried_soon(world: World, house: Post) -> None:
    mailbox_id = add(world.store, house.imap, "wrong")
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        assert "refuses the user name or the password" in ada.told(challenge)
        assert "Somebody has to answer." in ada.told(challenge)
        world.store.channels.change_mailbox(mailbox_id, password=PASSWORD)
        await world.until(lambda: "waits" in ada.told(challenge), "another try")
        await put(house, code_mail("ada@home.example", "048213"))
        assert await ada.answer(challenge) == "048213"


async def test_a_login_that_was_refused_is_not_tried_for_the_next_customer_until_it_is_given_anew(
    world: World, house: Post
) -> None:
    """Though nobody waited meanwhile. Then it is no outage any more, and mail that comes at once counts."""
    world.hurry(linger=0.0, poll=0.1)
    with Between(house.imap) as between:
        mailbox_id = add(world.store, between.port, "wrong")
        for username in ("ada@home.example", "bea@home.example"):
            customer = await world.customer(username)
            async with customer.asked() as challenge:
                assert "refuses the user name or the password" in customer.told(challenge)
            await world.until(_nobody_looks, "the end of looking")
        assert between.made == 1
        world.store.channels.change_mailbox(mailbox_id, password=PASSWORD)
        cleo = await world.customer("cleo@home.example")
        await put(house, code_mail("cleo@home.example", "048213"))
        async with cleo.asked() as challenge:
            assert await cleo.answer(challenge) == "048213"
        world.mailboxes.close()
    assert cleo.customer.id not in {
        event.customer_id for event in world.store.events.after(kinds=[EventKind.MAILBOX_FAILED])
    }


async def test_an_outage_that_is_long_over_is_none(world: World, house: Post) -> None:
    """Nobody has looked since: what comes right after the code was asked for counts."""
    world.hurry(linger=0.0, poll=0.1)
    with Between(house.imap, change=lambda _: b"* BYE\r\n") as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "Somebody has to answer." in ada.told(challenge), "the outage")
        await world.until(_nobody_looks, "the end of looking")
        between.change = lambda answer: answer
        bea = await world.customer("bea@home.example")
        await put(house, code_mail("bea@home.example", "048213"))
        async with bea.asked() as challenge:
            assert await bea.answer(challenge) == "048213"
        world.mailboxes.close()
    (event,) = world.store.events.after(kinds=[EventKind.MAILBOX_FAILED])
    assert event.customer_id == ada.customer.id


def _nobody_looks() -> bool:
    return not any(task.get_name().startswith("mailbox") for task in asyncio.all_tasks())


async def test_a_mailbox_that_comes_back_brings_what_comes_from_then_on(world: World) -> None:
    port = free_port()
    mailbox_id = add(world.store, port)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        assert "cannot be reached" in ada.told(challenge)
        (event,) = world.store.events.after(kinds=[EventKind.MAILBOX_FAILED])
        assert (event.customer_id, event.run_id) == (ada.customer.id, ada.lease.run_id)
        with imap_server(port=port):
            await world.until(lambda: "waits" in ada.told(challenge), "the mailbox being back")
            found = world.store.channels.mailbox(mailbox_id)
            assert found is not None
            assert found.is_well
            await put(Post(port), code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
