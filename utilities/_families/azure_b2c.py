"""Portals behind Azure AD B2C: signing in on a host of its own, bearer tokens, a single-page application.

The identity provider answers in place: user name, password, how to verify, a code. Then forms that post
themselves lead back to the application, which keeps its tokens in session storage.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from meterfarm.mfa.port import Choice, Code, Resend
from meterfarm.records import Challenge, Factor, FactorOption, Outcome
from meterfarm.scrapers.outcomes import SIGNED_OUT, ItemFailed, SessionEnded, Sign, Stop
from meterfarm.scrapers.utility import Credentials, Utility
from meterfarm.support.alike import alike

if TYPE_CHECKING:
    from meterfarm.scrapers.visit import Visit

USERNAME = Sign("user name", heading="Sign in")
PASSWORD = Sign("password", heading="Enter your password")
CHOICE = Sign("choice", heading="How should we verify it's you?")
SEND = Sign("send", heading="Get a code")
CODE = Sign("code", heading="Enter your code")
# not caught: nobody comes to that page unless tokens end while a page is opened
SIGNED_OFF = Sign("signed off", heading="You've been signed out")
"""Of an application that still has tokens, and finds that they are void."""
PUT_OFF: Sequence[Sign] = (
    Sign("paperless", heading="Go paperless?"),
    Sign("enrolment", heading="Make your account safer?"),
    Sign("contact", heading="Is this still you?"),
)
"""What the application offers before it shows the account."""
LEAVING = Sign("leaving", heading="You are leaving this site")

IDENTITY_SIGNS: Sequence[Sign] = (
    Sign(Outcome.BAD_CREDENTIALS, text="Your e-mail address or password is incorrect."),
    Sign(Outcome.ACCOUNT_LOCKED, text="Your account is locked to prevent unauthorized use."),
    Sign(Outcome.PASSWORD_CHANGE_REQUIRED, heading="Your password has expired"),
    Sign(Outcome.CAPTCHA, heading="Are you a person?"),
    Sign(Outcome.MFA_FAILED, heading="We could not verify it's you"),
    Sign(Outcome.MFA_EXPIRED, heading="This sign-in has timed out"),
    Sign(SIGNED_OUT, pointer="/error", value="invalid_grant"),
)
_DESTINATION = re.compile(r"\bto (\S+?)(?:\.$| with\b)", re.IGNORECASE)
_EXPIRED = "That code has expired."
_EXPIRED_CODES = 3
_LOOK_SECONDS, _TOKEN_SECONDS = 0.25, 5.0
"""Between two looks at what the application keeps; how long it may take to keep it."""


class AzureB2C(Utility):
    """A script of this family declares more than others.

    ``domain`` has the hosts ``my`` (the application), ``login`` (the provider), ``api`` and those of
    ``parts`` below it. ``tenant`` and ``client`` are the company and its application at the provider.
    ``inside`` are the application's pages that a sign-in ends on.
    """

    domain: ClassVar[str]
    parts: ClassVar[Sequence[str]] = ()
    tenant: ClassVar[str]
    client: ClassVar[str]
    inside: ClassVar[Sequence[Sign]]
    factors: ClassVar[frozenset[Factor]] = frozenset({Factor.EMAIL, Factor.SMS})

    def __init_subclass__(cls) -> None:
        """The hosts, by the domain."""
        super().__init_subclass__()
        served = ["api", *cls.parts]
        cls.home = f"https://my.{cls.domain}"
        cls.hosts = [f"{part}.{cls.domain}" for part in ("login", *served)]
        cls.api_hosts = [f"{part}.{cls.domain}" for part in served]

    def at(self, part: str, path: str) -> str:
        """An address on one of the hosts."""
        return f"https://{part}.{self.domain}{path}"

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        """See ``Utility``; its tokens are the application's own, as they are if it is still signed in."""
        # not caught: another address leads to the page that signs in again
        await visit.page.open("/signin")
        found = await visit.page.arrive(USERNAME, SIGNED_OFF, *self.inside)
        if found not in self.inside:
            await self._by_password(visit, credentials, found)
        visit.tokens.update(await self._kept_tokens(visit))

    async def _kept_tokens(self, visit: Visit) -> Mapping[str, str]:
        """Those in the application's storage, which come there a moment after the page, or empty at first."""
        names = {"access": f"{self.client}.accesstoken", "refresh": f"{self.client}.refreshtoken"}

        async def kept() -> Mapping[str, str] | None:
            stored = await visit.session_storage(self.home)
            found = {name: stored.get(place, "") for name, place in names.items()}
            return found if all(found.values()) else None

        try:
            return await visit.until(kept, _LOOK_SECONDS, _TOKEN_SECONDS, "the tokens in its pages")
        except ItemFailed as exc:
            raise Stop(
                Outcome.LAYOUT_CHANGED, f"{self.name} no longer keeps {names['access']} in its pages."
            ) from exc

    async def _by_password(self, visit: Visit, credentials: Credentials, found: Sign) -> None:
        page = visit.page
        cookies = page.button("Only necessary cookies")
        await page.dismiss(cookies)
        if found is SIGNED_OFF:
            # not caught: nobody comes to that page unless tokens end while a page is opened
            await page.press(page.link("Sign in again"), until=USERNAME)
            await page.dismiss(cookies)
        await page.fill(page.label("E-mail address"), credentials.username, secret=False)
        await page.press(page.button("Next"), until=PASSWORD)
        await page.dismiss(page.frame("iframe[title=Survey]").button("No, thanks"))
        await page.fill(page.label("Password"), credentials.password.get_secret_value())
        await page.press(page.button("Sign in"))
        verification = SecondFactor(visit)
        known = (*self.inside, *PUT_OFF, LEAVING, CHOICE, SEND, CODE)
        later = page.button("Not now")
        while (found := await page.arrive(*known)) not in self.inside:
            if found in PUT_OFF:
                is_put_off = await page.dismiss(later)
                if not is_put_off and await page.arrive(*known) is found:
                    await later.wait()  # it does not come: else this went round and round
            elif found is LEAVING:
                await page.press(page.button("Continue"))
            else:
                await verification.step(found)

    async def authorise(self, visit: Visit, *, renew: bool) -> Mapping[str, str]:
        """See ``Utility``: a bearer token, renewed when it is refused. A refresh token counts once."""
        tokens = visit.tokens
        # not caught: a token that is renewed too often is as good
        if renew or not tokens.get("access"):
            if not tokens.get("refresh"):
                raise SessionEnded(f"{self.name} gave no token that lasts.")
            answer = await visit.http.post(
                self.at("login", f"/{self.tenant}/oauth2/v2.0/token"),
                form={
                    "grant_type": "refresh_token",
                    "client_id": self.client,
                    "refresh_token": tokens["refresh"],
                },
                authorised=False,
            )
            tokens.update(
                refresh=answer.at("/refresh_token", str),
                access=answer.at("/access_token", str),
            )
        return {"Authorization": f"Bearer {tokens['access']}"}


async def all_pages(visit: Visit, address: str) -> AsyncIterator[Mapping[str, Any]]:
    """The items of a list of the API; every answer but the last names where the next begins."""
    seen: set[str] = set()
    following = ""
    while following not in seen:
        seen.add(following)
        answer = await visit.http.get(address, {"cursor": following} if following else None)
        for item in answer.at("/data/items", list):
            yield item
        following = answer.at("/data/next", str, "")
        if not following:
            return


class SecondFactor:
    """The steps by which the provider verifies who signs in."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._page = visit.page
        self._expired = 0

    async def step(self, found: Sign) -> None:
        """Do what the step that ``found`` names asks for. Raises ``Stop`` when it cannot be done."""
        if found is CHOICE:
            await self._choose()
        elif found is SEND:
            await self._send()
        else:
            await self._enter_code()

    async def _choose(self) -> None:
        """One way of those that are known; a call isn't."""
        options = []
        for radio in await self._page.role("radio").all():
            value, label = await radio.value(), await radio.label_text()
            if value in {Factor.SMS, Factor.EMAIL}:
                options.append(FactorOption(Factor(value), label, label.rpartition(" ")[2]))
        answer = await self._visit.ask(Challenge(prompt=CHOICE.heading, options=options))
        if not isinstance(answer, Choice):
            name = self._visit.portal.name
            raise Stop(Outcome.MFA_REQUIRED, f"{name} asks: {CHOICE.heading} No choice was made.")
        await self._page.check(self._page.role("radio", answer.option.label))
        await self._page.press(self._page.button("Continue"))

    async def _send(self) -> None:
        words = await self._page.text("We will send you a code").text()
        factor, destination = _way(words)
        await self._visit.must_be_answerable(factor, f"a code that it sends to {destination}.")
        await self._page.press(self._page.button("Send code"))

    async def _enter_code(self) -> None:
        page = self._page
        words = await page.text(re.compile(r"^\s*We\s+sent\s+an?\s", re.IGNORECASE)).text()
        errors = await page.role("alert").texts()
        factor, destination = _way(words)
        challenge = Challenge(
            prompt=words,
            factor=factor,
            destination=destination,
            error=errors[0] if errors else "",
            can_resend=True,
        )
        answer = await self._visit.ask(challenge, unanswered=self._without_answer(challenge.error))
        if isinstance(answer, Resend):
            await page.press(page.button("Send a new code"))
        elif isinstance(answer, Code):
            await page.fill_boxes(page.role("group", "Verification code"), answer.text)
            await page.check(page.label("Trust this device"))
            await page.press(page.button("Verify"))

    def _without_answer(self, error: str) -> Outcome:
        if not alike(error).startswith(alike(_EXPIRED)):
            return Outcome.MFA_FAILED if error else Outcome.MFA_REQUIRED
        self._expired += 1
        if self._expired >= _EXPIRED_CODES:
            name = self._visit.portal.name
            raise Stop(Outcome.MFA_EXPIRED, f"{name} says: {error} Run it again with a new code.")
        return Outcome.MFA_EXPIRED


def _way(words: str) -> tuple[Factor, str]:
    """How and where to a code is sent."""
    found = _DESTINATION.search(words)
    destination = found[1] if found else ""
    return (Factor.EMAIL if "@" in destination else Factor.SMS), destination
