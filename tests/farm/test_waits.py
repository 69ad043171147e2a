"""People take their time; nobody else has to wait for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterfarm.fake_utility import listing
from meterfarm.farm.codes.answer_codec import (
    encode_choice,
    encode_code,
    encode_resend,
)
from meterfarm.records import ChallengeState, Factor, Outcome, RunKind, RunState
from meterfarm.storage import AnswerRefused
from tests.fake_portal import fake_portal
from tests.farm.whole import Farm, farm_at, many


@pytest.mark.timeout(300)
def test_those_who_wait_hold_up_nobody(farm: Farm) -> None:
    """One process has many more people waiting than it has slots; their pages stay open all the while."""
    waiting = farm.add_many("ineedmfa+text_message@bayou.energy", many(50))
    farm.start(2)
    farm.wait(lambda: len(farm.store.challenges.list(only_open=True)) == len(waiting), 90, "all challenges")
    asked = {challenge.id for challenge in farm.store.challenges.list(only_open=True)}
    others = farm.add_many("iamvalid@bayou.energy", many(50))
    farm.wait(
        lambda: all(
            run.kind is RunKind.COLLECT and run.state is RunState.ENDED
            for run in (farm.runs(customer)[0] for customer in others)
        ),
        90,
        "the data of the others",
    )
    assert {challenge.id for challenge in farm.store.challenges.list(only_open=True)} == asked
    with farm.owners():
        farm.wait_for_quiet(120)
    assert farm.outcomes(waiting + others) == [Outcome.COMPLETE] * len(waiting + others)
    assert {farm.stats()["customers"][customer.username]["codes_sent"] for customer in waiting} == {1}


def test_a_challenge_is_answered_by_whoever_has_its_number(farm: Farm) -> None:
    """A choice, a wrong code, another one sent, and the right one at last; each answer counts once."""
    customer = farm.add("ineedmfa+choice@bayou.energy")
    farm.start(1)
    choice = farm.challenge_of(customer)
    assert [option.factor for option in choice.challenge.options] == [Factor.SMS, Factor.EMAIL]
    farm.store.challenges.answer(choice.id, encode_choice(Factor.EMAIL))
    code = farm.challenge_of(customer)
    with pytest.raises(AnswerRefused, match="was answered"):
        farm.store.challenges.answer(choice.id, encode_choice(Factor.SMS))
    farm.store.challenges.answer(code.id, encode_code("000000"))
    again = farm.challenge_of(customer)
    assert again.challenge.error == "Your code is invalid. Please try again."
    assert again.challenge.attempts_left == 2
    farm.store.challenges.answer(again.id, encode_resend())
    too_soon = farm.challenge_of(customer)
    assert "seconds" in too_soon.challenge.error
    farm.answer(too_soon)
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    states = {challenge.state for challenge in farm.store.challenges.list()}
    assert states == {ChallengeState.USED}


def test_nobody_answers_in_time(tmp_path: Path) -> None:
    with (
        fake_portal(tmp_path / "portal") as url,
        farm_at(tmp_path / "home", url, METERFARM_MFA_WAIT="1") as farm,
    ):
        customer = farm.add("ineedmfa+email@bayou.energy")
        farm.start(1)
        challenge = farm.challenge_of(customer)
        farm.wait_for_quiet()
        assert farm.last(customer).outcome is Outcome.MFA_EXPIRED
        with pytest.raises(AnswerRefused, match="expired"):
            farm.store.challenges.answer(challenge.id, encode_code("1"))


def test_what_the_customer_entrusted_is_used_without_asking(farm: Farm) -> None:
    """An authenticator's secret and a security answer."""
    listed = {row["username"]: row for row in listing.rows("speculoos_power")}
    with_totp = farm.add(
        "totp@speculoos.example", totp_secret=str(listed["totp@speculoos.example"]["totp_secret"])
    )
    with_answer = farm.add("ineedmfa+security_question@bayou.energy", security_answer="Cook")
    farm.start(1)
    farm.wait_for_quiet()
    assert farm.outcomes([with_totp, with_answer]) == [Outcome.COMPLETE] * 2
    assert not farm.store.challenges.list()


def test_a_wrong_security_answer_is_given_once_and_then_a_person_asked(farm: Farm) -> None:
    customer = farm.add("ineedmfa+security_question@bayou.energy", security_answer="Baker")
    farm.start(1)
    asked = farm.challenge_of(customer)
    assert "try again" in asked.challenge.error
    assert farm.stats()["customers"][customer.username]["code_attempts"] == 1
    farm.answer(asked)
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE


def test_a_cancelled_run_ends_though_it_waits(farm: Farm) -> None:
    customer = farm.add("ineedmfa+email@bayou.energy")
    farm.start(1)
    challenge = farm.challenge_of(customer)
    farm.store.runs.cancel(challenge.run_id)
    farm.wait(lambda: farm.runs(customer)[0].state is RunState.CANCELLED, 20, "a cancelled run")
    with pytest.raises(AnswerRefused):
        farm.store.challenges.answer(challenge.id, encode_code("1"))
