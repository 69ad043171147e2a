"""A mailbox answers what portals ask by mail, with no code but the right one; else a person does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meterfarm.farm.codes.code_search import PendingCode
from meterfarm.farm.codes.mailboxes import Mailbox, pause_after
from meterfarm.records import Challenge, ChallengeState, EventKind, Factor, MailSecurity, Outcome, RunKind
from meterfarm.storage.channels import MailAccount
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import ChallengeInfo
from meterfarm.utilities import load_utility
from tests.fake_portal import fake_portal
from tests.farm.post import PASSWORD, USER, Post, code_mail, post
from tests.farm.whole import Farm, farm_at
from tests.storage.made import claimed

EMAIL = "ineedmfa+email@bayou.energy"
CHOICE = "ineedmfa+choice@bayou.energy"
WAIT = timedelta(minutes=10)


@pytest.fixture
def house() -> Iterator[Post]:
    with post() as house:
        yield house


@pytest.fixture
def farm(tmp_path: Path, house: Post) -> Iterator[Farm]:
    with _portal(tmp_path, house) as url, farm_at(tmp_path / "h", url) as farm:
        yield farm


@contextmanager
def _portal(folder: Path, house: Post, now: str | None = None) -> Iterator[str]:
    address = f"127.0.0.1:{house.smtp}"
    with fake_portal(folder / "p", smtp=address, now=now) as url:
        yield url


def _account(port: int) -> MailAccount:
    return MailAccount("127.0.0.1", port, MailSecurity.NONE, USER)


def _attempts(farm: Farm, customer: Customer) -> int:
    return int(farm.stats()["customers"][customer.username]["code_attempts"])


def _told(farm: Farm, challenge: ChallengeInfo, words: str) -> ChallengeInfo:
    """The challenge, once these words stand at it."""

    def found() -> ChallengeInfo | None:
        one = farm.store.challenges.find(challenge.id)
        return one if one is not None and words in one.channel else None

    return farm.wait(found, 20, f"“{words}” at the challenge")


def test_several_customers_of_one_mailbox_each_get_their_own_code(
    farm: Farm, house: Post, tmp_path: Path
) -> None:
    """And its password is in no log, row or file."""
    farm.environment["METERFARM_LOG"] = "debug"
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    customers = [farm.add(EMAIL), farm.add(CHOICE), *farm.add_many(EMAIL, 1)]
    with (tmp_path / "log").open("w") as log:
        farm.start(2, stderr=log)
        farm.wait_for_quiet()
        farm.stop()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * len(customers)
    assert {_attempts(farm, one) for one in customers} == {1}
    assert not [mail for mail in house.mails() if b"\\Seen" in mail[b"FLAGS"]]
    places = [tmp_path / "log", *(path for path in farm.home.rglob("*") if path.is_file())]
    assert len(places) > 5
    assert not [path for path in places if PASSWORD.encode() in path.read_bytes()]


def test_where_a_mailbox_is_dead_and_where_no_mail_comes_a_person_answers(farm: Farm, house: Post) -> None:
    farm.store.channels.add_mailbox(_account(house.imap), "wrong", None)
    customer = farm.add(EMAIL)
    farm.start(1)
    challenge = _told(farm, farm.challenge_of(customer), "refuses the user name or the password")
    (told,) = farm.store.events.after(kinds=[EventKind.MAILBOX_FAILED])
    assert (told.customer_id, told.run_id) == (customer.id, challenge.run_id)
    with farm.owners():
        farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE


def test_a_refresh_signs_in_by_itself_once_the_mailbox_has_proved_itself(tmp_path: Path, house: Post) -> None:
    """The portal has forgotten the device; a customer whose codes nobody receives has to come back."""
    with _portal(tmp_path, house) as url, farm_at(tmp_path / "h", url) as farm:
        proven, other = farm.add(EMAIL), farm.add("ineedmfa+email.2@bayou.energy")
        farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, [proven])
        with farm.owners(other.username):
            farm.start(1)
            farm.wait_for_quiet()
        farm.stop()
        assert farm.outcomes([proven, other]) == [Outcome.COMPLETE] * 2
        farm.store.channels.change_mailbox(1, everybody=True)
    later = (datetime.now(UTC) + timedelta(days=200)).isoformat()
    with _portal(tmp_path, house, later) as url, farm_at(tmp_path / "h", url) as farm:
        farm.store.runs.refresh()
        farm.start(1)
        farm.wait_for_quiet()
        assert (farm.last(proven).kind, farm.last(proven).outcome) == (RunKind.COLLECT, Outcome.COMPLETE)
        assert _attempts(farm, proven) == 1
        assert farm.last(other).outcome is Outcome.MFA_REQUIRED
        assert farm.stats()["customers"].get(other.username, {"codes_sent": 0})["codes_sent"] == 0


@pytest.mark.parametrize("mail_came", [False, True], ids=["mail on its way", "mail there"])
def test_a_killed_workers_customer_connects_by_the_next_mail(
    farm: Farm, house: Post, *, mail_came: bool
) -> None:
    """The code that the portal sent the dead worker is not tried, whenever it comes."""
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    house.held = []
    customer = farm.add(EMAIL)
    farm.start(2)
    first = _told(farm, farm.challenge_of(customer), "waits for the mail")
    farm.wait(lambda: house.held, what="the portal's mail")
    (run,) = farm.runs(customer)
    victim = int(run.worker.rpartition(":")[2])
    os.kill(victim, signal.SIGSTOP)
    if mail_came:
        house.let_go()
        house.held = []
    os.kill(victim, signal.SIGKILL)
    farm.wait(lambda: len(house.held or ()) == (1 if mail_came else 2), what="another mail")
    second = farm.challenge_of(customer)
    house.held.reverse()
    house.let_go()
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    states = {one.id: one.state for one in farm.store.challenges.list()}
    assert states == {first.id: ChallengeState.LOST, second.id: ChallengeState.USED}
    assert _attempts(farm, customer) == 1
    assert farm.stats()["customers"][customer.username]["codes_sent"] == 2


async def test_of_mails_that_overtook_each_other_the_one_sent_last_counts(
    tmp_path: Path, house: Post
) -> None:
    """And after it none of those that were there."""
    destination = "i***l@bayou.energy"
    asked = Challenge("Enter the code.", Factor.EMAIL, destination)
    with farm_at(tmp_path / "h", "http://127.0.0.1:9") as farm:
        customer, channels = farm.add(EMAIL), farm.store.channels
        info = channels.mailbox(channels.add_mailbox(_account(house.imap), PASSWORD, None))
        (run,) = farm.runs(customer)
        claim = claimed(farm.store, run.id, run.attempt)
        assert info is not None
        assert claim is not None
        answered = asyncio.Event()
        mailbox = Mailbox(info, farm.store, lambda _: answered.set())
        mark = await mailbox.cursor()
        assert mark is not None
        sought = PendingCode(customer, load_utility(customer.utility).mail_codes, run.id, mark)
        before = datetime.now(UTC) - timedelta(minutes=1)
        house.put(code_mail(EMAIL, "222222", message_id="<2@x>"))
        house.put(code_mail(EMAIL, "111111", message_id="<1@x>", at=before))
        sought.challenge_id, sought.destination = (
            farm.store.challenges.open(claim.lease, asked, WAIT),
            destination,
        )
        async with mailbox.watching(sought), asyncio.timeout(20):
            await answered.wait()
        mailbox.close()
        said = farm.store.challenges.take_answer(claim.lease, sought.challenge_id)
        assert said == {"kind": "code", "text": "222222"}
        assert sought.after is not None
        assert sought.after.uid == mark.uid + 2


def test_pauses_grow_while_a_mailbox_fails_and_begin_anew_after_a_connection_that_held() -> None:
    pauses = [0.0]
    for lasted in (0.1, 0.1, 20, 0.1, 0.1, 0.1, 0.1, 0.1, 3600, 0.1):
        pauses.append(pause_after(pauses[-1], lasted))
    assert pauses[1:] == [1, 2, 4, 8, 16, 32, 60, 60, 1, 2]
