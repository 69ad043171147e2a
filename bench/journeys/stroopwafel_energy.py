"""Stroopwafel Energy: signing in on another host, a single-page application, an export widget."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright import async_api, sync_api

from meterfarm.bench.child import BenchFailed
from meterfarm.bench.journeys import Fetched, FloorPlan, Lacking
from meterfarm.bench.task import PASSWORD, Task, downloaded, local_hosts
from meterfarm.records import Bill, Commodity, Document, Meter, Series
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.runs.spans import days, spans
from meterfarm.scrapers.state import PortalSession
from meterfarm.utilities.stroopwafel_energy import UTILITY, answers

_LONGEST = UTILITY.capabilities.export_days()
_ACCOUNTS = UTILITY.at("api", "/v1/accounts")
_EXPORT = UTILITY.at("widget", "/export/api/usage.zip")
_METERS = UTILITY.at("widget", "/export/api/meters")
_OAUTH = UTILITY.at("login", f"/{UTILITY.tenant}/oauth2/v2.0")
_NEWEST = "/documents/statement.pdf"
_COOKIES = "Only necessary cookies"
_BURST = 10
"""Chromium drops what a page hands over as a file beyond ten of them in a second (Blink's LocalFrame)."""
_BURST_SECONDS = 1.1
_TRANSACTION = re.compile(r'name="transaction" content="([^"]+)"')
_CODE = re.compile(r'name="code" value="([^"]+)"')
_VERIFIER = "a verifier of a benchmark, which has 43 characters"


class StroopwafelJourney:
    """See ``Journey``."""

    utility = UTILITY.id
    bills = 24
    minutes = (15, 60)

    def username(self, number: int) -> str:
        """See ``Journey``."""
        return f"sanne.{number}@{UTILITY.domain}"

    def sign_in_address(self, base_url: str) -> str:
        """See ``Journey``."""
        return f"{base_url}/signin"

    def click(self, page: sync_api.Page, task: Task, username: str) -> Fetched:
        """See ``Journey``."""
        page.goto(self.sign_in_address(task.base_url))
        page.get_by_label("E-mail address").wait_for()
        page.get_by_role("button", name=_COOKIES).click()
        page.get_by_label("E-mail address").fill(username)
        page.get_by_role("button", name="Next").click()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        page.get_by_role("button", name=_COOKIES).click()
        page.get_by_role("link", name="Billing").click()
        pdfs = list(_bills(page))
        page.get_by_role("link", name="Usage").click()
        return Fetched(pdfs, list(_exports(page, task)))

    async def crawl(self, page: async_api.Page, task: Task, username: str) -> Fetched:
        """See ``Journey``."""
        await page.get_by_label("E-mail address").wait_for()
        await page.get_by_role("button", name=_COOKIES).click()
        await page.get_by_label("E-mail address").fill(username)
        await page.get_by_role("button", name="Next").click()
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("heading", name="Overview").wait_for()
        kept = f"{UTILITY.client}.accesstoken"
        token = await page.evaluate("name => sessionStorage.getItem(name)", kept)
        return await _Crawled(page, token).documents(task)

    def read_bill(self, pages: Sequence[str]) -> Bill:
        """See ``Journey``."""
        return UTILITY.read_bill(pages)

    def read_readings(self, export: bytes) -> Sequence[Series]:
        """See ``Journey``."""
        document = Document(export, "application/zip", "usage.zip")
        return UTILITY.read_intervals(document, Meter("", Commodity.OTHER)).series

    async def plan(
        self, client: httpx.AsyncClient, username: str, saved: PortalSession, lacking: Lacking
    ) -> FloorPlan:
        """See ``Journey``; with tokens of a sign-in of its own, since a refresh token counts once."""
        tokens = await _signed_in(client, username)
        headers = _bearer(tokens)
        account = f"{_ACCOUNTS}/{lacking.account.key}"
        listed = answers.bills(_answer(await client.get(f"{account}/bills", headers=headers)))
        query = {"account": lacking.account.key}
        offered = answers.available(_answer(await client.get(_METERS, params=query, headers=headers)))
        exports = [
            {**query, "meter": offer.meter_id, "from": str(first), "to": str(last)}
            for offer in offered
            for first, last in lacking.spans(offer)
        ]
        pdfs = [bill.url for bill in listed if bill.key not in lacking.had]
        rehearsal = PortalSession({"cookies": [], "origins": []}, tokens=tokens)
        return StroopwafelPlan(rehearsal, saved.tokens["access"], account, pdfs, query, exports)


@dataclass(frozen=True, slots=True)
class StroopwafelPlan:
    """See ``FloorPlan``. ``expired`` is the bearer token that was saved a day before."""

    rehearsal: PortalSession
    expired: str = field(repr=False)
    account: str
    pdfs: Sequence[str]
    meters: Mapping[str, str]
    exports: Sequence[Mapping[str, str]]

    async def repeat(self, client: httpx.AsyncClient, session: PortalSession) -> None:
        """See ``FloorPlan``; the saved token is refused, and renewed."""
        await client.get(_ACCOUNTS, headers={"Authorization": f"Bearer {self.expired}"})
        form = {"grant_type": "refresh_token", "refresh_token": session.tokens["refresh"]}
        headers = _bearer(await _tokens(client, form))

        async def get(address: str, query: Mapping[str, str] | None = None) -> None:
            _accepted(await client.get(address, params=query, headers=headers))

        async def pdf(address: str) -> None:
            if address.endswith(answers.LINK):
                link = _accepted(await client.post(address, json={}, headers=headers)).json()
                _accepted(await client.get(link["data"]["url"]))
            else:
                await get(address)

        async def bills() -> None:
            await get(f"{self.account}/bills")
            await asyncio.gather(*map(pdf, self.pdfs))

        async def intervals() -> None:
            await get(_METERS, self.meters)
            await asyncio.gather(*(get(_EXPORT, query) for query in self.exports))

        await get(_ACCOUNTS)
        await get(self.account)
        await asyncio.gather(bills(), intervals())


async def _signed_in(client: httpx.AsyncClient, username: str) -> dict[str, str]:
    """New tokens, by the requests that the pages make when somebody signs in."""
    home = UTILITY.at("my", "/signin-oidc")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
    asked = {"client_id": UTILITY.client, "redirect_uri": home, "state": "s", "code_challenge": challenge}
    begun = _accepted(await client.get(f"{_OAUTH}/authorize", params=asked)).text
    transaction = json.loads(unescape(_found(_TRANSACTION, begun)))
    address, headers = UTILITY.at("login", transaction["endpoint"]), {"X-CSRF-TOKEN": transaction["csrf"]}
    for step in (
        {"step": "username", "signInName": username},
        {"step": "password", "password": PASSWORD},
    ):
        given = {"tx": transaction["tx"], **step}
        _accepted(await client.post(address, json=given, headers=headers))
    confirmed = _accepted(await client.get(UTILITY.at("login", transaction["confirmed"]))).text
    code = unescape(_found(_CODE, confirmed))
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": _VERIFIER}
    return await _tokens(client, form)


async def _tokens(client: httpx.AsyncClient, form: Mapping[str, str]) -> dict[str, str]:
    given = {"client_id": UTILITY.client, **form}
    answer = _accepted(await client.post(f"{_OAUTH}/token", data=given)).json()
    return {"access": answer["access_token"], "refresh": answer["refresh_token"]}


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise BenchFailed("The portal's sign-in page has another form than it had.")
    return found[1]


def _accepted(response: httpx.Response) -> httpx.Response:
    if response.status_code != httpx.codes.OK:
        raise BenchFailed(f"The portal answers {response.status_code} to {response.url.path}.")
    return response


def _bearer(tokens: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens['access']}"}


def _answer(response: httpx.Response) -> HttpResponse:
    """As the script's readers take it."""
    return _of(str(_accepted(response).url.copy_with(query=None)), response.content)


def _of(address: str, content: bytes) -> HttpResponse:
    return HttpResponse(address, 200, {"content-type": "application/json"}, content, UTILITY.name)


def _bills(page: sync_api.Page) -> Iterator[bytes]:
    """The PDF of each bill: of the current one from a window of its own, the others as downloads."""
    with (
        page.context.expect_event("request", lambda request: _NEWEST in request.url) as asked,
        page.expect_popup() as window,
    ):
        page.get_by_role("button", name="View bill").click()
    address, host = _on_this_machine(asked.value.url)
    window.value.close()
    yield page.context.request.get(
        address, headers=host, ignore_https_errors=True, fail_on_status_code=True
    ).body()
    burst = time.monotonic()
    for place, button in enumerate(page.get_by_role("button", name="Download PDF").all(), 1):
        yield downloaded(page, button)
        if place % _BURST == 0:
            left = 1_000 * (burst + _BURST_SECONDS - time.monotonic())
            page.evaluate("ms => new Promise((done) => setTimeout(done, ms))", max(0, left))
            burst = time.monotonic()


def _exports(page: sync_api.Page, task: Task) -> Iterator[bytes]:
    """The exports of each meter's readings, of as many days as the widget gives at a time."""
    widget = page.frame_locator("iframe[title='Export my usage']")
    options = widget.get_by_label("Meter").locator("option")
    options.first.wait_for(state="attached")
    for meter in options.evaluate_all("all => all.map(one => one.value)"):
        widget.get_by_label("Meter").select_option(meter)
        for first, last in spans(days(task.first, task.last), _LONGEST):
            widget.get_by_label("From").fill(str(first))
            widget.get_by_label("To", exact=True).fill(str(last))
            yield downloaded(page, widget.get_by_role("button", name="Export"))


class _Crawled:
    """Documents by the API, through the request context of a page and with its token."""

    def __init__(self, page: async_api.Page, token: str) -> None:
        self._request = page.context.request
        self._headers = {"Authorization": f"Bearer {token}"}

    async def documents(self, task: Task) -> Fetched:
        """All of the customer's only account."""
        (account,) = (await self._json(_ACCOUNTS))["data"]["items"]
        listed = answers.bills(await self._answer(f"{_ACCOUNTS}/{account['id']}/bills"))
        pdfs = await asyncio.gather(*(self._pdf(bill.url) for bill in listed))
        offered = answers.available(await self._answer(f"{_METERS}?account={account['id']}"))
        export = f"{_EXPORT}?account={account['id']}"
        asked = [
            f"{export}&meter={offer.meter_id}&from={first}&to={last}"
            for offer in offered
            for first, last in spans(days(task.first, task.last), _LONGEST)
        ]
        return Fetched(pdfs, await asyncio.gather(*map(self._get, asked)))

    async def _pdf(self, address: str) -> bytes:
        if address.endswith(answers.LINK):
            link = json.loads(await self._get(address, "POST"))
            return await self._get(link["data"]["url"])
        return base64.b64decode((await self._json(address))["data"]["content"])

    async def _json(self, address: str) -> Any:
        return json.loads(await self._get(address))

    async def _answer(self, address: str) -> HttpResponse:
        return _of(address, await self._get(address))

    async def _get(self, address: str, method: str = "GET") -> bytes:
        here, host = _on_this_machine(address)
        response = await self._request.fetch(
            here,
            method=method,
            headers={**self._headers, **host},
            data={} if method == "POST" else None,
            ignore_https_errors=True,
            fail_on_status_code=True,
        )
        return await response.body()


def _on_this_machine(address: str) -> tuple[str, dict[str, str]]:
    """Where an address is found, and the header with its host: Playwright's requests know no other way."""
    parts = urlsplit(address)
    target = local_hosts().target(parts.netloc)
    if target is None:
        raise BenchFailed(f"{parts.netloc} is not on this machine.")
    host, port = target
    return parts._replace(netloc=f"{host}:{port}").geturl(), {"Host": parts.netloc}


JOURNEY = StroopwafelJourney()
