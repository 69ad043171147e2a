"""The wheel of this checkout, installed where nothing else is but what an extra needs; without a network."""

from __future__ import annotations

import compileall
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FIVE_LINES = """
import asyncio, datetime, meterfarm
async def ask(challenge): return "1234"
async def main():
    async with meterfarm.open() as farm:
        result = await farm.scrape("speculoos_power", USER, password="x", answer=ask, since=SINCE)
    print(result.outcome, bool(result.bills), bool(result.readings))
    try:
        print(result.readings.to_arrow())
    except meterfarm.MachineError as exc:
        print(exc)
USER, SINCE = "ineedmfa+text_message@bayou.energy", datetime.date.today() - datetime.timedelta(40)
asyncio.run(main())
"""
_NOT_SOURCE = ("out", "build", "deploy", "docs", "__pycache__", "node_modules", "*.egg-info", ".*")
_FOREIGN = ("records", "storage", "cli", "console", "worker", "support", "services")
"""Modules of these names are on the path of each installation, as of distributions like `records`."""


def build_wheel(folder: Path) -> Path:
    """The wheel, built in ``folder`` from a copy of the checkout, as a build front end does it."""
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=source, check=True, capture_output=True, timeout=120
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def metadata_of(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment in ``folder``."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python3*/site-packages")
        return found

    @property
    def size(self) -> int:
        """In bytes, without the interpreter."""
        return sum(path.stat().st_size for path in self.packages.rglob("*") if path.is_file())

    def environment(self) -> dict[str, str]:
        """For its programs: nothing of this process's settings, nor of the checkout."""
        kept = {"HOME", "LANG", "LD_LIBRARY_PATH", "METERFARM_BROWSER", "PLAYWRIGHT_BROWSERS_PATH", "TMPDIR"}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {name: value for name, value in os.environ.items() if name in kept} | {"PATH": path}

    def run(
        self, *command: str | Path, stdin: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run ``meterfarm`` with these arguments, outside of the checkout."""
        return subprocess.run(
            [self.python, "-P", "-m", "meterfarm.cli", *command],
            cwd=self.folder,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def python_code(self, code: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a program of somebody who uses the package."""
        return subprocess.run(
            [self.python, "-P", "-c", code],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def up(self) -> list[str]:
        """Run ``meterfarm up`` until it has said that all is there, and stop it; what it printed."""
        with subprocess.Popen(
            [self.python, "-P", "-m", "meterfarm.cli", "up", "--port", "0", "--processes", "1"],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            printed = []
            for line in process.stdout or ():
                printed.append(line)
                if "meterfarm customer add" in line:
                    break
            process.send_signal(signal.SIGTERM)
            printed += process.stdout or ()
            status = process.wait(60)
        assert status == 0, printed
        return printed


def install(folder: Path, wheel: Path, *extras: str) -> Installed:
    """``wheel`` with its ``extras``, by links to what this environment has of what they need."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", folder], check=True, capture_output=True, timeout=60
    )
    installed = Installed(folder)
    for name in sorted(_closure(metadata_of(wheel), extras)):
        _link(importlib.metadata.distribution(name), installed.packages)
    shutil.copytree(_unpacked(wheel), installed.packages, copy_function=os.link, dirs_exist_ok=True)
    for name in _FOREIGN:
        (installed.packages / f"{name}.py").write_text("raise ImportError('this is another distribution')\n")
    return installed


@cache
def _unpacked(wheel: Path) -> Path:
    """What a wheel installs, compiled once for all who install it."""
    folder = wheel.with_name("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    compileall.compile_dir(folder, quiet=2)
    return folder


def _link(distribution: importlib.metadata.Distribution, packages: Path) -> None:
    for file in distribution.files or ():
        if not {"..", "__pycache__"} & set(file.parts):
            link, real = packages / file, Path(str(file.locate())).resolve()
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(real)
            compiled = link.parent / "__pycache__"
            if link.parent != packages and not compiled.exists() and (real.parent / "__pycache__").is_dir():
                compiled.symlink_to(real.parent / "__pycache__")


def _closure(metadata: Message, extras: Sequence[str]) -> set[str]:
    """The distributions that the wheel needs with these extras, and those that they need."""
    found: set[tuple[str, str]] = set()
    waiting = [("meterfarm", extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        texts = metadata.get_all("Requires-Dist", []) if name == "meterfarm" else _requires(name)
        for each in map(Requirement, texts):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                waiting += [(canonical(each.name), wanted) for wanted in ("", *each.extras)]
    return {name for name, _ in found} - {"meterfarm"}


def _requires(name: str) -> Iterator[str]:
    yield from importlib.metadata.requires(name) or ()


def canonical(name: str) -> str:
    """A distribution's name as lists of packages have it."""
    return re.sub(r"[-_.]+", "-", name).lower()
