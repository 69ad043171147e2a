"""The journal of a night under way, from which `nightly --resume` takes it up.

A folder beside the night's state: `journal.jsonl`, a JSON object a line, and below `evidence/` what was kept
of those who have ended. Each result is written through to the disk. All is removed once there is a report.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from meterfarm.console.errors import UsageError
from meterfarm.nightly.nightly_run import LiveLook, NightPart, Result, VisitResult, seconds_of
from meterfarm.storage import StorageError

_FILE, _EVIDENCE = "journal.jsonl", "evidence"
_LARGEST = 64 << 20
_PACKAGE = Path(__file__).absolute().parents[1]
_NOT_OF_A_NIGHT = {"tests", "bench"}
_PARTS = ("quirks", "forms", "live")
_DAMAGES = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class NightPlan:
    """What a night was begun as: when, where its report goes, and what takes part."""

    at: datetime
    report: Path
    quirks: bool
    forms: bool
    live: bool = False


class Journal:
    """What has ended of a night. ``parts`` are those before this one; each but the last was interrupted.

    ``results`` are by key, ``violations`` by the portal's id: what the portals of all parts complained of.
    ``looks`` are those at live portals, by the utility.
    """

    def __init__(self, folder: Path, plan: NightPlan) -> None:
        self.plan = plan
        self.parts: list[NightPart] = []
        self.results: dict[str, Result] = {}
        self.violations: dict[str, list[str]] = {}
        self.looks: dict[str, LiveLook] = {}
        self._folder = folder
        self._length = 0
        self._numbers = count(1)
        self._at, self._began = datetime.now(UTC), time.monotonic()

    @classmethod
    def begin(cls, folder: Path, plan: NightPlan) -> Journal:
        """Of a new night; that of an unfinished one is removed. Raises StorageError."""
        shutil.rmtree(folder, ignore_errors=True)
        made = cls(folder, plan)
        try:
            folder.mkdir(mode=0o700)
        except OSError as exc:
            raise StorageError(_not_written(folder, exc)) from exc
        made._write({"night": {**asdict(plan), "at": plan.at.isoformat(), "report": str(plan.report)}})
        made._begin_part()
        return made

    @classmethod
    def take_up(cls, folder: Path) -> Journal:
        """Of the unfinished night, as far as it is undamaged; ``go_on`` begins its next part.

        Raises:
            UsageError: there is none, or it cannot be taken up by this version of the code.
        """
        try:
            with (folder / _FILE).open("rb") as file:
                lines = file.read(_LARGEST).splitlines(keepends=True)
        except FileNotFoundError:
            raise UsageError("No night was interrupted; leave --resume out to begin one.") from None
        except OSError as exc:
            raise UsageError(_unreadable(folder)) from exc
        try:
            head = json.loads(lines[0])
            plan = head["night"]
            at, report = datetime.fromisoformat(plan["at"]), Path(plan["report"])
            found = cls(folder, NightPlan(at, report, *(bool(plan[name]) for name in _PARTS)))
        except _DAMAGES as exc:
            raise UsageError(_unreadable(folder)) from exc
        if head.get("code") != _code():
            raise UsageError(
                f"The night of {at:%Y-%m-%d %H:%M} UTC was begun with another version of Meterfarm, "
                "and two versions make no report; leave --resume out to begin a new night."
            )
        found._read(lines)
        return found

    def go_on(self) -> None:
        """Begin the next part of a night that was taken up. Raises StorageError."""
        try:
            os.truncate(self._folder / _FILE, self._length)
        except OSError as exc:
            raise StorageError(_not_written(self._folder, exc)) from exc
        self._begin_part()

    @property
    def every_part(self) -> Sequence[NightPart]:
        """Those before, and this one until now."""
        return [*self.parts, NightPart(self._at, self._seconds)]

    def add(self, result: Result) -> Result:
        """Who has ended, with evidence that outlives the farm's state. Raises StorageError."""
        number = next(self._numbers)
        visits = tuple(
            replace(visit, evidence=self._kept(visit.evidence, f"{number}-{place}"))
            for place, visit in enumerate(result.visits, start=1)
        )
        kept = replace(result, visits=visits)
        self._write({"result": asdict(kept) | {"visits": [_as_json(visit) for visit in visits]}})
        self.results[kept.key] = kept
        return kept

    def add_look(self, look: LiveLook) -> None:
        """A look at a live portal, likewise. Raises StorageError."""
        kept = replace(look, evidence=self._kept(look.evidence, look.key))
        self._write({"look": _as_json(kept)})
        self.looks[kept.portal] = kept

    def saw(self, violations: Mapping[str, Sequence[str]]) -> None:
        """What the portals of this part complain of by now. Raises StorageError."""
        if self._complained(violations):
            self._write({"violations": violations})

    def remove(self) -> None:
        """The night has its report."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def _begin_part(self) -> None:
        self._at, self._began = datetime.now(UTC), time.monotonic()
        self._write({"part": self._at.isoformat()})

    def _kept(self, evidence: str, name: str) -> str:
        """Where it is from now on, "" if there is none."""
        source, target = Path(evidence), self._folder / _EVIDENCE / name
        if not evidence or not source.is_dir():
            return ""
        with suppress(OSError):  # a night is worth more than its evidence
            target.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            source.rename(target)
            return str(target)
        return ""

    def _complained(self, violations: Mapping[str, Sequence[str]]) -> bool:
        """Whether there are others than before."""
        before = sum(map(len, self.violations.values()))
        for portal, sentences in violations.items():
            known = self.violations.setdefault(portal, [])
            known += [sentence for sentence in sentences if sentence not in known]
        return sum(map(len, self.violations.values())) > before

    def _write(self, line: Mapping[str, Any]) -> None:
        """Append a line, as a whole and to the disk; the first names the code."""
        is_first = "night" in line
        what = {**line, "code": _code()} if is_first else {**line, "seconds": self._seconds}
        try:
            handle = os.open(self._folder / _FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(json.dumps(what, allow_nan=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise StorageError(_not_written(self._folder, exc)) from exc

    def _read(self, lines: Sequence[bytes]) -> None:
        """All lines, up to the first that is not whole: what was written when it was interrupted."""
        self._length = len(lines[0])
        for line in lines[1:]:
            try:
                if not line.endswith(b"\n"):
                    return
                self._take(json.loads(line))
            except _DAMAGES:
                return
            self._length += len(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        seconds = seconds_of(line["seconds"])
        if "part" in line:
            self.parts.append(NightPart(datetime.fromisoformat(line["part"]), seconds))
            return
        if "result" in line:
            result = self._result(line["result"])
            self.results[result.key] = result
            next(self._numbers)
        elif "look" in line:
            look = self._look(line["look"])
            self.looks[look.portal] = look
        else:
            self._complained(
                {str(portal): list(map(str, said)) for portal, said in line["violations"].items()}
            )
        self.parts[-1] = replace(self.parts[-1], seconds=seconds)

    def _result(self, kept: Mapping[str, Any]) -> Result:
        visits = []
        for visit in kept["visits"]:
            took = {str(step): seconds_of(took) for step, took in visit["seconds"].items()}
            visits.append(VisitResult(**{**visit, "seconds": took, "evidence": self._found(visit)}))
        differences = tuple(map(str, kept["differences"]))
        return Result(**{**kept, "visits": tuple(visits), "differences": differences})

    def _look(self, kept: Mapping[str, Any]) -> LiveLook:
        return LiveLook(**{**kept, "took": seconds_of(kept["took"]), "evidence": self._found(kept)})

    def _found(self, kept: Mapping[str, Any]) -> str:
        """Where the evidence is, "" if there is none."""
        name = Path(kept["evidence"]).name
        return str(self._folder / _EVIDENCE / name) if name else ""


def _as_json(kept: VisitResult | LiveLook) -> Mapping[str, Any]:
    """With evidence by its name alone: the state directory may be moved."""
    return {**asdict(kept), "evidence": Path(kept.evidence).name}


@cache
def _code() -> str:
    """What all that a night runs and compares with is written in, as a checksum."""
    digest = hashlib.sha256()
    rooms = [
        path.parent for path in _PACKAGE.glob("*/__init__.py") if path.parent.name not in _NOT_OF_A_NIGHT
    ]
    files = [path for room in rooms for path in room.rglob("*") if "__pycache__" not in path.parts]
    for path in sorted([*files, *_PACKAGE.glob("*.py")]):
        if path.is_file():
            digest.update(f"{path.relative_to(_PACKAGE)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _unreadable(folder: Path) -> str:
    return (
        f"The journal of the interrupted night in {folder} cannot be read; "
        "leave --resume out to begin a new night."
    )


def _not_written(folder: Path, error: OSError) -> str:
    return (
        f"The night's journal in {folder} cannot be written ({error.strerror}); "
        "make room there, or set METERFARM_HOME to another directory."
    )
