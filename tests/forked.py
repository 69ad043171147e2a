"""The `meterfarm` command or the fake utility in its own process, forked from one that has imported both.

Starting Python and importing all that the command needs takes more than a second; a fork takes some
milliseconds. The forked process has its own pid, session, environment, directory and descriptors. Processes
that share the tests share the one that forks.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from typer.main import get_command

from tests.statements import share_statements

ROOT = Path(__file__).parents[1]
Programs = Mapping[str, Callable[[], object]]
VARIABLE = "TESTS_FORKED_AT"
"""Names the address of the process that forks."""
_TIMEOUT = 100
_ALSO = (
    *(
        "meterfarm.worker",
        "meterfarm.farm.codes.sms_receiver",
        "meterfarm.nightly.command",
        "meterfarm.scrapers.runs.local_run",
    ),
    *(
        "meterfarm.fake_utility.server",
        "meterfarm.fake_utility.serving",
        "meterfarm.fake_utility.speculoos_power.app",
        "meterfarm.fake_utility.speculoos_power.bill_pdf",
        "meterfarm.fake_utility.pepernoot_coop.bill_pdf",
        "meterfarm.fake_utility.stroopwafel_energy.bill_pdf",
    ),
    *(
        "alembic.operations",
        "alembic.script",
        "_strptime",
        "psycopg",
        "uvloop",
        "uvicorn.protocols.http.httptools_impl",
    ),
    *("playwright._impl.json_pipe", "playwright._impl.local_utils", "playwright._impl.protocol_channels"),
    *("rich.progress", "rich._emoji_codes", "typer._adapters", "typer._click.decorators"),
    *("encodings.utf_16_be", "encodings.utf_16_le", "mmap"),
)


class Forked:
    """As ``subprocess.Popen`` with pipes for text, but for descriptors that are given.

    ``stdout`` is empty if its descriptor is given. ``program`` is "meterfarm" or "fake"; it ends when
    ``parent``, a socket, closes, if it is given.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        parent: int | None = None,
        program: str = "meterfarm",
    ) -> None:
        read_in, write_in = (stdin, None) if stdin is not None else os.pipe()
        read_out, write_out = (None, stdout) if stdout is not None else os.pipe()
        read_err, write_err = (None, stderr) if stderr is not None else os.pipe()
        line, theirs = socket.socketpair()
        with theirs:
            order = {"program": program, "arguments": list(arguments), "env": dict(env), "cwd": str(cwd)}
            also = () if parent is None else (parent,)
            _zygote().order(order, (theirs.fileno(), read_in, write_out, write_err, *also))
        for mine in (
            None if stdin is not None else read_in,
            None if stdout is not None else write_out,
            None if stderr is not None else write_err,
        ):
            if mine is not None:
                os.close(mine)
        self._line = line.makefile("r", encoding="ascii")
        line.close()
        self.pid = int(self._line.readline())
        self.stdin: IO[str] | None = (
            os.fdopen(write_in, "w", encoding="utf-8") if write_in is not None else None
        )
        self.stdout: IO[str] = (
            os.fdopen(read_out, "r", encoding="utf-8") if read_out is not None else io.StringIO()
        )
        self.stderr: IO[str] | None = (
            os.fdopen(read_err, "r", encoding="utf-8") if read_err is not None else None
        )
        self.returncode: int | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._await_end, daemon=True).start()

    def _await_end(self) -> None:
        status = self._line.readline()
        self._line.close()
        self.returncode = int(status) if status else -signal.SIGKILL
        self._ended.set()

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            with suppress(BrokenPipeError):  # it has ended without reading what it was told
                if stream is not None:
                    stream.close()
        if self.poll() is None:
            self.kill()
        self.wait(_TIMEOUT)

    def tell(self, line: str) -> None:
        """A line on its standard input, unless it has ended."""
        if self.stdin is None:
            raise RuntimeError("no pipe")
        with suppress(BrokenPipeError):
            self.stdin.write(f"{line}\n")
            self.stdin.flush()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float = _TIMEOUT) -> int:
        if not self._ended.wait(timeout) or self.returncode is None:
            raise subprocess.TimeoutExpired("meterfarm", timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and we have not heard of it yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, text: str = "", timeout: float = _TIMEOUT) -> tuple[str, str]:
        """Give it all it reads, and take all it writes."""
        said: list[str] = ["", ""]

        def read(place: int, stream: IO[str]) -> None:
            said[place] = stream.read()

        streams = [(0, self.stdout), *([(1, self.stderr)] if self.stderr is not None else [])]
        readers = [threading.Thread(target=read, args=each, daemon=True) for each in streams]
        for reader in readers:
            reader.start()
        if self.stdin is not None:
            try:
                self.stdin.write(text)
                self.stdin.close()
            except BrokenPipeError:
                pass  # it does not read any more
            self.stdin = None
        for reader in readers:
            reader.join(timeout)
        self.wait(timeout)
        return said[0], said[1]


def at_terminal(arguments: Sequence[str], env: Mapping[str, str], cwd: Path, descriptor: int) -> Forked:
    """The command with a terminal for all it reads and writes."""
    return Forked(arguments, env, cwd, stdin=descriptor, stdout=descriptor, stderr=descriptor)


@contextmanager
def shared_zygote() -> Iterator[str]:
    """The process that has imported everything, and forks: its address. It ends with whoever started it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        address = f"meterfarm-tests-{os.getpid()}"
        listening.bind(f"\0{address}")
        listening.listen(100)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(listening.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            pass_fds=(listening.fileno(),),
            start_new_session=True,
        )
    with process:
        yield address


class _Zygote:
    """A way to the process that forks."""

    def __init__(self, address: str) -> None:
        self._orders = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.connect(f"\0{address}")
        self._lock = threading.Lock()

    def close(self) -> None:
        self._orders.close()

    def order(self, order: Mapping[str, object], descriptors: Sequence[int]) -> None:
        with self._lock:
            socket.send_fds(self._orders, [json.dumps(order).encode()], list(descriptors))


@cache
def _zygote() -> _Zygote:
    """That of whoever shares the tests out, else our own, started when it is needed first."""
    ended_last = ExitStack()
    atexit.register(ended_last.close)
    zygote = _Zygote(os.environ.get(VARIABLE) or ended_last.enter_context(shared_zygote()))
    ended_last.callback(zygote.close)
    return zygote


def _prepared() -> Programs:
    """The programs, with all imported that a command imports when it needs it, and a state used once.

    Garbage collection looks through nothing of that again, so whoever is forked shares its memory.
    """
    gc.disable()
    from meterfarm import console, formats, services
    from meterfarm.cli import app
    from meterfarm.fake_utility.__main__ import main as fake
    from meterfarm.storage.settings import Settings
    from meterfarm.storage.store import Store
    from meterfarm.utilities import load_utilities
    from tests.storage.lived import live_once

    share_statements()
    late = [
        module.name
        for room in (console, formats, services)
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
    ]
    for module in [*late, *_ALSO]:
        importlib.import_module(module)
    load_utilities()
    with tempfile.TemporaryDirectory() as folder:
        with Store.open(Settings(home=Path(folder))) as farm:
            live_once(farm)
    command = get_command(app)
    gc.freeze()
    gc.enable()
    return {"meterfarm": command, "fake": lambda: sys.exit(fake())}


def _serve(listening: socket.socket) -> None:
    """Fork for every order, until standard input ends. Each child has a process that tells of its end."""
    programs = _prepared()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    ways = selectors.DefaultSelector()
    ways.register(sys.stdin, selectors.EVENT_READ)
    ways.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in ways.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listening:
                ways.register(listening.accept()[0], selectors.EVENT_READ)
            elif isinstance(key.fileobj, socket.socket):
                _take_order(key.fileobj, ways, programs)


def _take_order(orders: socket.socket, ways: selectors.BaseSelector, programs: Programs) -> None:
    text, descriptors, _, _ = socket.recv_fds(orders, 1 << 20, 5)
    if not text:
        ways.unregister(orders)
        orders.close()
        return
    if os.fork() == 0:
        for key in list(ways.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        ways.close()
        _wait_for_child(json.loads(text), descriptors, programs)
    for descriptor in descriptors:
        os.close(descriptor)


def _wait_for_child(order: Mapping[str, object], descriptors: Sequence[int], programs: Programs) -> None:
    """Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    line, *streams = descriptors
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.write(line, f"{os.getpid()}\n".encode())
        os.close(line)
        _become(order, streams, programs)
    for stream in streams:
        os.close(stream)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(line, f"{status}\n".encode())
    os._exit(0)


def _become(order: Mapping[str, object], descriptors: Sequence[int], programs: Programs) -> None:
    """Be the program. Never returns."""
    streams, parent = descriptors[:3], descriptors[3:]
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    for stream in streams:
        if stream > 2:
            os.close(stream)
    if os.isatty(1) and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    status = 70
    try:
        os.chdir(str(order["cwd"]))
        environment, arguments = order["env"], order["arguments"]
        if isinstance(environment, dict) and isinstance(arguments, list):
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = ["meterfarm", *arguments]
            if parent:
                sys.argv += ["--parent-fd", str(parent[0])]
            programs[str(order["program"])]()
            status = 0
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1 if exc.code else 0
    finally:
        for written in (sys.stdout, sys.stderr):
            try:
                written.flush()
            except OSError:
                status = status or 1
        os._exit(status)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
