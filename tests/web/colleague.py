"""Somebody who uses the dashboard over HTTP: signs in, opens pages, posts their forms."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self

import httpx

from meterfarm.services.users import add_user, choose_password
from meterfarm.storage.customers import Role, User
from tests import asking
from tests.api.server import ApiServer

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Colleague:
    """A user of a company, and their browser. Use ``with``; it is signed in there."""

    def __init__(
        self,
        api: ApiServer,
        email: str,
        role: Role = Role.OWNER,
        company: str = "",
        *,
        is_operator: bool = False,
    ) -> None:
        self._api = api
        owner = api.farm.companies.find(company or "default")
        self.user: User
        self.user, link = add_user(api.farm, owner, email, role, is_operator=is_operator)
        choose_password(api.farm, link, PASSWORD)
        self.browser: httpx.Client = asking.client(base_url=api.url, timeout=30, follow_redirects=True)

    def __enter__(self) -> Self:
        self.sign_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.browser.close()

    def sign_in(self, password: str = PASSWORD, **more: str) -> httpx.Response:
        """Give the address and a password."""
        fields = {"email": self.user.email, "password": password, **more}
        return self.browser.post("/dashboard/sign_in", data=fields)

    def page(self, path: str) -> httpx.Response:
        """A page, and where it leads."""
        return self.browser.get(f"/dashboard{path}")

    @property
    def csrf(self) -> str:
        """The token of this browser's forms."""
        found = _TOKEN.search(self.page("/account").text)
        assert found is not None
        return found[1]

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Post a form of a page, with its token."""
        return self.browser.post(f"/dashboard{path}", data={"csrf": self.csrf, **fields})

    def send_file(self, path: str, content: bytes, name: str = "bill.pdf", **query: str) -> httpx.Response:
        """Post a form with a file; its token is in the address."""
        return self.browser.post(
            f"/dashboard{path}", params={"csrf": self.csrf, **query}, files={"file": (name, content)}
        )
