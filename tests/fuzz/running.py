"""Has a reader read damaged files for a time: finds what crashes it, hangs it or takes its memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO

from tests.fuzz.mutate import made

ROOT = Path(__file__).resolve().parents[2]
_STARTING = 60.0
_NOT_BEGUN = 1 << 63


@dataclass(frozen=True, slots=True)
class Failure:
    what: str
    where: str
    number: int
    file: Path


@dataclass(slots=True)
class Fuzzed:
    """How a reader fared; each kind of failure is there once."""

    target: str
    seed: int
    inputs: int = 0
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.target}: {self.inputs:,} inputs, {len(self.failures)} failures (seed {self.seed})"]
        lines += [f"  {one.what} at {one.where}: input {one.number}, {one.file}" for one in self.failures]
        return "\n".join(lines)


def targets() -> Sequence[str]:
    """The readers that there are files for here."""
    return sorted(path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py"))


def fuzz(
    target: str,
    seed: int,
    seconds: float,
    out: Path,
    *,
    root: Path = ROOT,
    longest: float = 10.0,
    enough: int = 10,
    most: int = 1 << 62,
) -> Fuzzed:
    """Inputs from number 0 on, until ``seconds`` are over, there were ``most``, or ``enough`` kinds of
    failure are found.

    Inputs that fail are written to ``out``. One may take ``longest`` seconds. The targets are in ``root``.
    """
    fuzzed = Fuzzed(target, seed)
    until = time.monotonic() + seconds
    with tempfile.NamedTemporaryFile() as file:
        progress = Path(file.name)
        while (
            (left := until - time.monotonic()) > 0 and fuzzed.inputs < most and len(fuzzed.failures) < enough
        ):
            progress.write_bytes((fuzzed.inputs | _NOT_BEGUN).to_bytes(8, "little"))
            _run(fuzzed, left, most, progress, out, root, longest)
    return fuzzed


def _run(
    fuzzed: Fuzzed, seconds: float, most: int, progress: Path, out: Path, root: Path, longest: float
) -> None:
    """A process, for as long as it lasts."""
    first = fuzzed.inputs
    arguments = [fuzzed.target, str(fuzzed.seed), str(first), str(most), str(seconds), str(progress)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.child", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=root,
    ) as child:
        said: list[bytes] = []
        listening = [threading.Thread(target=_hear, args=(child.stdout, said))]
        complained: list[bytes] = []
        listening.append(threading.Thread(target=_hear, args=(child.stderr, complained)))
        for thread in listening:
            thread.start()
        hung = _watch(child, progress, longest)
        for thread in listening:
            thread.join()
    at = _number(progress) & ~_NOT_BEGUN
    fuzzed.inputs = at
    for line in said:
        told = json.loads(line)
        _enter(fuzzed, told["what"], told["where"], told["number"], out)
    if hung or child.returncode:
        ended = f"took more than {longest:g} s" if hung else f"ended with status {child.returncode}"
        _enter(fuzzed, ended, _last_words(complained), at, out)
        fuzzed.inputs = at + 1


def _watch(child: subprocess.Popen[bytes], progress: Path, longest: float) -> bool:
    """Wait for its end; if it stays with one input for too long, kill it, and True."""
    at, since = -1, time.monotonic()
    while True:
        try:
            child.wait(0.2)
        except subprocess.TimeoutExpired:
            now = _number(progress)
            if now != at:
                at, since = now, time.monotonic()
            elif time.monotonic() - since > (_STARTING if at & _NOT_BEGUN else longest):
                child.kill()
                return True
        else:
            return False


def _number(progress: Path) -> int:
    return int.from_bytes(progress.read_bytes(), "little")


def _hear(stream: IO[bytes] | None, heard: list[bytes]) -> None:
    heard.extend(stream or ())


def _last_words(complained: Iterable[bytes]) -> str:
    """Of a fault in C the place, of an exception its text."""
    words = [line.decode("utf-8", "replace").strip() for line in complained]
    places = [line for line in words if line.startswith("File ")]
    if places and any(line.startswith("Fatal Python error") for line in words):
        return places[0]
    return words[-1] if words else "a place unknown"


def _enter(fuzzed: Fuzzed, what: str, where: str, number: int, out: Path) -> None:
    kind = what.partition(":")[0]
    if any((one.where, one.what.partition(":")[0]) == (where, kind) for one in fuzzed.failures):
        return
    data = made(import_module(f"tests.fuzz.fuzz_{fuzzed.target}").SEEDS, fuzzed.seed, number)
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{fuzzed.target}-{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    fuzzed.failures.append(Failure(what, where, number, file))
