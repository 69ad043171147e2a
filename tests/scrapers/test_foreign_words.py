"""A portal's words where they enter: messages, challenges, accounts, the ledger, a visit's notes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Answer, Choice, Nobody
from meterfarm.records import Account, Address, Challenge, Commodity, Factor, FactorOption, Meter, Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.outcomes import ItemFailed, Stop
from meterfarm.scrapers.runs.collect import _safe
from meterfarm.scrapers.runs.ledger import Ledger
from meterfarm.scrapers.visit import Visit
from meterfarm.support.logs import safe_for_the_run, scrub_from_here
from meterfarm.support.redact import Secrets
from tests.local_site import local_site
from tests.scrapers.village import Village

EVIL = "\x1b]0;owned\x07[/evil] \x9b31m\u202ereversed\u2069 \u200btab\t\r\nline \ud83d end"
FLOOD = "\x1b" * 10_000_000


class Chooses(Nobody):
    """Takes the first option that is offered, and keeps what was asked."""

    asked: Challenge | None = None

    def can_answer(self, factor: Factor) -> bool:
        return True

    async def answer(self, challenge: Challenge) -> Answer:
        self.asked = challenge
        return Choice(challenge.options[0])


@pytest.mark.parametrize("words", [EVIL, FLOOD], ids=["evil", "flood"])
def test_a_message_is_one_safe_line(words: str) -> None:
    for error in (Stop(Outcome.UNKNOWN_PAGE, f"It says: “{words}”."), ItemFailed(words)):
        assert str(error).isprintable()
        assert len(str(error)) <= 600
    ledger = Ledger()
    ledger.missing(words, words, words)
    (gap,) = ledger.gaps
    assert len(gap.account_number + gap.item + gap.reason) <= 1200
    assert (gap.account_number + gap.item + gap.reason).isprintable()


def test_a_secret_is_scrubbed_before_a_message_is_cut_or_squeezed() -> None:
    secrets = Secrets()
    secrets.add("correct  horse battery", "tail-that-is-cut-in-two")
    scrub_from_here(secrets)
    message = str(Stop(Outcome.UNKNOWN_PAGE, f"correct  horse battery {'x' * 540} tail-that-is-cut-in-two"))
    assert "horse" not in message
    assert "tail" not in message
    token = "".join(f"token{number}." for number in range(1000))
    secrets.add(token)
    assert "token" not in safe_for_the_run(f"no: {token} {token}", 100)


async def test_a_challenge_is_shown_safe_and_the_choice_is_the_portals_own(tmp_path: Path) -> None:
    person = Chooses()
    visit = Visit(Village(), "http://127.0.0.1:1", Chromium(["127.0.0.1"], tmp_path), person, Secrets())
    option = FactorOption(Factor.SMS, EVIL, EVIL)
    answer = await visit.ask(Challenge(FLOOD, None, EVIL, [option], error=EVIL))
    assert answer == Choice(option)
    assert person.asked is not None
    shown = person.asked.options[0]
    for text in (person.asked.prompt, person.asked.error, person.asked.destination, shown.label):
        assert text.isprintable()
        assert len(text) <= 600
    visit.note("odd", title=FLOOD, said=EVIL)
    assert len(json.dumps(visit.steps)) < 10_000


async def test_a_challenge_that_repeats_a_secret_is_shown_and_stored_without_it(tmp_path: Path) -> None:
    person, secrets = Chooses(), Secrets()
    secrets.add("Canary-4711")
    visit = Visit(Village(), "http://127.0.0.1:1", Chromium(["127.0.0.1"], tmp_path), person, secrets)
    option = FactorOption(Factor.SMS, "Text Canary-4711", "Canary-4711")
    said = "Canary-4711 is wrong"
    assert await visit.ask(Challenge(said, None, said, [option], error=said)) == Choice(option)
    assert person.asked is not None
    assert "Canary" not in repr(person.asked)


def test_an_account_is_safe_to_store() -> None:
    address = Address(EVIL, EVIL, EVIL, EVIL)
    account = _safe(Account(EVIL, FLOOD, address, [Meter(EVIL, Commodity.GAS, EVIL, {"service": EVIL})]))
    assert repr(account).replace("\\", "").isprintable()
    assert "\x1b" not in account.number + account.name + account.meters[0].id
    assert len(account.name) <= 255
    assert account.address is not None
    assert account.address.line_1.isprintable()


async def test_the_title_of_an_unknown_page_is_bounded(tmp_path: Path) -> None:
    """Ten million characters, among them escapes, in a real browser."""

    async def titled(_: Request) -> Response:
        return HTMLResponse(r"<script>document.title = '\x1b]0;owned\x07' + 'x'.repeat(10000000)</script>")

    with local_site([Route("/", titled)]) as site:
        async with Chromium(["127.0.0.1"], tmp_path) as chromium:
            async with Visit(Village(), site.url, chromium, Nobody(), Secrets()) as visit:
                await visit.page.open("/")
                with pytest.raises(Stop) as stopped:
                    await visit.page.arrive()
    assert stopped.value.outcome is Outcome.UNKNOWN_PAGE
    assert stopped.value.message.isprintable()
    assert len(stopped.value.message) < 400
