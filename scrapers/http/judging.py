"""What an answer is: what was asked for, a declared sign in its place, an error. The last ones are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from meterfarm.records import Outcome
from meterfarm.scrapers.http.markup import first_json_sign, first_sign
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import SIGNED_OUT, SessionEnded, Sign, Stop, stop_for_sign, stop_for_status

UNAUTHORISED = 401
LONGEST_DATA = 200_000
"""Characters that are kept of each of the last JSON answers."""
_KEPT = 8


class AnswerJudge:
    """By a portal's declared signs. ``pages`` are the last ones, ``data`` the last of JSON, cut short."""

    def __init__(self, portal: str, signs: Sequence[Sign]) -> None:
        self.pages: deque[HttpResponse] = deque(maxlen=_KEPT)
        self.data: deque[HttpResponse] = deque(maxlen=_KEPT)
        self._portal = portal
        self._signs = signs

    def judged(self, answer: HttpResponse) -> HttpResponse:
        """The answer, if it is what was asked for, with the sign that it carries.

        Raises:
            SessionEnded: by its sign; HTTP 401 without one, or an error where the signed out are led to.
            Stop: by its sign, or its status without one.
        """
        sign = self.seen(answer)
        if stop := stop_for_sign(self._portal, sign) if sign else None:
            raise stop
        is_refused = sign is None and (answer.status == UNAUTHORISED or self._is_sign_in_refused(answer))
        if is_refused or (sign is not None and sign.means == SIGNED_OUT):
            raise SessionEnded(f"{self._portal} ended the session.")
        if answer.status >= 400 and sign is None:
            self._raise_for_status(answer)
        return replace(answer, sign=sign)

    def seen(self, answer: HttpResponse) -> Sign | None:
        """The sign that an answer carries, which is kept as one of the last."""
        if answer.is_page:
            self.pages.append(answer)
        elif answer.may_be_json:
            self.data.append(answer.holding(answer.content[: 2 * LONGEST_DATA]))
        return self._sign_of(answer)

    def meaning(self, answer: HttpResponse) -> Outcome | str | None:
        """What the sign in it means; None without one."""
        sign = self._sign_of(answer)
        return sign.means if sign is not None else None

    def _sign_of(self, answer: HttpResponse) -> Sign | None:
        if answer.is_page:
            return first_sign(answer.url, answer.content, self._signs, answer.content_type)
        pointing = [sign for sign in self._signs if sign.pointer]
        if not pointing or not answer.may_be_json:
            return None
        try:
            return first_json_sign(answer.url, answer.json(), pointing)
        except Stop:  # what is no JSON after all carries no sign
            return None

    def _is_sign_in_refused(self, answer: HttpResponse) -> bool:
        """Whether even the page for the signed out is an error, as it is where old cookies are refused."""
        at = urlsplit(answer.url)
        places = [sign for sign in self._signs if sign.means == SIGNED_OUT and (sign.path or sign.host)]
        return answer.status >= 400 and any(
            sign.is_at(host=at.hostname or "", path=at.path, fragment=at.fragment) for sign in places
        )

    def _raise_for_status(self, answer: HttpResponse) -> None:
        stop = stop_for_status(self._portal, answer.status, answer.headers.get("retry-after"))
        path = urlsplit(answer.url).path
        raise stop or Stop(
            Outcome.LAYOUT_CHANGED,
            f"{self._portal} answers HTTP {answer.status} to {path}, which used to work.",
        )
