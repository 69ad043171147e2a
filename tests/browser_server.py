"""A Playwright server for tests, as it would run on another machine, with the Chromium of this one."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from meterfarm.scrapers.browser.chromium import find_chromium


class BrowserServer:
    """``start`` and ``stop`` as often as a test likes; its address stays the same. ``folder`` is its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = 0
        self._path = f"/{secrets.token_hex(8)}"
        self._process: subprocess.Popen[str] | None = None
        _with_chromium(folder)

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self._port}{self._path}"

    def start(self) -> None:
        """Start it and wait until it says that it listens."""
        command = [*compute_driver_executable(), "run-server", "--host", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port), "--path", self._path],
            env=_environment(self.folder) | {"TMPDIR": str(self.folder)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if self._process.stdout is None:
            raise AssertionError("its output is piped")
        said = self._process.stdout.readline()
        self._port = int(said.rsplit(":", 1)[1].split("/")[0])

    def stop(self) -> None:
        """End it and its browsers, at once."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate(timeout=20)
            self._process = None


@contextmanager
def browser_server(folder: Path) -> Iterator[BrowserServer]:
    server = BrowserServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(folder / "browsers")}


def _with_chromium(folder: Path) -> None:
    """Have Playwright find this machine's Chromium where it would have installed its own."""
    told = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "--dry-run", "--only-shell", "chromium"],
        env=_environment(folder),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    place = next(line.split(":", 1)[1].strip() for line in told.splitlines() if "headless_shell" in line)
    program = Path(place) / "chrome-headless-shell-linux64" / "chrome-headless-shell"
    program.parent.mkdir(parents=True)
    program.symlink_to(find_chromium())
