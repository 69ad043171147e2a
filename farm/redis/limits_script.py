"""What Redis does for ``farm.redis.limits``, in one call: places given back, renewed and taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

_RELEARN_SECONDS = 2.0
_PATIENCE_SECONDS = 0.1
_POLL_SECONDS = 0.01
_GRACE_SECONDS = 0.5

_LUA = """
local flying, tokens, line, due, memory = unpack(KEYS)
local at_once, per_window, window, silent, lapse, relearn, patience, poll, grace = unpack(ARGV, 1, 9)
at_once, per_window = tonumber(at_once), tonumber(per_window)
local process, remembered, next_argument = ARGV[10], ARGV[11], 12

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function instant(microseconds)
  return string.format('%.0f', microseconds)
end

local function places()
  local read = {}
  for n = 1, ARGV[next_argument] do
    read[n] = {id = ARGV[next_argument + 2 * n - 1], cost = tonumber(ARGV[next_argument + 2 * n])}
  end
  next_argument = next_argument + 1 + 2 * #read
  return read
end

local function keep_tokens(place, till)
  redis.call('ZADD', tokens, till, place.id)
  for n = 2, place.cost do redis.call('ZADD', tokens, till, place.id .. ':' .. n) end
end

local function keep(place)
  redis.call('ZADD', flying, instant(now + lapse), place.id)
  keep_tokens(place, instant(now + lapse))
end

-- What the dead had under way has reached the portal, or never will.
local function bury(place)
  if redis.call('ZREM', flying, place.id) == 0 then return end
  redis.call('ZADD', tokens, 'XX', instant(now + window), place.id)
  for n = 2, place.cost do redis.call('ZADD', tokens, 'XX', instant(now + window), place.id .. ':' .. n) end
end

local given_back, renewed, wanted, dead = places(), places(), places(), places()

-- Somebody remembers an earlier memory than this one: give all time to say what is under way.
local began, lost = unpack(redis.call('HMGET', memory, 'began', 'lost'))
if not began then
  began = instant(now)
  redis.call('HSET', memory, 'began', began)
end
if remembered ~= '' and remembered ~= began then
  lost = '1'
  redis.call('HSET', memory, 'lost', lost)
end

redis.call('ZREMRANGEBYSCORE', flying, '-inf', instant(now))
redis.call('ZREMRANGEBYSCORE', tokens, '-inf', instant(now))
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', instant(now))) do
  redis.call('ZREM', line, gone)
  redis.call('ZREM', due, gone)
end
for _, place in ipairs(given_back) do
  redis.call('ZREM', flying, place.id)
  keep_tokens(place, instant(now + window))
end
for _, place in ipairs(renewed) do keep(place) end
for _, place in ipairs(dead) do bury(place) end

local granted = 0
-- Granted before, in an answer that got lost on its way.
while granted < #wanted and redis.call('ZSCORE', flying, wanted[granted + 1].id) do
  granted = granted + 1
  keep(wanted[granted])
end
if granted == #wanted then return {began, granted, 0, {}} end
if lost and now < began + relearn then return {began, granted, instant(began + relearn - now), {}} end

-- A place each is left to the processes that have waited long; those that came before go first.
redis.call('ZADD', line, 'NX', instant(now), process)
local since = tonumber(redis.call('ZSCORE', line, process))
local long = instant(now - patience)
local others = redis.call('ZCOUNT', line, '-inf', long)
local ahead = others
if since <= now - patience then
  others = others - 1
  ahead = redis.call('ZCOUNT', line, '-inf', '(' .. instant(since))
end
local slots = at_once - redis.call('ZCARD', flying)
local free = per_window - redis.call('ZCARD', tokens)
local left, before = ahead, granted
while granted < #wanted do
  local place = wanted[granted + 1]
  if slots <= left or free - place.cost < left then break end
  keep(place)
  slots, free, left, granted = slots - 1, free - place.cost, others, granted + 1
end

if granted > before then redis.call('ZREM', line, process) end
if granted == #wanted then
  redis.call('ZREM', due, process)
  return {began, granted, 0, {}}
end
redis.call('ZADD', line, 'NX', instant(now), process)
local wait = tonumber(poll)
local lacking = math.min(wanted[granted + 1].cost + left, per_window) - free
if lacking > 0 then
  local freed = redis.call('ZRANGE', tokens, lacking - 1, lacking - 1, 'WITHSCORES')[2]
  if freed then wait = math.max(wait, math.min(freed - now, tonumber(window))) end
end
redis.call('ZADD', due, instant(now + wait + grace), process)
local unrenewed = redis.call('ZRANGEBYSCORE', flying, '-inf', instant(now + lapse - silent))
return {began, granted, instant(wait), unrenewed}
"""


@dataclass(frozen=True, slots=True)
class LimitTimes:
    """Seconds. Each ``renew`` a process lists what it has in flight; ``silent`` is one that has not so long.

    After ``lapse`` nothing that it had in flight can still arrive: a system that is cut off retransmits for
    up to 102 s with Linux's defaults. A call to Redis has ``answer``; after ``away`` without, requests fail.
    """

    renew: float = 1.5
    silent: float = 5.0
    lapse: float = 120.0
    answer: float = 2.0
    away: float = 60.0


DEFAULT_TIMES = LimitTimes()


PermitKey = tuple[str, int]
"""The id of a request, and how many it counts for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How many of the wanted places were granted, from the first on, and when to ask for the rest.

    ``memory`` tells this memory of Redis from one before it was flushed or restarted. ``silent`` are requests
    that nobody renews any more, reported to those who wait.
    """

    memory: bytes | str
    granted: int
    wait_seconds: float
    silent: Sequence[str]


class Exchange:
    """The calls of one process about one portal. A call may be made again if its answer was lost.

    In any ``window_seconds`` the portal gets at most ``per_window`` requests.
    """

    def __init__(
        self,
        redis: Redis,
        portal_id: str,
        process: str,
        at_once: int,
        per_window: int,
        window_seconds: float,
        times: LimitTimes = DEFAULT_TIMES,
    ) -> None:
        self._script = redis.register_script(_LUA)
        self._per_window = per_window
        self.keys = [
            f"meterfarm:limits:{{{portal_id}}}:{name}"
            for name in ("flying", "tokens", "line", "due", "memory")
        ]
        seconds = (
            window_seconds,
            times.silent,
            times.lapse,
            max(_RELEARN_SECONDS, window_seconds),
            _PATIENCE_SECONDS,
            _POLL_SECONDS,
            _GRACE_SECONDS,
        )
        self._fixed: list[str | bytes | int] = [
            at_once,
            per_window,
            *(round(value * 1_000_000) for value in seconds),
            process,
        ]

    async def __call__(
        self,
        memory: bytes | str,
        given_back: Sequence[PermitKey],
        renewed: Sequence[PermitKey],
        wanted: Sequence[PermitKey],
        dead: Sequence[str] = (),
    ) -> Reply:
        """One round trip. ``memory`` is the last reply's, or ""; the processes of ``dead`` requests are."""
        buried = [(id, self._per_window) for id in dead]
        arguments = [
            *(*self._fixed, memory),
            *(*_flat(given_back), *_flat(renewed), *_flat(wanted), *_flat(buried)),
        ]
        began, granted, wait, silent = await self._script(keys=self.keys, args=arguments)
        return Reply(began, int(granted), int(wait) / 1_000_000, [_text(id) for id in silent])


def _text(id: bytes | str) -> str:
    return id.decode() if isinstance(id, bytes) else id


def _flat(places: Sequence[PermitKey]) -> Iterable[str | int]:
    return [len(places), *(part for place in places for part in place)]
