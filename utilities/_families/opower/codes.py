"""An authenticator's code in the library's sign-in: asked for as any code is, so the library has no secret.

The library makes a code of a secret that is nobody's; the request that carries it goes out with the answer of
whoever answers for the customer, and is sent again with another while the portal takes none.
"""

from __future__ import annotations

import json
from dataclasses import replace

from meterfarm.mfa.port import Code
from meterfarm.records import Challenge, Factor
from meterfarm.scrapers.http.library import Send
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.visit import Visit

STAND_IN_SECRET = "MNXWIZLTMFZGK3TPOQFAMNXWIZLTMFZG"  # noqa: S105 - it is nobody's
_ADDRESS, _FIELD, _IS_TAKEN = "/VerifyFactor", "MFACode", "/code"
_REFUSED = "That code was not taken."


class WithCodes:
    """The way of one visit's requests, of which some carry a code."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    async def send(self, request: HttpRequest, send: Send) -> HttpResponse:
        """As it is, unless it carries a code."""
        if not request.url.path.endswith(_ADDRESS) or request.method != "POST":
            return await send(request)
        error = ""
        while True:
            answer = await self._visit.ask(
                Challenge("Enter the code of your authenticator app.", Factor.TOTP, error=error)
            )
            if not isinstance(answer, Code):
                continue
            fields = {**json.loads(request.body), _FIELD: answer.text}
            response = await send(replace(request, body=json.dumps(fields).encode()))
            if response.status >= 400 or response.at(_IS_TAKEN, bool, False):
                return response
            error = _REFUSED
