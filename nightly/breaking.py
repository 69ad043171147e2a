"""Scripts broken one thing at a time, in a copy of the project, to see whether the nightly catches it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from meterfarm import utilities
from meterfarm.console.errors import NotSetUp
from meterfarm.fake_utility.addresses import Addresses
from meterfarm.nightly.mutants import FAMILIES, Mutant, mutants
from meterfarm.nightly.portals import NightlyPortal, portals_running

_PACKAGE = Path(__file__).absolute().parents[1]
_NOT_COPIED = {"utilities", "tests", "bench", "docs", "deploy"}
_BATCH = 200
_BUDGET = 90 * 60
"""Seconds after which no further batch is begun."""
_STOP_SECONDS = 30
_CONTROL = 0
_Break = tuple[NightlyPortal, Mutant]
_LAST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a break. ``caught_by`` is a customer, "" if all ``tried`` were as meant."""

    mutant: Mutant
    utility: str
    caught_by: str
    how: str
    tried: int

    @property
    def is_caught(self) -> bool:
        """Whether a customer was not as meant."""
        return bool(self.caught_by)


@dataclass(slots=True)
class _Progress:
    """What is known so far; ``left`` breaks were not tried, for want of time."""

    report: Callable[[Verdict], None]
    began: float = field(default_factory=time.monotonic)
    verdicts: list[Verdict] = field(default_factory=list)
    left: int = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def is_over(self) -> bool:
        return self.seconds > _BUDGET

    def settled(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)
        self.report(verdict)


@dataclass(frozen=True, slots=True)
class Broken:
    """All verdicts; ``left`` breaks were not tried, for want of time."""

    verdicts: Sequence[Verdict]
    left: int
    seconds: float

    @property
    def caught(self) -> int:
        """How many breaks were noticed."""
        return sum(verdict.is_caught for verdict in self.verdicts)

    @property
    def share(self) -> float:
        """Of the breaks that were tried, how many were noticed, 0 to 1."""
        return self.caught / len(self.verdicts) if self.verdicts else 0.0


async def break_all(
    portals: Sequence[NightlyPortal],
    home: Path,
    sample: int | None,
    report: Callable[[Verdict], None],
    *,
    control: bool = True,
) -> Broken:
    """Try all breaks of the portals' scripts, or a sample spread evenly. ``home`` is for farms' state.

    With ``control`` all customers visit the unbroken script, too.

    Raises:
        NotSetUp: a portal does not start, a script is not as meant even unbroken, or a trial breaks off.
    """
    progress = _Progress(report)
    chosen = _spread(_breaks(_one_each(portals)), sample)
    for portal in _one_each(portals):
        of_portal = [mutant for owner, mutant in chosen if owner is portal]
        if not of_portal:
            continue
        with ExitStack() as stack:
            running = portals_running(home / "portals", keeps=True)
            at = await asyncio.to_thread(lambda: stack.enter_context(running))  # noqa: B023 - called at once
            if reason := at.broken.get(portal.id):
                raise NotSetUp(f"The fake portal of {portal.name} does not start: {reason}")
            await _break_one(_Ground(portal, at, home, control), of_portal, progress)
    progress.verdicts.sort(key=lambda verdict: (verdict.utility, verdict.mutant.number))
    return Broken(progress.verdicts, progress.left, round(progress.seconds, 1))


async def _break_one(ground: _Ground, breaks: Sequence[Mutant], progress: _Progress) -> None:
    """A portal's breaks, whom its listed customers meet; what none of them catches, those with quirks do.

    What a comment excuses is not tried: it takes all customers to find that none of them notices.
    """
    for mutant in breaks:
        if mutant.excuse:
            progress.settled(Verdict(mutant, ground.portal.utility, "", "", 0))
    breaks = [mutant for mutant in breaks if not mutant.excuse]
    uncaught: list[Verdict] = []
    for begin in range(0, len(breaks), _BATCH):
        batch = breaks[begin : begin + _BATCH]
        if progress.is_over:
            progress.left += len(batch)
            continue
        async for verdict in _Batch(ground, batch, is_first=begin == 0).run():
            if verdict.is_caught:
                progress.settled(verdict)
            else:
                uncaught.append(verdict)
    for begin in range(0, len(uncaught), _BATCH):
        earlier = {verdict.mutant.number: verdict for verdict in uncaught[begin : begin + _BATCH]}
        if progress.is_over:
            for verdict in earlier.values():
                progress.settled(verdict)
            continue
        batch = [verdict.mutant for verdict in earlier.values()]
        async for verdict in _Batch(ground, batch, is_first=begin == 0, quirks=True).run():
            tried = earlier[verdict.mutant.number].tried + verdict.tried
            progress.settled(replace(verdict, tried=tried))


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where breaks are tried. With ``control`` all customers visit the unbroken script, too."""

    portal: NightlyPortal
    at: Addresses
    home: Path
    control: bool


class _Batch:
    """Some breaks of a script, tried side by side; with the first, the unbroken script. Those who visit are
    the listed customers, or those with ``quirks``."""

    def __init__(
        self, ground: _Ground, batch: Sequence[Mutant], *, is_first: bool, quirks: bool = False
    ) -> None:
        self._portal = ground.portal
        self._at = ground.at
        self._home = ground.home
        self._quirks = quirks
        self._batch = {self._copy(mutant.number): mutant for mutant in batch}
        self._control = self._copy(_CONTROL) if ground.control and is_first else ""

    def _copy(self, number: int) -> str:
        return f"{self._portal.utility}_b{number:04}"

    async def run(self) -> Any:
        with TemporaryDirectory(prefix="meterfarm-broken-") as scratch:
            root = Path(scratch)
            await asyncio.to_thread(self._make_project, root)
            plan = root / "plan.json"
            plan.write_text(json.dumps(self._plan()), encoding="utf-8")
            async for line in _lines(plan, root):
                if line["utility"] == self._control:
                    if line["caught_by"]:
                        raise NotSetUp(
                            f"The unbroken script is not as meant ({line['caught_by']}: {line['how']}), "
                            "so a trial of broken ones shows nothing; run `nightly` to see the differences."
                        )
                    continue
                mutant = self._batch[line["utility"]]
                yield Verdict(mutant, self._portal.utility, line["caught_by"], line["how"], line["tried"])

    def _plan(self) -> Mapping[str, Any]:
        scripts = [
            {"utility": name, "number": mutant.number, "names": sorted(mutant.names), "all": False}
            for name, mutant in self._batch.items()
        ]
        if self._control:
            scripts.append({"utility": self._control, "number": _CONTROL, "names": [], "all": True})
        return {
            "portal": self._portal.id,
            "day": self._portal.today().isoformat(),
            "address": self._at.http.get(self._portal.id, ""),
            "controls": self._at.controls[self._portal.id],
            "hosts": self._at.hosts,
            "home": str(self._home / "farm"),
            "quirks": self._quirks,
            "scripts": scripts,
        }

    def _make_project(self, root: Path) -> None:
        """The project as it is, and beside of_portal utilities a copy of the script for each break."""
        package = root / "meterfarm"
        package.mkdir()
        for path in _PACKAGE.iterdir():
            is_code = path.is_dir() or path.suffix == ".py"
            if is_code and path.name not in _NOT_COPIED and not path.name.startswith((".", "__pycache__")):
                (package / path.name).symlink_to(path)
        folder = package / "utilities"
        folder.mkdir()
        original = _folder(self._portal.utility)
        for path in original.parent.iterdir():
            if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__"):
                (folder / path.name).symlink_to(path)  # a family's scripts, and a sister's
        for name, mutant in self._batch.items():
            self._copy_script(original, folder / name, mutant)
        if self._control:
            self._copy_script(original, folder / self._control, None)

    def _copy_script(self, original: Path, folder: Path, mutant: Mutant | None) -> None:
        """With a family of its own, if that is what is broken."""
        folder.mkdir()
        renamed = {self._portal.utility: folder.name}
        sources = {path.name: path.read_text(encoding="utf-8") for path in original.glob("*.py")}
        if mutant is not None and mutant.is_of_family:
            family = original.with_name(FAMILIES)
            (folder / FAMILIES).mkdir()
            renamed[FAMILIES] = f"{folder.name}.{FAMILIES}"
            sources |= {f"{FAMILIES}/{path.name}": path.read_text() for path in family.glob("*.py")}
        if mutant is not None:
            sources[mutant.file] = mutant.source
        names = re.compile(rf"\butilities\.({'|'.join(map(re.escape, renamed))})\b")
        for file, source in sources.items():
            own = names.sub(lambda found: f"utilities.{renamed[found[1]]}", source)
            (folder / file).write_text(own, encoding="utf-8")


async def _lines(plan: Path, root: Path) -> Any:
    """What the trial says, object by object. Raises NotSetUp if it breaks off."""
    with (root / "trial.log").open("w+b") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "meterfarm.nightly.trial", str(plan)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            start_new_session=True,
        )
        try:
            while process.stdout is not None and (line := await process.stdout.readline()):
                yield json.loads(line)
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), _STOP_SECONDS)
                except TimeoutError:
                    process.kill()
        if status:
            log.seek(0)
            words = log.read().decode(errors="replace").strip().rpartition("\n")[2][:_LAST_WORDS]
            raise NotSetUp(f"The trial of the broken scripts broke off: {words or 'it printed nothing'}.")


def _folder(utility: str) -> Path:
    return Path(next(iter(utilities.__path__))) / utility


def _one_each(portals: Sequence[NightlyPortal]) -> Sequence[NightlyPortal]:
    """A portal for each script: the first in the matrix."""
    return list({portal.utility: portal for portal in reversed(portals)}.values())[::-1]


def _breaks(portals: Sequence[NightlyPortal]) -> Sequence[_Break]:
    """All of each script, those of a family with the first script that has it."""
    found: list[_Break] = []
    families: set[str] = set()
    for portal in portals:
        of_script = mutants(_folder(portal.utility))
        found += [(portal, mutant) for mutant in of_script if mutant.file not in families]
        families |= {mutant.file for mutant in of_script if mutant.is_of_family}
    return found


def _spread(every: Sequence[_Break], sample: int | None) -> Sequence[_Break]:
    count = len(every) if sample is None else min(sample, len(every))
    return [every[place * len(every) // count] for place in range(count)] if count else ()
