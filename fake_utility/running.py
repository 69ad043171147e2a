"""The fake utility as a child process, for as long as a `with` block lasts."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from meterfarm.fake_utility.addresses import Addresses

DEFAULT_PORT = 8600
"""Where it serves unless a port is given, and what the scripts of its portals name."""
USUAL_ADDRESS = f"http://127.0.0.1:{DEFAULT_PORT}"
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
_OPTIONS_REFUSED = 2
_IMPORTED_FROM = Path(__file__).absolute().parents[2]
_NEEDED = frozenset(
    {"HOME", "LANG", "LD_LIBRARY_PATH", "METERFARM_HOME", "PATH", "TMPDIR", "TWILIO_AUTH_TOKEN", "TZ"}
)


class DidNotStart(RuntimeError):
    """The child ended, or printed no address, before it served; the text holds what it printed last.

    `options_refused`: it cannot start with these options, for example because the port is taken.
    """

    def __init__(self, printed: str, *, options_refused: bool) -> None:
        last = printed.splitlines()[-1] if printed else "it printed nothing"
        super().__init__(f"The fake utility did not start: {last}")
        self.options_refused = options_refused


class FakeUtility:
    """All fake portals, which serve while a `with` block lasts; the block gets their addresses.

    `port` 0 is any free one; `home` holds its signing key (default: METERFARM_HOME); `log` gets what it
    prints; `prerender` may be a number of MiB. Entering raises DidNotStart; also if a single portal does not
    start, unless `partly` is enough.
    `stand_ins` are served too, under their companies' names.

    The child has a session of its own, so that a terminal's Ctrl-C does not reach it; the two hold a socket
    between them, so that it also ends when this process is killed.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        random_codes: bool = False,
        now: str | None = None,
        home: Path | None = None,
        sms_webhook: str | None = None,
        smtp: str | None = None,
        prerender: bool | int = False,
        log: Path | None = None,
        partly: bool = False,
        stand_ins: Sequence[str] = (),
    ) -> None:
        options = {"--port": str(port), "--now": now, "--sms-webhook": sms_webhook, "--smtp": smtp}
        self._arguments = [
            part for name, value in options.items() if value is not None for part in (name, value)
        ]
        if random_codes:
            self._arguments.append("--random-codes")
        if prerender:
            self._arguments += ["--prerender"] if prerender is True else ["--prerender", str(prerender)]
        if stand_ins:
            self._arguments += ["--stand-in", *stand_ins]
        self._home = home
        self._log = log
        self._partly = partly
        self._child: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Addresses:
        with ExitStack() as stack:
            output: IO[bytes] = stack.enter_context(
                self._log.open("w+b") if self._log else tempfile.TemporaryFile()
            )
            ours, theirs = socket.socketpair()
            stack.callback(self._stop, ours)
            with theirs:
                self._child = self._start(theirs.fileno(), output)
            addresses = _addresses(ours)
            if addresses is None:
                status = self._stop(ours)
                output.seek(0)
                printed = output.read().decode(errors="replace").strip()
                raise DidNotStart(printed, options_refused=status == _OPTIONS_REFUSED)
            if addresses.broken and not self._partly:
                self._stop(ours)
                portal_id, reason = next(iter(addresses.broken.items()))
                raise DidNotStart(f"{portal_id}: {reason}", options_refused=False)
            self._stack = stack.pop_all()
        return addresses

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait(self) -> int:
        """Wait until it ends by itself; its exit status."""
        return self._child.wait() if self._child else 0

    def _start(self, descriptor: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
        module = (sys.executable, "-P", "-m", "meterfarm.fake_utility")
        return subprocess.Popen(  # noqa: S603 - our own module, no shell
            [*module, "--parent-fd", str(descriptor), *self._arguments],
            env=_environment(self._home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(descriptor,),
            start_new_session=True,
        )

    def _stop(self, ours: socket.socket) -> int:
        """Stop it; its exit status."""
        ours.close()
        if self._child is None:
            return 0
        try:
            return self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()


def _environment(home: Path | None) -> dict[str, str]:
    """What a Python program needs, and what the child signs with; no secret that is not for it."""
    needed = {
        name: value
        for name, value in os.environ.items()
        if name in _NEEDED or name.startswith(("LC_", "PYTHON"))
    }
    path = os.pathsep.join(filter(None, (str(_IMPORTED_FROM), os.environ.get("PYTHONPATH"))))
    return {**needed, "PYTHONPATH": path, **({"METERFARM_HOME": str(home)} if home else {})}


def _addresses(ours: socket.socket) -> Addresses | None:
    """The line in which the child writes where it serves; None if it ends, or writes none in time."""
    ours.settimeout(_START_SECONDS)
    line = b""
    while not line.endswith(b"\n"):
        try:
            received = ours.recv(4_000)
        except TimeoutError:
            return None
        if not received:
            return None
        line += received
    return Addresses.from_line(line.decode())
