"""The fake utility on a port of one's choice, as a child that ends with us."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from meterfarm.console.errors import NotSetUp, UsageError
from meterfarm.scrapers.utility import Utility
from meterfarm.support.environment import child_environment, python_path

_USUAL_ADDRESS = "http://127.0.0.1:8600"
"""Where it is unless a port is given, and what the scripts of its portals name."""
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
_REFUSED = 2


def _signing() -> dict[str, str]:
    """What the text messages are signed with that it sends, the one secret that it is for."""
    token = os.environ.get("TWILIO_AUTH_TOKEN")
    return {"TWILIO_AUTH_TOKEN": token} if token else {}


def is_served_by_fake(utility: Utility) -> bool:
    """Whether the fake utility is this one's portal, and not a server of the script's own in development."""
    return utility.local_url.rstrip("/") == _USUAL_ADDRESS


class FakeUtility:
    """It runs for as long as a ``with`` block lasts, which gives its address.

    It has a session of its own, so that a terminal's Ctrl-C does not reach it, and a socket to us, so that
    it also ends when we are killed. Entering raises UsageError if the port cannot be had.
    """

    def __init__(self, port: int, *, random_codes: bool, home: Path) -> None:
        self._port = port
        self._options = ["--random-codes"] if random_codes else []
        self._home = home
        self._child: subprocess.Popen[bytes] | None = None
        self._ours: socket.socket | None = None

    def __enter__(self) -> str:
        with tempfile.TemporaryFile() as output:
            self._ours, theirs = socket.socketpair()
            with theirs:
                self._child = subprocess.Popen(  # noqa: S603 - our own module, no shell
                    [
                        *(sys.executable, "-P", "-m", "meterfarm.fake_utility", "--port", str(self._port)),
                        *("--parent-fd", str(theirs.fileno()), *self._options),
                    ],
                    env=child_environment(
                        PYTHONPATH=python_path(), METERFARM_HOME=str(self._home), **_signing()
                    ),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            address = self._address(self._ours)
            if address:
                return address
            status = self.stop()
            output.seek(0)
            said = output.read().decode(errors="replace").strip() or "It printed nothing."
        if status == _REFUSED:
            raise UsageError(f"The fake utility did not start. {said}")
        raise NotSetUp(f"The fake utility did not start. {said.splitlines()[-1]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self) -> int:
        """Wait until it ends by itself; its exit status."""
        return self._child.wait() if self._child else 0

    def stop(self) -> int:
        """Stop it; its exit status."""
        if self._ours is not None:
            self._ours.close()
        if self._child is None:
            return 0
        try:
            return self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()

    @staticmethod
    def _address(ours: socket.socket) -> str:
        """What the child says when it serves; "" if it ends, or says nothing in time."""
        ours.settimeout(_START_SECONDS)
        line = b""
        while not line.endswith(b"\n"):
            try:
                received = ours.recv(200)
            except TimeoutError:
                return ""
            if not received:
                return ""
            line += received
        return line.decode().strip()
