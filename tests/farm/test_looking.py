"""Which mails answer while somebody waits: a real mailbox and a real store, no portal."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from meterfarm.farm.codes.answer_codec import encode_code, encode_resend
from meterfarm.mfa.mailbox import CodeMail, mail_code
from meterfarm.records import Factor, FactorOption
from tests.farm.looking import SECONDS, World, add, put
from tests.farm.post import (
    Between,
    Post,
    code_mail,
)

_CONTENT = b"BODY[]<0>"


async def test_after_a_wrong_code_the_next_mail_is_used_and_no_copy(world: World, house: Post) -> None:
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    first = code_mail("ada@home.example", "000000", message_id="<first@speculoos.example>")
    await put(house, first)
    async with ada.asked() as challenge:
        assert await ada.answer(challenge) == "000000"
    async with ada.asked(error="Your code is invalid.") as challenge:
        await put(house, first)
        await put(house, code_mail("ada@home.example", "000000", message_id="<copy@speculoos.example>"))
        await put(house, code_mail("ada@home.example", "048213"))
        assert await ada.answer(challenge) == "048213"


async def test_of_several_new_mails_the_newest_counts(world: World, house: Post) -> None:
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    await put(house, code_mail("ada@home.example", "111111"))
    await put(house, code_mail("ada@home.example", "222222"))
    async with ada.asked() as challenge:
        assert await ada.answer(challenge) == "222222"


async def test_a_mail_that_takes_long_to_read_holds_up_nothing_else(
    world: World, house: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may send one of very many parts."""
    readers = list[threading.Thread]()

    def read(declared: Sequence[CodeMail], content: bytes) -> str:
        readers.append(threading.current_thread())
        return mail_code(declared, content)

    monkeypatch.setattr("meterfarm.farm.codes.code_search.mail_code", read)
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        await put(house, code_mail("ada@home.example", "048213"))
        assert await ada.answer(challenge) == "048213"
    assert readers
    assert threading.main_thread() not in readers


async def test_what_came_before_the_code_was_asked_for_is_none(world: World, house: Post) -> None:
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    await put(house, code_mail("ada@home.example", "111111"))
    await ada.channels.expect(Factor.EMAIL)
    async with ada.asked() as challenge:
        await put(house, code_mail("ada@home.example", "222222"))
        assert await ada.answer(challenge) == "222222"


async def test_old_foreign_and_other_mail_is_left_alone(world: World, house: Post) -> None:
    """Also an old one that is moved into the mailbox afterwards; one whose server's clock is late is used."""
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    await world.customer("anna@home.example")
    old = datetime.now(UTC) - timedelta(minutes=20)
    async with ada.asked("a***a@home.example") as challenge:
        await put(house, code_mail("ada@home.example", "111111", at=old), old)
        await put(house, code_mail("anna@home.example", "222222"))
        await put(house, code_mail("ada@home.example", "333333", sender="no-reply@speculoos.evil"))
        await put(house, code_mail("ada@home.example", "444444", subject="Reset your password"))
        await put(house, code_mail("ada@home.example, anna@home.example", "555555"))
        await put(house, code_mail("ada@home.example", "none yet"))
        await put(house, code_mail("ada@home.example", "048213"), old)
        assert await ada.answer(challenge) == "048213"
    assert not [mail for mail in house.mails() if b"\\Seen" in mail[b"FLAGS"]]


@pytest.mark.parametrize(
    "code", ["to be found in your canary", "111111, or your verification code is 222222"]
)
async def test_a_mail_without_a_certain_code_is_told_of_and_a_later_one_used(
    world: World, house: Post, code: str
) -> None:
    """Also after the connection broke. What the mail says is not told, and of other people's nothing."""
    waits = "mailbox 1: waits for the mail"
    unread = "mailbox 1: a mail came from which no code could be read; somebody has to answer."
    with Between(house.imap) as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await put(house, code_mail("ada@home.example", code))
            await world.until(lambda: ada.told(challenge) == unread, "the mail")
            between.cut()
            await put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        async with ada.asked(error="Your code is invalid.") as challenge:
            await put(house, code_mail("bea@home.example", code))
            await put(house, code_mail("ada@home.example", "314159"))
            assert await ada.answer(challenge) == "314159"
        world.mailboxes.close()
    assert ada.story() == [waits, unread, waits]


async def test_that_no_code_could_be_read_is_told_until_another_is_sent_for(
    world: World, house: Post
) -> None:
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        await put(house, code_mail("ada@home.example", "not here"))
        await world.until(lambda: "no code could be read" in ada.told(challenge), "the mail")
        world.store.challenges.answer(challenge, encode_code("000000"))
        world.store.challenges.take_answer(ada.lease, challenge)
    async with ada.asked(error="Your code is invalid.") as challenge:
        assert "no code could be read" in ada.told(challenge)
    await ada.channels.expect(Factor.EMAIL)
    async with ada.asked() as challenge:
        assert ada.told(challenge) == "mailbox 1: waits for the mail"


async def test_two_of_whom_only_masks_are_known_are_not_guessed_between(world: World, house: Post) -> None:
    add(world.store, house.imap)
    ada, bea = await world.customer("ada77@home.example"), await world.customer("bea88@home.example")
    async with ada.asked("w***k@work.example") as adas, bea.asked("w***@work.example") as beas:
        await put(house, code_mail("wick@work.example", "111111"))
        await put(house, code_mail("wanda@work.example", "222222"))
        assert await bea.answer(beas) == "222222"
        assert adas not in world.settled
        assert "not certain for which customer it is; somebody has to answer" in ada.told(adas)


async def test_a_person_may_be_quicker(world: World, house: Post) -> None:
    """Their code was wrong; the mail that comes then is for the next challenge."""
    add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        world.store.challenges.answer(challenge, encode_code("000000"))
        assert world.store.challenges.take_answer(ada.lease, challenge) == encode_code("000000")
    await put(house, code_mail("ada@home.example", "048213"))
    async with ada.asked(error="Your code is invalid.") as challenge:
        assert await ada.answer(challenge) == "048213"


async def test_a_mail_that_comes_while_a_persons_wrong_code_is_on_its_way_is_not_lost(
    world: World, house: Post
) -> None:
    """It waits for a slot, perhaps, and the mailbox is still looked into."""
    read, looked = threading.Event(), threading.Event()

    def seen(answer: bytes) -> bytes:
        if _CONTENT in answer:
            read.set()
        elif answer.startswith(b"+ ") and read.is_set():
            looked.set()
        return answer

    with Between(house.imap, change=seen) as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            world.store.challenges.answer(challenge, encode_code("000000"))
            await put(house, code_mail("ada@home.example", "048213"))
            await world.until(looked.is_set, "a look at the mail")
            assert world.store.challenges.take_answer(ada.lease, challenge) == encode_code("000000")
        async with ada.asked(error="Your code is invalid.") as challenge:
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()


async def test_a_mail_that_is_being_read_when_another_is_sent_for_is_old(world: World, house: Post) -> None:
    """Though the mailbox does not say in time where new mail begins."""
    world.hurry(cursor=1.0)
    reading, go_on, marked = threading.Event(), threading.Event(), threading.Event()

    def hold(answer: bytes) -> bytes:
        if _CONTENT in answer and not go_on.is_set():
            reading.set()
            go_on.wait(SECONDS)
        elif b"UIDNEXT" in answer and go_on.is_set():
            marked.set()
        return answer

    with Between(house.imap, change=hold) as between:
        add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            await put(house, code_mail("ada@home.example", "111111"))
            await world.until(reading.is_set, "a look at the mail")
            world.store.challenges.answer(challenge, encode_resend())
            assert world.store.challenges.take_answer(ada.lease, challenge) == encode_resend()
        await ada.channels.expect(Factor.EMAIL)
        async with ada.asked() as challenge:
            go_on.set()
            await world.until(marked.is_set, "where new mail begins")
            await put(house, code_mail("ada@home.example", "222222"))
            assert await ada.answer(challenge) == "222222"
        world.mailboxes.close()


async def test_a_choice_goes_where_a_code_comes_in(world: World, house: Post) -> None:
    mailbox_id = add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    channels = ada.channels
    assert channels.is_sent_here(FactorOption(Factor.EMAIL, "Mail", "a***a@home.example"))
    assert not channels.is_sent_here(FactorOption(Factor.EMAIL, "Mail", "w***k@work.example"))
    assert not channels.is_sent_here(FactorOption(Factor.SMS, "Text", "***-***-0123"))
    world.store.channels.add_number("+15185550123", [ada.customer])
    world.store.channels.note_mailbox(mailbox_id, "It refuses.", {})
    await channels.load()
    assert not channels.is_sent_here(FactorOption(Factor.EMAIL, "Mail", "a***a@home.example"))
    assert not channels.is_sent_here(FactorOption(Factor.SMS, "Text", "***-***-0123")), "no inbox runs"
    world.store.farm.sms.heartbeat("http://127.0.0.1:8700")
    await channels.load()
    assert channels.is_sent_here(FactorOption(Factor.SMS, "Text", "***-***-0123"))
    assert not channels.is_sent_here(FactorOption(Factor.SMS, "Text", "***-***-0124"))
    assert not channels.may_be_trusted(Factor.SMS), "none has come that way yet"
