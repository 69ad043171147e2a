"""Every state of the onboarding form, each of a customer of their own, made by what makes it in a farm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from meterfarm.records import Challenge, Factor, Outcome, RunKind, WhoActs
from meterfarm.services.customers import CustomerWithoutLogin, create_customer
from meterfarm.services.links import onboarding
from meterfarm.services.onboarding import accept_terms, choose_utility, give_login, withdraw
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Claim, FollowUp
from meterfarm.storage.store import CompanyStore
from tests.api.server import ApiServer
from tests.console.asked import CHOICE, QUESTION, SMS, UTILITY, WAIT
from tests.storage.made import claimed

REFUSED = "Speculoos Power says: “The e-mail address or password you entered is incorrect”. Give another one."
TOTP = Challenge("Enter the 6-digit code of your authenticator app", Factor.TOTP, attempts_left=2)


@dataclass(frozen=True, slots=True)
class FormStates:
    """Makes customers at a server, and takes their runs as a worker does."""

    server: ApiServer

    @property
    def store(self) -> CompanyStore:
        """The company's test side."""
        return self.server.store

    def link(self, customer: Customer) -> str:
        """Where this customer's form is."""
        store = self.store
        return onboarding(store.farm, self.server.url, store.company_id, customer.id).link

    def new(self) -> Customer:
        """Somebody who has not opened their link yet."""
        return create_customer(self.store, CustomerWithoutLogin())

    def agreed(self) -> Customer:
        """They have accepted the terms."""
        customer = self.new()
        accept_terms(self.store, customer, "digest")
        return customer

    def chosen(self, utility: str = UTILITY) -> Customer:
        """They have chosen their utility."""
        customer = self.agreed()
        choose_utility(self.store, customer, utility)
        return self._again(customer)

    def queued(self) -> Customer:
        """They have given a login, and no worker has taken the run yet."""
        customer = self.chosen()
        give_login(self.store, customer, f"ada{customer.id}@bayou.energy", "a password")
        return self._again(customer)

    def taken(self) -> tuple[Customer, Claim]:
        """A worker signs in for them."""
        customer = self.queued()
        return customer, self.take(customer)

    def take(self, customer: Customer) -> Claim:
        """The customer's run, as a worker takes it."""
        (run,) = self.store.runs.list(customer_id=customer.id, active=True)
        claim = claimed(self.store, run.id, 1)
        if claim is None:
            raise RuntimeError("the run was not to be had")
        return claim

    def asked(self, challenge: Challenge, wait: timedelta = WAIT) -> Customer:
        """The portal asks them this."""
        customer, claim = self.taken()
        self.store.challenges.open(claim.lease, challenge, wait)
        return customer

    def checking(self) -> Customer:
        """Their answer is on its way to the portal."""
        customer, claim = self.taken()
        number = self.store.challenges.open(claim.lease, SMS, WAIT)
        self.store.challenges.answer(number, {"code": "1234"})
        self.store.challenges.take_answer(claim.lease, number)
        return customer

    def ended(self, outcome: Outcome, message: str = "") -> Customer:
        """The sign-in ended so, with what follows from it."""
        customer, claim = self.taken()
        self.end(claim, outcome, message)
        return self._again(customer)

    def end(self, claim: Claim, outcome: Outcome, message: str = "") -> None:
        """End a run so, with what follows from it."""
        follow = FollowUp(is_back=outcome is Outcome.COMPLETE)
        if outcome.who_acts is WhoActs.CUSTOMER:
            follow = FollowUp(must_reauthenticate=f"{outcome}: {message}")
        elif outcome.who_acts in (WhoActs.PORTAL, WhoActs.US):
            later = datetime.now(UTC) + timedelta(minutes=4 if outcome.who_acts is WhoActs.PORTAL else 60)
            follow = FollowUp(next_kind=RunKind.CONNECT, next_at=later, next_why="retry")
        self.store.runs.finish(claim.lease, outcome, message, follow=follow)

    def withdrawn(self) -> Customer:
        """They have withdrawn."""
        customer = self.ended(Outcome.COMPLETE)
        withdraw(self.store, customer)
        return customer

    def _again(self, customer: Customer) -> Customer:
        found = self.store.customers.by_id(customer.id)
        if found is None:
            raise RuntimeError("the customer is gone")
        return found


_MADE: Mapping[str, Callable[[FormStates], Customer]] = {
    "terms": FormStates.new,
    "utility": FormStates.agreed,
    "login": FormStates.chosen,
    "unsupported": lambda states: states.chosen("xcel_energy"),
    "queued": FormStates.queued,
    "working": lambda states: states.taken()[0],
    "checking": FormStates.checking,
    "code": lambda states: states.asked(SMS),
    "wrong_code": lambda states: states.asked(SMS.asked_again("That code is not valid any more.")),
    "totp": lambda states: states.asked(TOTP),
    "choice": lambda states: states.asked(CHOICE),
    "question": lambda states: states.asked(QUESTION),
    "wrong_answer": lambda states: states.asked(replace(QUESTION, error="Not the answer.", attempts_left=1)),
    "refused": lambda states: states.ended(Outcome.BAD_CREDENTIALS, REFUSED),
    "locked": lambda states: states.ended(Outcome.ACCOUNT_LOCKED),
    "again": lambda states: states.ended(Outcome.MFA_EXPIRED, "nobody answered in time"),
    "waiting": lambda states: states.ended(Outcome.PORTAL_DOWN, "answers with an error (HTTP 503)"),
    "ours": lambda states: states.ended(Outcome.LAYOUT_CHANGED, "shows no such control"),
    "done": lambda states: states.ended(Outcome.COMPLETE, "Signed in."),
    "withdrawn": FormStates.withdrawn,
}
STATES = (*_MADE, "anybody", "other_utility", "searched", "nothing_found", "no_link")


def every_state(server: ApiServer) -> Mapping[str, str]:
    """The address of each state, by its name of ``STATES``."""
    states = FormStates(server)
    found = {name: states.link(make(states)) for name, make in _MADE.items()}
    return found | {
        "anybody": f"{server.url}/companies/{server.store.company_id}/sign_up",
        "other_utility": found["login"] + "&change=utility",
        "searched": found["utility"] + "&q=edison",
        "nothing_found": found["utility"] + "&q=qqqqqq",
        "no_link": f"{server.url}/companies/{server.store.company_id}/sign_up?key=none",
    }
