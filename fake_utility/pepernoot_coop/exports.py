"""Exports of usage: jobs that are asked for, and asked about until they are made or have failed."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from meterfarm.fake_utility.kit.accounts import Account, Commodity, Direction, Meter
from meterfarm.fake_utility.kit.calendar import ONE_DAY, local_hours, midnight
from meterfarm.fake_utility.kit.money import chance
from meterfarm.fake_utility.kit.readings import DayOfReadings
from meterfarm.fake_utility.pepernoot_coop.customers import Member
from meterfarm.fake_utility.pepernoot_coop.data import day_of, local_epoch, usage, usage_span

LONGEST = 31
LONG_WAIT = timedelta(hours=6)
ONE_FAILS_IN = 3
MOST_KEPT = 20_000
_UNITS: Mapping[Commodity, str] = {"electric": "KWH", "gas": "THERM"}
_MINUTES: Mapping[Commodity, int] = {"electric": 15, "gas": 60}
_A_DAY = 24 * 60
_FLOWS: Mapping[Direction, str] = {"delivered": "FORWARD", "received": "REVERSE"}


class BadExport(ValueError):
    """An export that cannot be made; its text is a word for programs."""


@dataclass(slots=True)
class Job:
    """`start` and `to` are local days, both included.

    `fails`: it will; `is_forgotten`: the portal will not know it then; `slow`: it takes hours. `by_day`: a
    point is a day; `are_null`: points that are shorter have no value.
    """

    username: str
    account: Account
    meter: Meter
    start: date
    to: date
    asked_at: datetime
    fails: bool = False
    is_forgotten: bool = False
    slow: bool = False
    polls: int = 0
    by_day: bool = False
    are_null: bool = False

    def state(self, now: datetime) -> str:
        """As it is when asked about once more."""
        self.polls += 1
        waits = now - self.asked_at < LONG_WAIT if self.slow else self.polls < 2
        return "PENDING" if waits else "FAILED" if self.fails else "COMPLETE"

    @property
    def is_known(self) -> bool:
        """Whether it is still there to be asked about."""
        return not (self.is_forgotten and self.polls)

    def content(self, today: date) -> dict[str, Any]:
        """The readings; each by the end of its interval, in local time."""
        return {
            "meterNumber": self.meter.id,
            "unitOfMeasure": _UNITS[self.meter.commodity],
            "intervalMinutes": _A_DAY if self.by_day else _MINUTES[self.meter.commodity],
            "series": [
                {
                    "flow": _FLOWS[direction],
                    "data": [
                        point
                        for day in usage(self.meter, direction, self.start, self.to, today)
                        for point in self._points(day)
                    ],
                }
                for direction in self.meter.directions
            ],
        }

    def _points(self, day: DayOfReadings) -> list[dict[str, Any]]:
        if self.by_day:
            end = local_epoch(midnight(day.day + ONE_DAY))
            return [{"x": end, "hourEnding": 24, "y": sum(day.values) / 1000}]
        points = _points(day)
        return [{**point, "y": None} for point in points] if self.are_null else points


class Jobs:
    """The newest jobs, by their ids."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._failed: set[tuple[str, date]] = set()

    def ask(self, member: Member, fields: Mapping[str, Any], now: datetime, today: date) -> str:
        """The id of a new job. Raises BadExport."""
        job = _parse(member, fields, now, today)
        if member.exports == "fail":
            key = (job.meter.id, job.start)
            turn = chance(f"{job.meter.id}/{job.start}", ONE_FAILS_IN) if key not in self._failed else None
            job.fails, job.is_forgotten = turn == 0, turn == 1
            self._failed.add(key)
        job.by_day, job.are_null = fields.get("interval") == "DAILY", member.has("null-hours")
        job.slow = member.exports == "hours" and job.start == usage_span(member, today)[0]
        job_id = secrets.token_urlsafe(12)
        self._jobs[job_id] = job
        while len(self._jobs) > MOST_KEPT:
            del self._jobs[next(iter(self._jobs))]
        return job_id

    def find(self, job_id: str, member: Member) -> Job | None:
        """A member's own job."""
        job = self._jobs.get(job_id)
        return job if job and job.is_known and job.username == member.username else None


def _parse(member: Member, fields: Mapping[str, Any], now: datetime, today: date) -> Job:
    account = next((one for one in member.accounts if one.number == fields.get("accountNumber")), None)
    meter = account.meter(str(fields.get("meterNumber", ""))) if account else None
    if account is None or meter is None or meter.new:
        raise BadExport("UNKNOWN_METER")
    try:
        start, to = day_of(int(fields["startDateTime"])), day_of(int(fields["endDateTime"]))
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise BadExport("BAD_DATES") from exc
    first, last = usage_span(member, today)
    if not first <= start <= to <= last:
        raise BadExport("OUT_OF_RANGE")
    if (to - start).days + 1 > LONGEST:
        raise BadExport("RANGE_TOO_LONG")
    return Job(member.username, account, meter, start, to, now)


def _points(day: DayOfReadings) -> list[dict[str, Any]]:
    per_hour = 3600 // day.step
    hours = local_hours(day.day)
    points: list[dict[str, Any]] = []
    for place, value in enumerate(day.values):
        end = local_epoch(day.start + (place + 1) * day.step)
        point: dict[str, Any] = {"x": end, "hourEnding": hours[place // per_hour] + 1, "y": value / 1000}
        if place in day.estimated:
            point["estimated"] = True
        points.append(point)
    return points
