"""Signed cookies: the session, the CSRF token, and the remembered device."""

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.responses import Response

from meterfarm.fake_utility.kit.clock import Clock
from meterfarm.fake_utility.kit.comparing import HelloBook

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


class EndedFor:
    """Of which customers all is void that was begun until they were named here, and what was begun since."""

    def __init__(self) -> None:
        self._since: dict[str, set[str]] = {}

    def end(self, username: str) -> None:
        """All of the customer's is void from now on."""
        self._since[username] = set()

    def begin(self, username: str, id: str) -> None:
        """Something new of the customer's, which holds."""
        if username in self._since:
            self._since[username].add(id)

    def has_ended(self, username: str, id: str) -> bool:
        """Whether it is void."""
        return username in self._since and id not in self._since[username]


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
        self._ended_for, self._forgotten_for = EndedFor(), EndedFor()
        self._hellos = HelloBook()

    def open(self, response: Response, username: str, stage: str, *, keep: bool) -> Session:
        """Open a session and hand out its cookie."""
        session = Session(username, secrets.token_urlsafe(18), self._now(), self.life, stage, keep)
        self._ended_for.begin(username, session.id)
        self._hellos.begin(session.id)
        self._hand_out(response, session)
        return session

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None if there is none, or it was forged, ended or idle too long.

        So it is with one that began with another hello than this request's, where that is compared.
        """
        if not cookie:
            return None
        try:
            session = Session(**self._sessions.loads(cookie))
        except (BadSignature, TypeError):
            return None
        if self.has_ended(session) or self._hellos.is_other(session.id):
            return None
        if not 0 <= self._now() - session.issued <= session.idle.total_seconds():
            return None
        return session

    def username(self, cookie: str | None) -> str:
        """Who a cookie of a session is of, whether it still holds or not; "" if it is none."""
        try:
            return str(self._sessions.loads(cookie or "")["username"])
        except (BadSignature, TypeError, KeyError):
            return ""

    def renew(self, response: Response, session: Session) -> None:
        """Restart the idle time, at most every few minutes."""
        if not self.has_ended(session) and self._now() - session.issued > RENEW_AFTER.total_seconds():
            self._hand_out(response, replace(session, issued=self._now()))

    def end(self, session: Session) -> None:
        """End a session for good."""
        self._ended.add(session.id)

    def end_all(self, username: str) -> None:
        """End all sessions that a customer has now."""
        self._ended_for.end(username)

    def forget_devices(self, username: str) -> None:
        """Trust none of the customer's devices any more."""
        self._forgotten_for.end(username)

    def remember_device(self, response: Response, username: str) -> None:
        """Hand out the cookie of a device that is trusted."""
        device_id = secrets.token_urlsafe(9)
        self._forgotten_for.begin(username, device_id)
        value = self._devices.dumps({"username": username, "issued": self._now(), "id": device_id})
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
            and not self._forgotten_for.has_ended(username, device.get("id", ""))
            and 0 <= self._now() - device["issued"] <= DEVICE_LIFE.total_seconds()
        )

    def has_ended(self, session: Session) -> bool:
        """Whether it was ended before its time."""
        return session.id in self._ended or self._ended_for.has_ended(session.username, session.id)

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
