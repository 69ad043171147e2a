"""What each step of a sign-in is answered with: the step that comes next, or a sentence for where it is."""

import secrets
from collections.abc import Mapping
from typing import Any

from meterfarm.fake_utility.kit.challenges import Challenge, Verdict
from meterfarm.fake_utility.kit.customers import normalise
from meterfarm.fake_utility.stroopwafel_energy.customers import Subscriber
from meterfarm.fake_utility.stroopwafel_energy.documents import load_printer
from meterfarm.fake_utility.stroopwafel_energy.portal import Company
from meterfarm.fake_utility.stroopwafel_energy.transactions import Transaction

Answer = dict[str, Any]
INCORRECT = "Your e-mail address or password is incorrect."
LOCKED = "Your account is locked to prevent unauthorized use. Call us to unlock it."
WRONG_CODE = "That code isn't right. Check it and try again."
EXPIRED_CODE = "That code has expired. Send a new one."
SHORTEST_PASSWORD = 8
_FAILED = "There were too many wrong codes. Wait a while before you sign in again."
_CALL = "Calls are not possible at this time. Choose another way."


class TooMany(Exception):
    """The portal wants fewer requests."""


class Steps:
    """A sign-in's steps at the company. `knows_device`: the browser is one that the customer trusts."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def take(self, transaction: Transaction, fields: Mapping[str, object], *, knows_device: bool) -> Answer:
        """What the page is answered. Raises TooMany."""
        given = {name: value for name, value in fields.items() if isinstance(value, str)}
        match (given.get("step"), transaction.stage):
            case ("restart", _):
                transaction.stage = "username"
                return _next("username")
            case ("username", "username"):
                return self._username(transaction, given)
            case (_, "password") if fields.get("decoy") is True:
                transaction.stage = "captcha"
                return _next("captcha")
            case ("password", "password"):
                return self._password(transaction, given, knows_device=knows_device)
            case (step, "verify") if transaction.challenge is not None:
                trust = fields.get("trust") is True
                return self._verify(transaction, transaction.challenge, str(step), given, trust=trust)
            case ("newPassword", "newPassword"):
                return self._new_password(transaction, given)
            case ("captcha", "captcha"):
                return _error("We could not see that you are a person. Try again.")
            case _:
                return _next("over")

    def _username(self, transaction: Transaction, given: Mapping[str, str]) -> Answer:
        username = normalise(given.get("signInName", ""))
        if "@" not in username:
            return _error("Enter a valid e-mail address.")
        transaction.username, transaction.stage = username, "password"
        customer = self._company.find(username)
        quirks = sorted(customer.quirks) if customer else []
        if "generated-names" in quirks:
            transaction.password_field = f"p{secrets.token_hex(6)}"
        return _next("password", username=username, quirks=quirks, name=transaction.password_field)

    def _password(self, transaction: Transaction, given: Mapping[str, str], *, knows_device: bool) -> Answer:
        username = transaction.username
        tally = self._company.counters.of(username)
        tally.password_attempts += 1
        customer = self._company.find(username)
        is_refused = username in self._company.memory.refused
        if customer is None or customer.refused or is_refused or not given.get(transaction.password_field):
            tally.password_rejections += 1
            return _error(INCORRECT)
        transaction.customer = customer
        load_printer()
        if username not in self._company.memory.settled:
            match customer.oddities.gate:
                case "locked":
                    tally.password_rejections += 1
                    return _error(LOCKED)
                case "password":
                    transaction.stage = "newPassword"
                    return _next("newPassword")
                case "captcha":
                    transaction.stage = "captcha"
                    return _next("captcha")
                case "too_many_requests":
                    raise TooMany
        if not customer.challenges or knows_device:
            return self._done(transaction)
        transaction.stage = "verify"
        transaction.challenge = Challenge(customer, customer.challenges[0], self._company.clock.now())
        return _ask(customer, transaction.challenge)

    def _verify(
        self,
        transaction: Transaction,
        challenge: Challenge,
        step: str,
        given: Mapping[str, str],
        *,
        trust: bool,
    ) -> Answer:
        customer, now = transaction.customer, self._company.clock.now()
        is_late = customer is not None and customer.oddities.gate == "timeout" and step == "code"
        if customer is None or challenge.over(now) or is_late:
            return _next("over")
        match step:
            case "back":
                challenge.chosen = None if len(challenge.factors) > 1 else challenge.chosen
                return _ask(customer, challenge)
            case "choice":
                return self._choose(customer, challenge, given.get("factor", ""))
            case "send" | "resend":
                return self._send(customer, challenge)
            case "code" if challenge.chosen is not None and not challenge.needs_sending:
                return self._judge(transaction, customer, challenge, given.get("code", ""), trust=trust)
            case _:
                return _ask(customer, challenge)

    def _choose(self, customer: Subscriber, challenge: Challenge, wanted: str) -> Answer:
        if wanted == "call":
            self._company.calls_asked_for += 1
            return _error(_CALL)
        chosen = next((factor for factor in challenge.factors if factor == wanted), None)
        if chosen is None:
            return _error("Choose one of these.")
        challenge.chosen, challenge.code = chosen, None
        return _ask(customer, challenge)

    def _send(self, customer: Subscriber, challenge: Challenge) -> Answer:
        """Nothing is sent before the customer says so."""
        factor = challenge.chosen
        if factor is None:
            return _ask(customer, challenge)
        wait = challenge.wait(factor, self._company.clock.now())
        if wait:
            return _error(f"Wait {wait} seconds before you ask for another code.")
        self._company.send_code(challenge, factor)
        return _ask(customer, challenge)

    def _judge(
        self, transaction: Transaction, customer: Subscriber, challenge: Challenge, code: str, *, trust: bool
    ) -> Answer:
        self._company.counters.of(customer.username).code_attempts += 1
        if customer.refuses_codes:
            verdict = challenge.count_wrong()
        else:
            verdict = self._company.judge.verdict(challenge, code, self._company.clock.now())
        match verdict:
            case Verdict.RIGHT:
                transaction.trust = trust
                return self._done(transaction)
            case Verdict.CLOSED:
                transaction.stage = "failed"
                return _next("failed", words=_FAILED)
            case Verdict.EXPIRED:
                return _error(EXPIRED_CODE)
            case _:
                return _error(WRONG_CODE)

    def _done(self, transaction: Transaction) -> Answer:
        """On to the application; before every other way there some are warned that they leave this site."""
        transaction.stage = "done"
        customer = transaction.customer
        is_even = self._company.counters.of(transaction.username).sign_ins % 2 == 0
        return _next("done", leaving=bool(customer and customer.has("leaving-dialog") and is_even))

    def _new_password(self, transaction: Transaction, given: Mapping[str, str]) -> Answer:
        new = given.get("first", "")
        if len(new) < SHORTEST_PASSWORD:
            return _error(f"Choose a password of at least {SHORTEST_PASSWORD} characters.")
        if new != given.get("second"):
            return _error("The two passwords are not the same.")
        self._company.memory.settled.add(transaction.username)
        return self._done(transaction)


def _ask(customer: Subscriber, challenge: Challenge) -> Answer:
    """The step that the challenge is at."""
    factor, several = challenge.chosen, len(challenge.factors) > 1
    if factor is None:
        return _next("choice", options=_options(customer, challenge))
    where = customer.destination(factor)
    way = f"a text message to {where}" if factor == "sms" else f"an e-mail to {where}"
    if challenge.needs_sending:
        return _next("send", words=f"We will send you a code in {way}.", several=several)
    return _next("code", words=f"We sent {way} with a code of six digits.", several=several)


def _options(customer: Subscriber, challenge: Challenge) -> list[dict[str, str]]:
    words = {"sms": "Text", "email": "E-mail"}
    options = [
        {"factor": factor, "label": f"{words[factor]} {customer.destination(factor)}"}
        for factor in challenge.factors
    ]
    if customer.call:
        options.insert(0, {"factor": "call", "label": f"Call {customer.destination('sms')}"})
    return options


def _next(step: str, **more: object) -> Answer:
    return {"status": "200", "next": step, **more}


def _error(message: str) -> Answer:
    return {"status": "400", "message": message}
