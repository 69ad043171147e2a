"""Whether a worker is well: what it knows by its own work, served by HTTP, and a command that asks.

``GET /healthz`` is 200 while the process works at all, ``GET /readyz`` while it can take runs, with what it
knows as JSON. Neither asks the database or Redis: each answers at once, however these do.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from meterfarm.farm.telemetry.metrics import metrics_address

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HEALTH = "METERFARM_HEALTH"
_AGAIN = 5.0
_ASK_SECONDS = 3.0
_ANY = "0.0.0.0"  # noqa: S104 - which an address to listen on may be


class Liveness:
    """What a process does again and again, by name: when it last did, and why it could not since.

    ``needs``: which of them use the database, which Redis.
    """

    def __init__(
        self, needs: Mapping[str, Sequence[str]], late_seconds: float = 20.0, stuck_seconds: float = 120.0
    ) -> None:
        self._needs = needs
        self._late_seconds = late_seconds
        self._stuck_seconds = stuck_seconds
        self._began = time.monotonic()
        self._tried = {name: self._began for names in needs.values() for name in names}
        self._done = dict.fromkeys(self._tried, 0.0)
        self._faults: dict[str, str] = {}

    def done(self, name: str) -> None:
        """The task has just succeeded."""
        if name in self._tried:
            self._tried[name] = self._done[name] = time.monotonic()
            self._faults.pop(name, None)

    def failed(self, name: str, part: str, reason: str) -> None:
        """The task has just failed, for a reason of ``database`` or ``redis``."""
        if name in self._tried:
            self._tried[name] = time.monotonic()
            self._faults[name] = f"{part}: {reason}"

    @property
    def is_stuck(self) -> bool:
        """Whether something has neither been done nor failed for long."""
        return time.monotonic() - min(self._tried.values()) > self._stuck_seconds

    def state(self, part: str) -> str:
        """``ok``, or what is wrong with ``database`` or ``redis``."""
        faults = [fault.partition(": ")[2] for fault in self._faults.values() if fault.startswith(f"{part}:")]
        if faults:
            return faults[0]
        late = any(time.monotonic() - self._done[name] > self._late_seconds for name in self._needs[part])
        return "not used for a while" if late else "ok"

    def tick_seconds(self) -> float | None:
        """Since when all of them were last done; None if something never was."""
        last = min(self._done.values())
        return round(time.monotonic() - last, 1) if last else None


def health_of(text: str, number: int) -> str:
    """The setting for worker ``number``, counted from 0: so many ports further. Raises StorageError."""
    if not text:
        return ""
    host, port = metrics_address(text, number, HEALTH)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@asynccontextmanager
async def health_served(
    address: str, liveness: Liveness, queues: Sequence[str], at_work: Callable[[], tuple[int, int]]
) -> AsyncIterator[None]:
    """Meanwhile it can be asked. A port that is taken is tried again: the worker works without."""
    if not address:
        yield
        return
    serving = asyncio.create_task(_serve(*metrics_address(address, 0, HEALTH), liveness, queues, at_work))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.wait({serving})


async def _serve(
    host: str, port: int, liveness: Liveness, queues: Sequence[str], at_work: Callable[[], tuple[int, int]]
) -> None:
    from starlette.applications import Starlette  # slow to import, and served by few
    from starlette.responses import JSONResponse, PlainTextResponse
    from starlette.routing import Route

    from meterfarm.farm.bounded_http import BACKLOG, BoundedServer, HttpLimits

    async def healthz(request: Request) -> Response:
        stuck = liveness.is_stuck
        return PlainTextResponse("stuck\n" if stuck else "ok\n", 503 if stuck else 200)

    async def readyz(request: Request) -> Response:
        parts = {part: liveness.state(part) for part in ("database", "redis")}
        ready = set(parts.values()) == {"ok"} and not liveness.is_stuck
        working, waiting = at_work()
        known = {
            "ready": ready,
            **parts,
            "last_tick_seconds": liveness.tick_seconds(),
            "queues": list(queues),
        }
        return JSONResponse({**known, "working": working, "waiting": waiting}, 200 if ready else 503)

    app = Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])
    log: Any = structlog.get_logger("health")
    where, known = f"{host}:{port}", False
    while True:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as exc:
            if not known:
                log.error("health.unserved", address=where, reason=exc.strerror or str(exc))  # noqa: TRY400
            known = True
            await asyncio.sleep(_AGAIN)
            continue
        log.info("health.served", address=where)
        with listener:
            await BoundedServer(app, "health", HttpLimits(connections=60, each=60)).serve([listener])


def main() -> int:
    """``python -m meterfarm.farm.telemetry.health [COUNT]``: 0 if all of METERFARM_HEALTH are well."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for number in range(count):
        host, port = metrics_address(os.environ.get(HEALTH, ""), number, HEALTH)
        here = "127.0.0.1" if host == _ANY else "::1" if host == "::" else host
        asked = http.client.HTTPConnection(here, port, timeout=_ASK_SECONDS)
        try:
            asked.request("GET", "/healthz")
            status = asked.getresponse().status
        except (OSError, http.client.HTTPException) as exc:
            sys.stderr.write(f"meterfarm: worker {number + 1} does not answer ({type(exc).__name__})\n")
            return 1
        finally:
            asked.close()
        if status != http.HTTPStatus.OK:
            sys.stderr.write(f"meterfarm: worker {number + 1} is stuck\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
