"""The library's MFA, answered by whoever answers for the customer: a way is chosen, a code sent and taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from opower import InvalidAuth, MfaHandlerBase

from meterfarm.mfa.port import Choice, Code, Resend
from meterfarm.records import Challenge, Factor, FactorOption, Outcome
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.visit import Visit

LOGIN = "login"
"""What the library hands back for the next sign-in, among the visit's tokens."""
_FACTORS: Mapping[str, Factor] = {
    "email": Factor.EMAIL,
    "text": Factor.SMS,
    "phone": Factor.SMS,
    "sms": Factor.SMS,
}
"""By how the library names a way. One that is not here, such as a call, is left out."""
_OF_CODE = ("during MFA code", "Invalid MFA code")
"""By what the library says of a code that the portal did not take."""
_SHORTEST_SECRET = 16


async def pass_challenge(visit: Visit, portal: str, handler: MfaHandlerBase) -> None:
    """Through the challenge; what the next sign-in needs is among the visit's tokens afterwards.

    Raises:
        Stop: nobody answers, or not rightly; or there is no way that could be answered.
        InvalidAuth: the library did not get through otherwise.
    """
    given = await handler.async_get_mfa_options()
    ways = {key: _option(key, shown) for key, shown in given.items() if _factor(key) is not None}
    if given and not ways:
        raise Stop(Outcome.MFA_REQUIRED, f"{portal} asks for a code in no way that could be answered.")
    chosen = await _chosen(visit, ways)
    factor = ways[chosen].factor if chosen else Factor.SMS
    prompt = "Enter the code that was sent."
    await visit.must_be_answerable(factor, prompt)
    if chosen:
        await handler.async_select_mfa_option(chosen)
    login = await _submitted(
        visit, handler, Challenge(prompt, factor, ways[chosen].destination if chosen else "")
    )
    visit.secrets.add(
        *(value for value in login.values() if isinstance(value, str) and len(value) >= _SHORTEST_SECRET)
    )
    visit.tokens[LOGIN] = json.dumps(login)


async def _submitted(visit: Visit, handler: MfaHandlerBase, challenge: Challenge) -> Mapping[str, object]:
    error = ""
    while True:
        answer = await visit.ask(
            Challenge(challenge.prompt, challenge.factor, challenge.destination, error=error)
        )
        if not isinstance(answer, Code):
            continue
        try:
            return await handler.async_submit_mfa_code(answer.text.strip())
        except InvalidAuth as exc:
            if not any(words in str(exc) for words in _OF_CODE):
                raise
            error = str(exc).rpartition("error: ")[2]


async def _chosen(visit: Visit, ways: Mapping[str, FactorOption]) -> str:
    """The library's name of the way; "" where the portal has sent a code already."""
    options: Sequence[FactorOption] = list(ways.values())
    if len(options) < 2:
        return next(iter(ways), "")
    while True:
        answer = await visit.ask(Challenge("How do you want to get your code?", options=options))
        if isinstance(answer, Choice):
            return next(key for key, option in ways.items() if option == answer.option)
        if isinstance(answer, Resend):
            continue


def _factor(key: str) -> Factor | None:
    return next((factor for name, factor in _FACTORS.items() if name in key.lower()), None)


def _option(key: str, shown: str) -> FactorOption:
    return FactorOption(_factor(key) or Factor.SMS, key, str(shown or ""))
