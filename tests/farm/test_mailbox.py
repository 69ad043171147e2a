"""A mailbox answers what portals ask by mail, with nobody at hand, and with no code but the right one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fake_utility.running import fake_utility
from records import MailSecurity, Outcome
from storage.receiving import MailAccount
from tests.farm.post import PASSWORD, USER, Post, code_mail, post
from tests.farm.whole import Farm, farm_at

EMAIL = "ineedmfa+email@bayou.energy"
CHOICE = "ineedmfa+choice@bayou.energy"


@pytest.fixture
def house() -> Iterator[Post]:
    with post() as house:
        yield house


@pytest.fixture
def farm(tmp_path: Path, house: Post) -> Iterator[Farm]:
    with (
        fake_utility(random_codes=True, home=tmp_path / "p", smtp=f"127.0.0.1:{house.smtp}") as url,
        farm_at(tmp_path / "h", url) as farm,
    ):
        yield farm


def _account(port: int) -> MailAccount:
    return MailAccount("127.0.0.1", port, MailSecurity.NONE, USER)


def test_codes_that_come_by_mail_are_entered_with_nobody_at_hand(farm: Farm, house: Post) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    house.put(code_mail(EMAIL, "111111", at=long_ago), long_ago)
    farm.store.channels.add_mailbox(_account(house.imap), PASSWORD, None)
    customers = [farm.add(EMAIL), farm.add(CHOICE), *farm.add_many(EMAIL, 3)]
    farm.start(2)
    farm.wait_for_quiet()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * len(customers)
    stats = farm.stats()["customers"]
    assert {stats[one.username]["code_attempts"] for one in customers} == {1}
    assert not [mail for mail in house.mails() if b"\\Seen" in mail[b"FLAGS"]]
