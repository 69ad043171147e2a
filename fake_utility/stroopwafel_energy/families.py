"""Tokens: bearer tokens of five minutes, and refresh tokens that change with each use.

Each sign-in begins a family of refresh tokens. A token is replaced when it is used, and a used one that comes
again ends its family: it may be stolen (RFC 9700 section 4.14.2). There are two ways out, so that an answer
that was lost on its way does no harm: a used token counts for ten seconds more, and for as long as its
successor was never used, neither to renew nor for data. (As with identity providers that rotate: "reuse
interval" and "parent of the active token" at Supabase Auth, "leeway" at Auth0.)
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from meterfarm.fake_utility.kit.clock import Clock
from meterfarm.fake_utility.kit.comparing import HelloBook
from meterfarm.fake_utility.kit.sessions import EndedFor

ACCESS_SECONDS = 300
REFRESH_LIFE = timedelta(days=90)
GRACE_SECONDS = 10
CODE_SECONDS = 60


class InvalidGrant(Exception):
    """The token or code that was given gives nothing."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is handed out. `access_seconds`: how long the bearer token lasts."""

    username: str
    access: str
    refresh: str
    access_seconds: int


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who shows a bearer token that holds."""

    username: str
    family: str


@dataclass(slots=True)
class _Family:
    """`newest`: the number of the newest refresh token; `claimed`: that one, or its bearer token, was used.

    `replaced_at`: when the one before it was replaced, in seconds since 1970.
    """

    newest: int = 0
    claimed: bool = False
    replaced_at: float = 0.0
    ended: bool = False


class Families:
    """All that were handed out. Tokens hold after a restart too; only which were used is forgotten then."""

    def __init__(self, key: bytes, clock: Clock, salt: str) -> None:
        self._clock = clock
        self._signer = URLSafeSerializer(key, salt=f"{salt} tokens")
        self._families: dict[str, _Family] = {}
        self._spent: set[str] = set()
        self._ended_for = EndedFor()
        self._hellos = HelloBook()
        self.rotations = 0
        self.ended_by_reuse = 0

    def code(self, username: str, challenge: str) -> str:
        """An authorisation code, good once and for a minute; `challenge` is PKCE's (RFC 7636)."""
        return self._sign("code", u=username, c=challenge, n=secrets.token_hex(8), at=self._now())

    def redeem(self, code: str, challenge: str, lasting: Callable[[str], int]) -> Tokens:
        """The tokens for a code: a new family. `lasting`: a bearer token's seconds. Raises InvalidGrant."""
        given = self._read("code", code)
        if given["n"] in self._spent or given["c"] != challenge or self._now() - given["at"] > CODE_SECONDS:
            raise InvalidGrant
        self._spent.add(given["n"])
        family = secrets.token_hex(8)
        self._families[family] = _Family()
        self._ended_for.begin(given["u"], family)
        self._hellos.begin(family)
        return self._tokens(given["u"], family, 0, lasting(given["u"]))

    def renew(self, refresh: str, lasting: Callable[[str], int]) -> Tokens:
        """New tokens for a refresh token, which is used up by that. Raises InvalidGrant."""
        given = self._read("refresh", refresh)
        family = self._family(given)
        if family.ended or self._now() - given["at"] > REFRESH_LIFE.total_seconds():
            raise InvalidGrant
        if self._hellos.is_other(given["f"]):
            raise InvalidGrant
        number = given["n"]
        was_newest = number == family.newest
        is_parent = number == family.newest - 1
        if not was_newest and not (is_parent and self._may_come_again(family)):
            family.ended = True
            self.ended_by_reuse += 1
            raise InvalidGrant
        family.newest += 1
        family.claimed = False
        family.replaced_at = self._now()
        self.rotations += 1
        return self._tokens(given["u"], given["f"], family.newest, lasting(given["u"]))

    def bearer(self, token: str) -> Bearer | None:
        """Who a bearer token is of, if it still holds."""
        try:
            given = self._read("access", token)
        except InvalidGrant:
            return None
        family = self._family(given)
        if family.ended or not 0 <= self._now() - given["at"] < given["s"]:
            return None
        if self._hellos.is_other(given["f"]):
            return None
        if given["n"] == family.newest:
            family.claimed = True
        return Bearer(given["u"], given["f"])

    def end(self, family: str) -> None:
        """End a family: all of its tokens are void."""
        self._families.setdefault(family, _Family()).ended = True

    def end_all(self, username: str) -> None:
        """End all families that a customer has now."""
        self._ended_for.end(username)

    def end_of(self, refresh: str) -> None:
        """End the family of a refresh token, if it is one."""
        try:
            self.end(self._read("refresh", refresh)["f"])
        except InvalidGrant:
            return

    def _may_come_again(self, family: _Family) -> bool:
        return not family.claimed or self._now() - family.replaced_at <= GRACE_SECONDS

    def _family(self, given: dict[str, Any]) -> _Family:
        family = self._families.setdefault(given["f"], _Family(newest=given["n"]))
        family.ended = family.ended or self._ended_for.has_ended(given["u"], given["f"])
        return family

    def _tokens(self, username: str, family: str, number: int, seconds: int) -> Tokens:
        fields: dict[str, Any] = {"u": username, "f": family, "n": number, "at": self._now()}
        access = self._sign("access", **fields, s=seconds, x=secrets.token_hex(8))
        refresh = self._sign("refresh", **fields, x=secrets.token_hex(16))
        return Tokens(username, access, refresh, seconds)

    def _sign(self, kind: str, **fields: Any) -> str:
        return str(self._signer.dumps({"k": kind, **fields}))

    def _read(self, kind: str, token: str) -> dict[str, Any]:
        try:
            given: dict[str, Any] = self._signer.loads(token)
        except BadSignature as exc:
            raise InvalidGrant from exc
        if given.get("k") != kind:
            raise InvalidGrant
        return given

    def _now(self) -> float:
        return self._clock.now().timestamp()
