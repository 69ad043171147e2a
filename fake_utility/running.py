"""The fake utility as a child process, for as long as a `with` block lasts."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO

START_SECONDS = 20.0
STOP_SECONDS = 5.0
_IMPORTED_FROM = Path(__file__).absolute().parents[2]
_NEEDED = frozenset(
    {"HOME", "LANG", "LD_LIBRARY_PATH", "METERFARM_HOME", "PATH", "TMPDIR", "TWILIO_AUTH_TOKEN", "TZ"}
)


class DidNotStart(RuntimeError):
    """The child ended, or said nothing, before it served; the text holds what it printed last."""


@contextmanager
def fake_utility(
    *,
    random_codes: bool = False,
    now: str | None = None,
    home: Path | None = None,
    sms_webhook: str | None = None,
    smtp: str | None = None,
    prerender: bool | int = False,
    log: Path | None = None,
) -> Iterator[str]:
    """Yield the base URL of a Speculoos Power on a free port. Raises DidNotStart.

    `home` holds its signing key (default: METERFARM_HOME); `log` gets what it prints; `prerender` may be a
    number of MiB. The child has a session
    of its own, so that a terminal's Ctrl-C does not reach it; the two hold a socket between them, so that it
    also ends when this process is killed.
    """
    options = {"--now": now, "--sms-webhook": sms_webhook, "--smtp": smtp}
    arguments = [part for name, value in options.items() if value is not None for part in (name, value)]
    if random_codes:
        arguments.append("--random-codes")
    if prerender:
        arguments += ["--prerender"] if prerender is True else ["--prerender", str(prerender)]
    path = os.pathsep.join(filter(None, (str(_IMPORTED_FROM), os.environ.get("PYTHONPATH"))))
    environment = _environment() | {"PYTHONPATH": path} | ({"METERFARM_HOME": str(home)} if home else {})
    with ExitStack() as stack:
        output: IO[bytes] = stack.enter_context(log.open("w+b")) if log else stack.enter_context(_scratch())
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        with theirs:
            child = _start(arguments, environment, theirs, output)
        stack.callback(_stop, child, ours)
        yield _address(ours, output)


def _environment() -> dict[str, str]:
    """What a Python program needs, and what the child signs with; no secret that is not for it."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _NEEDED or name.startswith(("LC_", "PYTHON"))
    }


def _scratch() -> AbstractContextManager[IO[bytes]]:
    return tempfile.TemporaryFile()


def _start(
    arguments: list[str], environment: dict[str, str], theirs: socket.socket, output: IO[bytes]
) -> subprocess.Popen[bytes]:
    descriptor = theirs.fileno()
    command = [
        sys.executable,
        *("-P", "-m", "meterfarm.fake_utility"),
        "--port",
        "0",
        "--parent-fd",
        str(descriptor),
        *arguments,
    ]
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=(descriptor,),
        start_new_session=True,
    )


def _address(ours: socket.socket, output: IO[bytes]) -> str:
    """Wait for the line in which the child says where it serves."""
    ours.settimeout(START_SECONDS)
    line = b""
    while not line.endswith(b"\n"):
        try:
            received = ours.recv(200)
        except TimeoutError:
            received = b""
        if not received:
            output.seek(0)
            printed = output.read().decode(errors="replace").strip()
            last = printed.splitlines()[-1] if printed else "it printed nothing"
            raise DidNotStart(f"The fake utility did not start: {last}")
        line += received
    return line.decode().strip()


def _stop(child: subprocess.Popen[bytes], ours: socket.socket) -> None:
    ours.close()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
