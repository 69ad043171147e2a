"""What the doctor looks at beyond the state: Redis, the portals, other clocks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError

from console.clock import Compared, between, kernel_says, of_portal, worst
from console.finding import Finding, fail, warn, well
from console.here import Here
from farm.private_redis import NoRedis, PrivateRedis, redis_server
from farm.settings import FarmSettings
from farm.work import portal_address
from scrapers.guard import host_of, is_loopback
from storage.errors import StorageError
from utilities import load_utilities

_PING_SECONDS = 3.0
_MOST_OFF = 2.0


def examine_redis(here: Here, clocks: list[Compared]) -> Finding:
    """The one of ``REDIS_URL``, else a private one; the clock of one elsewhere is added to ``clocks``."""
    given = here.farm.redis_url.get_secret_value()
    if given:
        return _given_redis(given, clocks)
    try:
        server = redis_server()
        redis = PrivateRedis(here.settings.home)
        ran = redis.alive()
        with redis:
            version = _asked(redis.url, "", clocks)
    except (NoRedis, StorageError, RedisError, OSError) as exc:
        return fail("Redis", str(exc))
    how = "runs and answers" if ran else "starts and answers"
    return well("Redis", f"a private one {how}, version {version} ({server})")


def _given_redis(url: str, clocks: list[Compared]) -> Finding:
    try:
        parts = urlsplit(url)
        where = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
        elsewhere = "" if parts.scheme == "unix" or is_loopback(parts.hostname or "") else "Redis"
        version = _asked(url, elsewhere, clocks)
    except (RedisError, OSError, ValueError) as exc:
        return fail(
            "Redis", f"REDIS_URL does not answer ({type(exc).__name__})", "start it, or correct REDIS_URL"
        )
    return well("Redis", f"{where} answers, version {version}")


def _asked(url: str, elsewhere: str, clocks: list[Compared]) -> str:
    """Its version. Its clock counts if it is ``elsewhere``."""
    with Redis.from_url(url, socket_timeout=_PING_SECONDS, socket_connect_timeout=_PING_SECONDS) as redis:
        redis.ping()
        if elsewhere:
            before = time.time()
            seconds, micros = redis.time()
            clocks.append(between(elsewhere, before, seconds + micros / 1e6, time.time()))
        return str(redis.info("server")["redis_version"])


def examine_portals(farm: FarmSettings, clocks: list[Compared]) -> Sequence[Finding]:
    """Where each utility's portal is, and whether it answers; clocks of those elsewhere go to ``clocks``."""
    return [_portal(utility.id, portal_address(utility, farm), clocks) for utility in load_utilities()]


def _portal(utility_id: str, address: str, clocks: list[Compared]) -> Finding:
    name = f"utility {utility_id}"
    if not address:
        return warn(name, "it has no public portal", "say in METERFARM_PORTAL_URLS where it is")
    try:
        compared = of_portal(address)
    except OSError:
        todo = "start it (`up` does)" if is_loopback(host_of(address)) else "see that this machine is online"
        return warn(
            name, f"its portal {address} does not answer", f"{todo}, or correct METERFARM_PORTAL_URLS"
        )
    if compared is not None and not is_loopback(host_of(address)):
        clocks.append(compared)
    return well(name, f"its portal {address} answers")


def examine_clock(clocks: Sequence[Compared]) -> Finding:
    """Whether the clock is right enough for TOTP codes, by the clocks of others and what the kernel knows."""
    far = worst(clocks)
    kernel = kernel_says()
    if far is None:
        said = f"no clock of another machine is here to compare with; {kernel}"
        return warn("clock", said, "compare it yourself if you use TOTP: a code is good for 30 s")
    said = f"compared with {' and '.join(one.source for one in clocks)}: {_off(far)}; {kernel}"
    if abs(far.ahead) - far.within > _MOST_OFF:
        return warn("clock", said, "set it, and keep it right with NTP: TOTP codes are good for 30 s")
    return well("clock", said)


def _off(far: Compared) -> str:
    direction = "ahead of" if far.ahead > 0 else "behind"
    return f"{abs(far.ahead):.1f} s {direction} {far.source}, give or take {far.within:.1f} s"
