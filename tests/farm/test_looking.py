"""What a process does with a mailbox while somebody waits: a real mailbox and a real store, no portal."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from farm.channels import Channels
from farm.mailboxes import Mailboxes
from farm.said import said_code, said_resend
from mfa.mailbox import CodeMail, mail_code
from records import Challenge, EventKind, Factor, FactorOption, MailSecurity, SecretKind
from storage.receiving import MailAccount
from storage.results import Customer
from storage.settings import Settings
from storage.store import Store
from storage.work import Lease
from tests.farm.post import (
    PASSWORD,
    USER,
    Between,
    Post,
    closing_client,
    code_mail,
    free_port,
    imap_server,
    post,
)
from tests.farm.whole import UTILITY
from utilities import load_utility

WAIT = timedelta(minutes=10)
SECONDS = 15
_LOOK = 0.05
_CONTENT = b"BODY[]<0>"


@pytest.fixture(scope="module")
def house() -> Iterator[Post]:
    with post() as house:
        yield house


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(Settings(home=tmp_path / "home")) as store:
        yield store


class World:
    """A process that looks into mailboxes, and the challenges that it heard were answered."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.settled: list[int] = []
        self.mailboxes = Mailboxes(store, self.settled.append)

    async def customer(self, username: str) -> Waiting:
        """One who signs in: a code is about to be asked for."""
        secrets = {SecretKind.PASSWORD: "secret"}
        customer = self.store.add_customer(UTILITY, username, secrets=secrets)
        (run,) = self.store.runs(customer_id=customer.id)
        claim = self.store.claim_run(run.id, run.attempt)
        assert claim is not None
        waiting = Waiting(self, customer, claim.lease)
        await waiting.channels.load()
        await waiting.channels.expect(None)
        return waiting

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Look every now and then whether it holds."""
        for _ in range(round(SECONDS / _LOOK)):
            if holds():
                return
            await asyncio.sleep(_LOOK)
        raise AssertionError(f"not in time: {what}")


class Waiting:
    """A customer whose portal asks for a code by mail."""

    def __init__(self, world: World, customer: Customer, lease: Lease) -> None:
        self.world = world
        self.customer = customer
        self.lease = lease
        utility = load_utility(UTILITY)
        self.channels = Channels(world.store, lease, customer, utility, world.mailboxes)

    @asynccontextmanager
    async def asked(self, destination: str = "", error: str = "") -> AsyncIterator[int]:
        """The portal's challenge, open."""
        challenge = Challenge("Code?", Factor.EMAIL, destination, error=error, can_resend=True)
        challenge_id = self.world.store.open_challenge(self.lease, challenge, WAIT)
        async with self.channels.receiving(challenge_id, challenge):
            yield challenge_id

    async def answer(self, challenge_id: int) -> str:
        """The code, once it has come."""
        await self.world.until(lambda: challenge_id in self.world.settled, f"an answer to {challenge_id}")
        said = self.world.store.take_answer(self.lease, challenge_id)
        return said["text"] if said else ""

    def told(self, challenge_id: int) -> str:
        found = self.world.store.challenge(challenge_id)
        return found.channel if found else ""

    def story(self) -> list[str]:
        """All that was told at the run's challenges of what answers them by itself."""
        story = self.world.store.run_story(self.lease.run_id)
        return [step.detail for step in story.steps if step.step == "by itself"] if story else []


@pytest.fixture
async def world(store: Store) -> AsyncIterator[World]:
    world = World(store)
    yield world
    world.mailboxes.close()


def _add(store: Store, port: int, password: str = PASSWORD) -> int:
    account = MailAccount("127.0.0.1", port, MailSecurity.NONE, USER)
    return store.channels.add_mailbox(account, password, None)


async def _put(house: Post, content: bytes, at: datetime | None = None) -> None:
    await asyncio.to_thread(house.put, content, at)


async def test_after_a_wrong_code_the_next_mail_is_used_and_no_copy(world: World, house: Post) -> None:
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    first = code_mail("ada@home.example", "000000", message_id="<first@speculoos.example>")
    await _put(house, first)
    async with ada.asked() as challenge:
        assert await ada.answer(challenge) == "000000"
    async with ada.asked(error="Your code is invalid.") as challenge:
        await _put(house, first)
        await _put(house, code_mail("ada@home.example", "000000", message_id="<copy@speculoos.example>"))
        await _put(house, code_mail("ada@home.example", "048213"))
        assert await ada.answer(challenge) == "048213"


async def test_of_several_new_mails_the_newest_counts(world: World, house: Post) -> None:
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    await _put(house, code_mail("ada@home.example", "111111"))
    await _put(house, code_mail("ada@home.example", "222222"))
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

    monkeypatch.setattr("farm.code_search.mail_code", read)
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        await _put(house, code_mail("ada@home.example", "048213"))
        assert await ada.answer(challenge) == "048213"
    assert readers
    assert threading.main_thread() not in readers


async def test_what_came_before_the_code_was_asked_for_is_none(world: World, house: Post) -> None:
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    await _put(house, code_mail("ada@home.example", "111111"))
    await ada.channels.expect(Factor.EMAIL)
    async with ada.asked() as challenge:
        await _put(house, code_mail("ada@home.example", "222222"))
        assert await ada.answer(challenge) == "222222"


async def test_old_foreign_and_other_mail_is_left_alone(world: World, house: Post) -> None:
    """Also an old one that is moved into the mailbox afterwards; one whose server's clock is late is used."""
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    await world.customer("anna@home.example")
    old = datetime.now(UTC) - timedelta(minutes=20)
    async with ada.asked("a***a@home.example") as challenge:
        await _put(house, code_mail("ada@home.example", "111111", at=old), old)
        await _put(house, code_mail("anna@home.example", "222222"))
        await _put(house, code_mail("ada@home.example", "333333", sender="no-reply@speculoos.evil"))
        await _put(house, code_mail("ada@home.example", "444444", subject="Reset your password"))
        await _put(house, code_mail("ada@home.example, anna@home.example", "555555"))
        await _put(house, code_mail("ada@home.example", "none yet"))
        await _put(house, code_mail("ada@home.example", "048213"), old)
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
        _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await _put(house, code_mail("ada@home.example", code))
            await world.until(lambda: ada.told(challenge) == unread, "the mail")
            between.cut()
            await _put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        async with ada.asked(error="Your code is invalid.") as challenge:
            await _put(house, code_mail("bea@home.example", code))
            await _put(house, code_mail("ada@home.example", "314159"))
            assert await ada.answer(challenge) == "314159"
        world.mailboxes.close()
    assert ada.story() == [waits, unread, waits]


async def test_that_no_code_could_be_read_is_told_until_another_is_sent_for(
    world: World, house: Post
) -> None:
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        await _put(house, code_mail("ada@home.example", "not here"))
        await world.until(lambda: "no code could be read" in ada.told(challenge), "the mail")
        world.store.answer_challenge(challenge, said_code("000000"))
        world.store.take_answer(ada.lease, challenge)
    async with ada.asked(error="Your code is invalid.") as challenge:
        assert "no code could be read" in ada.told(challenge)
    await ada.channels.expect(Factor.EMAIL)
    async with ada.asked() as challenge:
        assert ada.told(challenge) == "mailbox 1: waits for the mail"


async def test_two_of_whom_only_masks_are_known_are_not_guessed_between(world: World, house: Post) -> None:
    _add(world.store, house.imap)
    ada, bea = await world.customer("ada77@home.example"), await world.customer("bea88@home.example")
    async with ada.asked("w***k@work.example") as adas, bea.asked("w***@work.example") as beas:
        await _put(house, code_mail("wick@work.example", "111111"))
        await _put(house, code_mail("wanda@work.example", "222222"))
        assert await bea.answer(beas) == "222222"
        assert adas not in world.settled
        assert "not certain whose code it brings; somebody has to answer" in ada.told(adas)


async def test_a_person_may_be_quicker(world: World, house: Post) -> None:
    """Their code was wrong; the mail that comes then is for the next challenge."""
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        world.store.answer_challenge(challenge, said_code("000000"))
        assert world.store.take_answer(ada.lease, challenge) == said_code("000000")
    await _put(house, code_mail("ada@home.example", "048213"))
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
        _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            world.store.answer_challenge(challenge, said_code("000000"))
            await _put(house, code_mail("ada@home.example", "048213"))
            await world.until(looked.is_set, "a look at the mail")
            assert world.store.take_answer(ada.lease, challenge) == said_code("000000")
        async with ada.asked(error="Your code is invalid.") as challenge:
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()


async def test_a_mail_that_is_being_read_when_another_is_sent_for_is_old(
    world: World, house: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the mailbox does not say in time where new mail begins."""
    monkeypatch.setattr("farm.mailboxes._MARK_SECONDS", 0.1)
    reading, go_on, marked = threading.Event(), threading.Event(), threading.Event()

    def hold(answer: bytes) -> bytes:
        if _CONTENT in answer and not go_on.is_set():
            reading.set()
            go_on.wait(SECONDS)
        elif b"UIDNEXT" in answer and go_on.is_set():
            marked.set()
        return answer

    with Between(house.imap, change=hold) as between:
        _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            await _put(house, code_mail("ada@home.example", "111111"))
            await world.until(reading.is_set, "a look at the mail")
            world.store.answer_challenge(challenge, said_resend())
            assert world.store.take_answer(ada.lease, challenge) == said_resend()
        await ada.channels.expect(Factor.EMAIL)
        async with ada.asked() as challenge:
            go_on.set()
            await world.until(marked.is_set, "where new mail begins")
            await _put(house, code_mail("ada@home.example", "222222"))
            assert await ada.answer(challenge) == "222222"
        world.mailboxes.close()


async def test_a_mailbox_without_idle_is_asked_now_and_then(world: World, house: Post) -> None:
    with Between(house.imap, change=lambda answer: answer.replace(b" IDLE", b"")) as old:
        _add(world.store, old.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            await _put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()


async def test_a_connection_that_breaks_is_made_again(world: World, house: Post) -> None:
    """What comes meanwhile is found afterwards: it is known where new mail began."""
    with Between(house.imap) as between:
        _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            between.cut()
            await _put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()


async def test_a_connection_that_is_back_at_the_next_try_was_no_outage(world: World, house: Post) -> None:
    with Between(house.imap) as between:
        _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            between.cut()
            await world.until(lambda: between.made == 2, "another connection")
            await _put(house, code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"
        world.mailboxes.close()
    assert ada.story() == ["mailbox 1: waits for the mail"]
    assert not world.store.events(kinds=[EventKind.MAILBOX_FAILED])


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
        mailbox_id = _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "waits" in ada.told(challenge), "what is told")
            way.close()
            await world.until(lambda: "cannot be reached" in ada.told(challenge), "the outage")
        (event,) = world.store.events(kinds=[EventKind.MAILBOX_FAILED])
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
        _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            for connection in (1, 2, 3):
                await world.until(partial(looked.__contains__, connection), "a look")
                assert "Somebody has to answer." not in ada.told(challenge)
                between.cut()
            await world.until(lambda: "Somebody has to answer." in ada.told(challenge), "the outage")
        world.mailboxes.close()
    assert len(world.store.events(kinds=[EventKind.MAILBOX_FAILED])) == 1


async def test_one_that_only_seems_to_be_back_is_told_of_once(world: World, house: Post) -> None:
    """It is well when mail could be looked for, not when it lets one in."""
    searches = list[int]()

    def seem(answer: bytes) -> bytes:
        if b"SEARCH" not in answer:
            return answer
        searches.append(between.made)
        return b"* BYE\r\n"

    with Between(house.imap) as between:
        _add(world.store, between.port)
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

    monkeypatch.setattr("farm.code_search.is_stale", trip)
    _add(world.store, house.imap)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        await _put(house, code_mail("ada@home.example", "048213"))
        await world.until(lambda: "a fault of our own (ArithmeticError)" in ada.told(challenge), "the fault")
        assert "canary" not in ada.told(challenge)


async def test_a_password_that_is_given_anew_is_tried_soon(world: World, house: Post) -> None:
    mailbox_id = _add(world.store, house.imap, "wrong")
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        assert "refuses the user name or the password" in ada.told(challenge)
        assert "Somebody has to answer." in ada.told(challenge)
        world.store.channels.change_mailbox(mailbox_id, password=PASSWORD)
        await world.until(lambda: "waits" in ada.told(challenge), "another try")
        await _put(house, code_mail("ada@home.example", "048213"))
        assert await ada.answer(challenge) == "048213"


async def test_a_login_that_was_refused_is_not_tried_for_the_next_customer_until_it_is_given_anew(
    world: World, house: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nobody waited meanwhile. Then it is no outage any more, and mail that comes at once counts."""
    monkeypatch.setattr("farm.mailboxes._LINGER", 0.0)
    monkeypatch.setattr("farm.mailboxes._POLL", 0.1)
    with Between(house.imap) as between:
        mailbox_id = _add(world.store, between.port, "wrong")
        for username in ("ada@home.example", "bea@home.example"):
            customer = await world.customer(username)
            async with customer.asked() as challenge:
                assert "refuses the user name or the password" in customer.told(challenge)
            await world.until(_nobody_looks, "the end of looking")
        assert between.made == 1
        world.store.channels.change_mailbox(mailbox_id, password=PASSWORD)
        cleo = await world.customer("cleo@home.example")
        await _put(house, code_mail("cleo@home.example", "048213"))
        async with cleo.asked() as challenge:
            assert await cleo.answer(challenge) == "048213"
        world.mailboxes.close()
    assert cleo.customer.id not in {
        event.customer_id for event in world.store.events(kinds=[EventKind.MAILBOX_FAILED])
    }


async def test_an_outage_that_is_long_over_is_none(
    world: World, house: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has looked since: what comes right after the code was asked for counts."""
    monkeypatch.setattr("farm.mailboxes._LINGER", 0.0)
    monkeypatch.setattr("farm.mailboxes._POLL", 0.1)
    with Between(house.imap, change=lambda _: b"* BYE\r\n") as between:
        _add(world.store, between.port)
        ada = await world.customer("ada@home.example")
        async with ada.asked() as challenge:
            await world.until(lambda: "Somebody has to answer." in ada.told(challenge), "the outage")
        await world.until(_nobody_looks, "the end of looking")
        between.change = lambda answer: answer
        bea = await world.customer("bea@home.example")
        await _put(house, code_mail("bea@home.example", "048213"))
        async with bea.asked() as challenge:
            assert await bea.answer(challenge) == "048213"
        world.mailboxes.close()
    (event,) = world.store.events(kinds=[EventKind.MAILBOX_FAILED])
    assert event.customer_id == ada.customer.id


def _nobody_looks() -> bool:
    return not any(task.get_name().startswith("mailbox") for task in asyncio.all_tasks())


async def test_a_mailbox_that_comes_back_brings_what_comes_from_then_on(world: World) -> None:
    port = free_port()
    mailbox_id = _add(world.store, port)
    ada = await world.customer("ada@home.example")
    async with ada.asked() as challenge:
        assert "cannot be reached" in ada.told(challenge)
        (event,) = world.store.events(kinds=[EventKind.MAILBOX_FAILED])
        assert (event.customer_id, event.run_id) == (ada.customer.id, ada.lease.run_id)
        with imap_server(port=port):
            await world.until(lambda: "waits" in ada.told(challenge), "the mailbox being back")
            found = world.store.channels.mailbox(mailbox_id)
            assert found is not None
            assert found.is_well
            await _put(Post(port), code_mail("ada@home.example", "048213"))
            assert await ada.answer(challenge) == "048213"


async def test_a_choice_goes_where_a_code_comes_in(world: World, house: Post) -> None:
    mailbox_id = _add(world.store, house.imap)
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
    world.store.channels.beat_inbox("http://127.0.0.1:8700")
    await channels.load()
    assert channels.is_sent_here(FactorOption(Factor.SMS, "Text", "***-***-0123"))
    assert not channels.is_sent_here(FactorOption(Factor.SMS, "Text", "***-***-0124"))
    assert not channels.may_be_trusted(Factor.SMS), "none has come that way yet"
