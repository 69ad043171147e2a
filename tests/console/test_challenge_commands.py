"""`challenges` and `answer`: what reaches the worker that waits, and what is refused."""

from __future__ import annotations

import json
import os
import pty
import select
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from meterfarm.farm.codes.answer_codec import decode_answer
from meterfarm.mfa.port import Answer, Choice, Code, Resend
from meterfarm.records import Challenge, Outcome
from meterfarm.storage.runs import Claim
from meterfarm.storage.store import CompanyStore
from tests.console.asked import CHOICE, QUESTION, SMS, WAIT, taken
from tests.console.command import Command
from tests.forked import at_terminal
from tests.scrape.command import environment, start
from tests.scrape.terminal import Terminal


def test_a_code_reaches_the_worker_once(command: Command, store: CompanyStore) -> None:
    claim = taken(store, "ada")
    challenge = str(store.challenges.open(claim.lease, SMS, WAIT))
    (listed,) = json.loads(command("challenges", "--json").stdout)
    assert (listed["id"], listed["run_id"], listed["factor"], listed["state"]) == (1, 1, "sms", "open")
    assert (listed["prompt"], listed["destination"]) == (SMS.prompt, SMS.destination)
    empty = command("answer", challenge, stdin="\n")
    assert empty.status == 2
    assert "answer was to come on standard input" in empty.stderr
    blank = command("answer", challenge, stdin="   \n")
    assert (blank.status, blank.stderr) == (
        2,
        "meterfarm: The answer was empty; nothing was sent to the portal.\n",
    )
    factor = command("answer", challenge, "--factor", "email")
    assert factor.status == 2
    assert "no choice of factor; it wants an answer (sms)" in factor.stderr
    ran = command("answer", challenge, stdin=" 555123 \n")
    assert (ran.status, ran.stdout) == (0, "challenge 1 answered; run 1 continues\n"), ran.stderr
    said = store.challenges.take_answer(claim.lease, 1)
    if said is None:
        raise RuntimeError("no answer came")
    assert decode_answer(SMS, said) == Code("555123")
    again = command("answer", challenge, stdin="555124\n")
    assert again.status == 2
    assert "was answered at" in again.stderr
    assert command("challenges").stdout.startswith("challenge\trun\t")
    assert command("challenges").stdout.count("\n") == 1


def test_choices_and_resends_are_understood_and_the_rest_refused(
    command: Command, store: CompanyStore
) -> None:
    ada, bea, cat = (taken(store, name) for name in ("ada", "bea", "cat"))
    choice = store.challenges.open(ada.lease, CHOICE, WAIT)
    question = store.challenges.open(bea.lease, QUESTION, WAIT)
    late = store.challenges.open(cat.lease, SMS, timedelta(0))
    table = command("challenges").stdout
    assert "\tchoice: sms, email\t" in table
    assert table.count("\topen\t") == 2
    none = command("answer", str(choice), "--factor", "totp")
    assert none.status == 2
    assert "answer with one of: sms, email" in none.stderr
    assert command("answer", str(choice), "--factor", "email").status == 0
    said = store.challenges.take_answer(ada.lease, choice)
    assert decode_answer(CHOICE, said or {}) == Choice(CHOICE.options[1])
    resend = command("answer", str(question), "--resend")
    assert resend.status == 2
    assert "does not offer to send" in resend.stderr
    expired = command("answer", str(late), stdin="555123\n")
    assert expired.status == 2
    assert "expired at" in expired.stderr
    again = store.challenges.open(cat.lease, SMS, WAIT)
    assert command("answer", str(again), "--resend").status == 0
    assert decode_answer(SMS, store.challenges.take_answer(cat.lease, again) or {}) == Resend()
    store.runs.hand_back(bea.lease, "its worker is being stopped")
    lost = command("answer", str(question), stdin="waffle\n")
    assert lost.status == 2
    assert "was lost with the worker" in lost.stderr
    unknown = command("answer", "99")
    assert "There is no challenge 99" in unknown.stderr


def test_at_a_terminal_the_portals_prompt_is_shown(home: Path, store: CompanyStore) -> None:
    claim = taken(store, "ada")
    store.challenges.open(claim.lease, CHOICE, WAIT)
    ours, theirs = pty.openpty()
    arguments = ["answer", "1", "--no-wait"]
    with at_terminal(arguments, environment(home, TERM="xterm"), home.parent, theirs) as process:
        terminal = Terminal(ours)
        terminal.expect("> ")
        os.write(ours, b"2\n")
        terminal.expect("run 1 continues")
        assert process.wait(30) == 0
    os.close(theirs)
    os.close(ours)
    assert CHOICE.prompt in terminal.shown
    assert decode_answer(CHOICE, store.challenges.take_answer(claim.lease, 1) or {}) == Choice(
        CHOICE.options[1]
    )


WRONG = replace(SMS, error="That code is not right.", attempts_left=2)


def test_at_a_terminal_it_says_whether_the_code_was_right_and_asks_again(
    home: Path, store: CompanyStore
) -> None:
    """A choice, a wrong code, then the right one, in one command; the worker is this process."""
    claim = taken(store, "ada")
    store.challenges.open(claim.lease, CHOICE, WAIT)
    ours, theirs = pty.openpty()
    with at_terminal(
        ["answer", "1"], environment(home, TERM="xterm", COLUMNS="80"), home.parent, theirs
    ) as process:
        terminal = Terminal(ours)
        terminal.expect("> ")
        os.write(ours, b"1\n")
        _take(store, claim, 1)
        store.challenges.open(claim.lease, SMS, WAIT)
        terminal.expect(SMS.prompt)
        terminal.expect("> ")
        os.write(ours, b"  \n")
        terminal.expect("The answer was empty")
        terminal.expect("> ")
        os.write(ours, b"111111\n")
        _take(store, claim, 2)
        store.challenges.open(claim.lease, WRONG, WAIT)
        terminal.expect("That code is not right. (2 tries left)")
        terminal.expect("> ")
        os.write(ours, b"555123\n")
        assert _take(store, claim, 3) == Code("555123")
        store.credentials.save_session(claim.customer, b"{}", trusted_since=None)
        terminal.expect("challenge 3: accepted; run 1 is signed in")
        assert process.wait(30) == 0
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize(
    ("after", "said", "status"),
    [
        (WRONG, "challenge 1: not accepted: That code is not right. (2 tries left); answer challenge 2", 10),
        (QUESTION, f"challenge 1: accepted; challenge 2 asks (question): {QUESTION.prompt}", 0),
        (Outcome.MFA_FAILED, "challenge 1: run 1 ended: mfa_failed. So it ended.", 10),
        (Outcome.PORTAL_DOWN, "challenge 1: run 1 ended: portal_down. So it ended.", 11),
        (Outcome.COMPLETE, "challenge 1: accepted; run 1 ended: complete. So it ended.", 0),
        (None, "challenge 1: no worker has taken the answer; `run show 1` says", 1),
    ],
)
def test_a_script_reads_one_line_and_a_status(
    home: Path, store: CompanyStore, after: Challenge | Outcome | None, said: str, status: int
) -> None:
    claim = taken(store, "ada")
    store.challenges.open(claim.lease, SMS, WAIT)
    with start(home, "answer", "1", "--wait") as process:
        process.tell("555123")
        _until(lambda: (found := store.challenges.find(1)) is not None and found.answered_at is not None)
        if after is None:
            store.runs.hand_back(claim.lease, "its worker is being stopped")
        else:
            store.challenges.take_answer(claim.lease, 1)
        if isinstance(after, Outcome):
            store.runs.finish(claim.lease, after, "So it ended.")
        elif after is not None:
            store.challenges.open(claim.lease, after, WAIT)
        if process.stdout is None:
            raise RuntimeError("no pipe")
        written = process.stdout.read()
        assert process.wait(30) == status
    assert written.startswith(said)
    assert written.count("\n") == 1


def _take(store: CompanyStore, claim: Claim, challenge: int) -> Answer:
    """The answer, as soon as it is there."""
    found = store.challenges.find(challenge)
    if found is None:
        raise RuntimeError("no such challenge")
    _until(lambda: (now := store.challenges.find(challenge)) is not None and now.answered_at is not None)
    return decode_answer(found.challenge, store.challenges.take_answer(claim.lease, challenge) or {})


def _until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not holds():
        if time.monotonic() > ends:
            raise AssertionError("it never held")
        select.select([], [], [], 0.05)
