"""Signed cookies: the session, the CSRF token, and the remembered device."""

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.responses import Response

from meterfarm.fake_utility.kit.clock import Clock

SESSION, CSRF, DEVICE = "__Host-session", "__Host-csrf", "__Host-device"
IDLE = timedelta(minutes=30)
KEPT_IDLE = timedelta(days=30)
RENEW_AFTER = timedelta(minutes=5)
DEVICE_LIFE = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Session:
    """`stage`: "inside", or what still stands in the way. `life`: the server process that opened it.

    `issued`: seconds since 1970 by the portal's clock. `keep`: the customer asked to be kept signed in.
    """

    username: str
    id: str
    issued: int
    life: str
    stage: str
    keep: bool = False

    @property
    def kept(self) -> bool:
        """Does it outlive the browser? Only once inside: a sign-in left half-way does not."""
        return self.keep and self.stage == "inside"

    @property
    def idle(self) -> timedelta:
        """How long it may rest."""
        return KEPT_IDLE if self.kept else IDLE


class Sessions:
    """Opens, reads and ends a portal's sessions. Only ended ones are remembered; all else is in the cookie.

    `salt` keeps the cookies of portals with the same key apart.
    """

    def __init__(self, key: bytes, clock: Clock, salt: str) -> None:
        self.life = secrets.token_hex(8)
        self._clock = clock
        self._sessions = URLSafeSerializer(key, salt=f"{salt} session")
        self._devices = URLSafeSerializer(key, salt=f"{salt} device")
        self._ended: set[str] = set()

    def open(self, response: Response, username: str, stage: str, *, keep: bool) -> Session:
        """Open a session and hand out its cookie."""
        session = Session(username, secrets.token_urlsafe(18), self._now(), self.life, stage, keep)
        self._hand_out(response, session)
        return session

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None if there is none, or it was forged, ended or idle too long."""
        if not cookie:
            return None
        try:
            session = Session(**self._sessions.loads(cookie))
        except (BadSignature, TypeError):
            return None
        if session.id in self._ended or not 0 <= self._now() - session.issued <= session.idle.total_seconds():
            return None
        return session

    def renew(self, response: Response, session: Session) -> None:
        """Restart the idle time, at most every few minutes."""
        if session.id not in self._ended and self._now() - session.issued > RENEW_AFTER.total_seconds():
            self._hand_out(response, replace(session, issued=self._now()))

    def end(self, session: Session) -> None:
        """End a session for good."""
        self._ended.add(session.id)

    def remember_device(self, response: Response, username: str) -> None:
        """Hand out the cookie of a device that is trusted."""
        value = self._devices.dumps({"username": username, "issued": self._now()})
        set_cookie(response, DEVICE, value, DEVICE_LIFE)

    def knows_device(self, cookie: str | None, username: str) -> bool:
        """Whether a cookie is of a device that the customer trusts."""
        if not cookie:
            return False
        try:
            device = self._devices.loads(cookie)
        except BadSignature:
            return False
        return bool(
            device["username"] == username
            and 0 <= self._now() - device["issued"] <= DEVICE_LIFE.total_seconds()
        )

    def _hand_out(self, response: Response, session: Session) -> None:
        life = KEPT_IDLE if session.kept else None
        set_cookie(response, SESSION, self._sessions.dumps(asdict(session)), life)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def set_cookie(response: Response, name: str, value: str, life: timedelta | None = None) -> None:
    """Without `life` the cookie lasts until the browser closes."""
    max_age = int(life.total_seconds()) if life else None
    response.set_cookie(name, value, max_age, path="/", secure=True, httponly=True, samesite="lax")


def clear_session(response: Response) -> None:
    """Take the session's cookie back."""
    response.delete_cookie(SESSION, path="/", secure=True, httponly=True, samesite="lax")
