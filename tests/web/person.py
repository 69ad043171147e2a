"""A customer with their link and a browser that runs no scripts; and a worker that takes their runs."""

from __future__ import annotations

import re
from html import unescape

from meterfarm.records import Outcome
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Claim, FollowUp
from tests import asking
from tests.api.server import ApiServer
from tests.storage.made import claimed


class Person:
    """A customer with their link, who has a browser that does not run scripts."""

    def __init__(self, api: ApiServer, **known: str) -> None:
        made = api.client.post("/api/v2/customers", json=known).json()
        found = api.store.customers.by_id(made["id"])
        assert found is not None
        self.api, self._found = api, found
        self.token, self.link = made["onboarding_token"], made["onboarding_link"]
        self.browser = asking.client(base_url=api.url, follow_redirects=True, timeout=30)
        self.path = f"/companies/{api.store.company_id}/sign_up"
        self.page = self.browser.get(self.link)

    @property
    def customer(self) -> Customer:
        """As they are stored now."""
        found = self.api.store.customers.by_id(self._found.id)
        assert found is not None
        return found

    @property
    def step(self) -> str:
        """What the page shows."""
        found = re.search('data-step="([a-z]+)"', self.page.text)
        assert found, self.page.text
        return found[1]

    @property
    def text(self) -> str:
        """The words of the page."""
        return " ".join(unescape(re.sub("<[^>]*>", " ", self.page.text)).split())

    def look(self, **query: str) -> str:
        self.page = self.browser.get(self.path, params={"key": self.token, **query})
        return self.step

    def post(self, what: str, **fields: str) -> str:
        """What the page that comes then wants."""
        self.page = self.browser.post(f"{self.path}/{what}", data={"key": self.token, **fields})
        return self.step

    def accept(self) -> str:
        hidden = re.search('name="terms" value="([0-9a-f]{64})"', self.page.text)
        assert hidden
        return self.post("terms", accept="yes", terms=hidden[1])

    def sign_in(self, name: str) -> Claim:
        """With a login, up to where a worker has taken the run."""
        assert self.accept() == "login"
        assert self.post("login", username=f"{name}@bayou.energy", password="a password") == "working"
        return self.taken()

    def taken(self) -> Claim:
        run = self.api.store.runs.list(customer_id=self.customer.id, active=True)[0]
        claim = claimed(self.api.store, run.id, 1)
        assert claim is not None
        return claim

    def ended(self, claim: Claim, outcome: Outcome, message: str = "", follow: FollowUp | None = None) -> str:
        if follow is None:
            well = outcome is Outcome.COMPLETE
            follow = FollowUp(is_back=well, must_reauthenticate="" if well else f"{outcome}: {message}")
        self.api.store.runs.finish(claim.lease, outcome, message, follow=follow)
        return self.look()
