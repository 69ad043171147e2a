"""What was really asked of the portals: counted by customer and in all."""

import time
from collections import deque
from dataclasses import asdict, dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNCOUNTED = frozenset(
    {
        *("/stats.json", "/outbox", "/outbox.json", "/prerender", "/faults", "/clock", "/breaks", "/hostile"),
        *("/quirks", "/drift"),
    }
)
PIECE = 2**18


@dataclass(slots=True)
class Documents:
    """How many documents were served."""

    bills: int = 0
    exports: int = 0


@dataclass(slots=True)
class Tally:
    """One customer's counts; an unknown e-mail address that was tried has one too.

    `password_rejections`: how many of the attempts were refused.
    """

    password_attempts: int = 0
    password_rejections: int = 0
    sign_ins: int = 0
    codes_sent: int = 0
    code_attempts: int = 0
    pages: int = 0
    documents: Documents = field(default_factory=Documents)


class Counters:
    """Requests and documents, by customer and altogether."""

    def __init__(self) -> None:
        self.requests = self.posts = 0
        self.peak_concurrent = 0
        self.peak_per_second = 0
        self._customers: dict[str, Tally] = {}
        self._under_way: list[str] = []
        self._last_second: deque[float] = deque()

    def of(self, username: str) -> Tally:
        """A customer's tally."""
        return self._customers.setdefault(username, Tally())

    @property
    def usernames(self) -> list[str]:
        """Everybody that was counted, in the order in which they came."""
        return list(self._customers)

    def begin(self, path: str, at: float, method: str = "GET") -> None:
        """A request for `path` came in at `at` (seconds, monotonic)."""
        self.requests += 1
        self.posts += method == "POST"
        self._under_way.append(path)
        self.peak_concurrent = max(self.peak_concurrent, len(self._under_way))
        self._last_second.append(at)
        while self._last_second[0] <= at - 1:
            self._last_second.popleft()
        self.peak_per_second = max(self.peak_per_second, len(self._last_second))

    def end(self, path: str) -> None:
        """A request was answered."""
        self._under_way.remove(path)

    def as_json(self) -> dict[str, object]:
        """As ``/stats.json`` shows it."""
        return {
            "customers": {username: asdict(tally) for username, tally in self._customers.items()},
            "requests": self.requests,
            "posts": self.posts,
            "peak_concurrent": self.peak_concurrent,
            "peak_per_second": self.peak_per_second,
            "under_way": self._under_way,
        }


class CountRequests:
    """ASGI middleware: counts every request except those that only look at the counters or the outbox."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request and serve it."""
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
            return

        async def send_in_pieces(message: Message) -> None:
            """So that a large answer is under way until the visitor took all but its last piece."""
            body, start = message.get("body", b""), 0
            while len(body) - start > PIECE:
                await send({**message, "body": body[start : start + PIECE], "more_body": True})
                start += PIECE
            await send({**message, "body": body[start:]} if start else message)

        self._counters.begin(scope["path"], time.monotonic(), scope["method"])
        try:
            await self._app(scope, receive, send_in_pieces)
        finally:
            self._counters.end(scope["path"])
