"""A company of the Stroopwafel kind in this process, and a guest who signs in there without a browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from meterfarm.fake_utility.kit.clock import Clock, parse_time
from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.delivery import Delivery
from meterfarm.fake_utility.kit.state import PortalContext
from meterfarm.fake_utility.stroopwafel_energy import PORTAL
from meterfarm.fake_utility.stroopwafel_energy.portal import Company

MY = "https://my.stroopwafel.example"
LOGIN = "https://login.stroopwafel.example/stroopwafelcustomers.onmicrosoft.com"
API = "https://api.stroopwafel.example/v1"
WIDGET = "https://widget.stroopwafel.example/export/api"
_CLIENT = "stroopwafel_energy-web"
_VERIFIER = "v" * 43


class Waffle:
    """The company, with a clock that the test moves."""

    def __init__(self, now: str = "2026-11-21T10:00") -> None:
        self.seconds = 0.0
        clock = Clock(parse_time(now), lambda: self.seconds)
        context = PortalContext(b"k" * 32, clock, Codes(random=False), Delivery())
        self.app, state = PORTAL.make(context)
        assert isinstance(state, Company)
        self.state = state

    def guest(self) -> Guest:
        """Somebody with a browser's cookies."""
        return Guest(self)


class Guest:
    """Asks as the application's scripts do."""

    def __init__(self, waffle: Waffle) -> None:
        transport = httpx.ASGITransport(waffle.app)
        self.client = httpx.AsyncClient(transport=transport, base_url=MY, follow_redirects=False)
        self.tokens: dict[str, Any] = {}
        self._settings: dict[str, Any] = {}

    async def begin(self) -> None:
        """To the identity provider's page."""
        digest = hashlib.sha256(_VERIFIER.encode()).digest()
        asked = {
            "redirect_uri": f"{MY}/signin-oidc",
            "state": "s",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        }
        page = await self.client.get(f"{LOGIN}/oauth2/v2.0/authorize", params=asked)
        found = re.search(r'name="transaction" content="([^"]*)"', page.text)
        assert found
        self._settings = json.loads(html.unescape(found[1]))

    async def step(self, step: str, **fields: object) -> dict[str, Any]:
        """What a step is answered in place."""
        answer = await self.client.post(
            f"{LOGIN}/b2c_1a_signin/SelfAsserted",
            json={"tx": self._settings["tx"], "step": step, **fields},
            headers={"X-CSRF-TOKEN": self._settings["csrf"]},
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def password(self, username: str) -> dict[str, Any]:
        """What the password leads to."""
        await self.begin()
        await self.step("username", signInName=username)
        return await self.step("password", password="x")

    async def enter(self) -> httpx.Response:
        """From the last step through the hops; the answer that has the tokens, or refuses the way."""
        page = await self.client.get(f"https://login.stroopwafel.example{self._settings['confirmed']}")
        for _ in range(2):
            action, fields = (
                re.search(r'action="([^"]*)"', page.text),
                re.findall(r'name="([^"]*)" value="([^"]*)"', page.text),
            )
            if page.status_code != 200 or not action:
                return page
            page = await self.client.post(action[1], data=dict(fields))
        assert page.status_code == 303
        code = parse_qs(urlsplit(page.headers["location"]).fragment)["code"][0]
        return await self.token(grant_type="authorization_code", code=code, code_verifier=_VERIFIER)

    async def sign_in(self, username: str) -> Guest:
        """Inside, without MFA."""
        assert (await self.password(f"{username}@stroopwafel.example"))["next"] == "done"
        assert (await self.enter()).status_code == 200
        return self

    async def token(self, **fields: str) -> httpx.Response:
        """The answer of the token endpoint; what it gives is used from then on."""
        answer = await self.client.post(f"{LOGIN}/oauth2/v2.0/token", data={"client_id": _CLIENT, **fields})
        if answer.status_code == 200:
            self.tokens = answer.json()
        return answer

    async def renew(self, refresh: str = "") -> httpx.Response:
        """The answer to a refresh token, the newest unless another is given."""
        wanted = refresh or self.tokens["refresh_token"]
        return await self.token(grant_type="refresh_token", refresh_token=wanted)

    async def get(self, address: str, **params: str) -> httpx.Response:
        """Data, for the bearer token."""
        return await self.client.get(address, params=params, headers=self._headers())

    async def post(self, address: str) -> httpx.Response:
        """The same, posted."""
        return await self.client.post(address, json={}, headers=self._headers())

    async def data(self, path: str, **params: str) -> Any:
        """What the data's host answers."""
        answer = await self.get(f"{API}{path}", **params)
        return answer.raise_for_status().json()["data"]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.get('access_token', '')}"}
