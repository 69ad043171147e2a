"""The process of a ``Zygote`` (``farm/workers/zygote.py``): it imports a module, then forks for each order.

An order is one end of a socket, the new process's pipe. All else goes through that, a line each: the process
says its id, the command what arguments and environment it is to have, the zygote how it ended. Then it is the
new process that holds the pipe, and stops when the other end closes.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from setproctitle import setproctitle, setthreadtitle

_STOP_SECONDS = 10.0
_FAILED = 1
_FOR_THE_COMMAND = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that a terminal or a service manager sends to all processes: the zygote ends with the command."""
_Main = Callable[[], int]


def forked(module: str, orders: socket.socket) -> int:
    """A zygote forked from this process, which has no other thread; its id."""
    _flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_COMMAND)
    try:
        pid = os.fork()
        if not pid:
            _serve(module, orders)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(module: str, orders: socket.socket) -> NoReturn:
    """Be the zygote."""
    status = _FAILED
    try:
        for number in _FOR_THE_COMMAND:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_COMMAND)
        if os.getsid(0) != os.getpid():
            os.setsid()
        _name_process("zygote")
        _close_all_but(orders.fileno())
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        gc.disable()  # nothing of what is imported is garbage; to look for some takes a fifth as long again
        main: _Main = import_module(module).main
        gc.freeze()
        _Forking(module, main, orders).run()
        status = 0
    except BaseException:  # noqa: BLE001 - nothing must go on here as the process that was forked
        _complain()
    finally:
        os._exit(status)


class _Forking:
    """What a zygote does once it has imported all."""

    def __init__(self, module: str, main: _Main, orders: socket.socket) -> None:
        self._module = module
        self._main = main
        self._orders = orders
        self._pipes: dict[int, socket.socket] = {}
        self._ends, self._wake = socket.socketpair()
        """There is something to read when a child has ended."""

    def run(self) -> None:
        """Until the command is gone, and all children have ended."""
        for end in (self._ends, self._wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        while self._take_order():
            pass
        until = time.monotonic() + _STOP_SECONDS
        while self._pipes and (left := until - time.monotonic()) > 0:
            self._look([self._ends], left)
        for pid in self._pipes:
            os.kill(pid, signal.SIGKILL)

    def _take_order(self) -> bool:
        """Wait for an order, or for a child's end; False once there can be no more orders."""
        if not self._look([self._orders, self._ends]):
            return True
        order, given, _, _ = socket.recv_fds(self._orders, 1, 1, socket.MSG_CMSG_CLOEXEC)
        for descriptor in given:
            self._fork(socket.socket(fileno=descriptor))
        return bool(order)

    def _look(self, at: list[socket.socket], seconds: float | None = None) -> bool:
        """Wait until there is something to read; report children that have ended. Whether there is more."""
        ready, _, _ = select.select(at, [], [], seconds)
        if self._ends in ready:
            self._ends.recv(1024)
            self._report_ends()
        return self._orders in ready

    def _report_ends(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with self._pipes.pop(ended[0]) as pipe, suppress(OSError):
                    pipe.sendall(b"%d\n" % os.waitstatus_to_exitcode(ended[1]))

    def _fork(self, pipe: socket.socket) -> None:
        try:
            pid = os.fork()
        except OSError as exc:  # no memory, or too many processes; the command orders again
            sys.stderr.write(f"meterfarm: No {self._module} process can be forked: {exc.strerror}.\n")
            pipe.close()
            return
        if not pid:
            _become(self._module, self._main, pipe)
        self._pipes[pid] = pipe


def _become(module: str, main: _Main, pipe: socket.socket) -> NoReturn:
    """Be the process that was ordered."""
    status = _FAILED
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (*_FOR_THE_COMMAND, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _name_process(module.rpartition(".")[2])
        _close_all_but(pipe.fileno())
        gc.enable()
        pipe.sendall(b"%d\n" % os.getpid())
        with pipe.makefile("rb") as lines:
            order = json.loads(lines.readline() or "null")
        if order is not None:
            os.environ.clear()
            os.environ.update(order["environment"])
            time.tzset()
            sys.argv = [module, *order["arguments"], "--parent-fd", str(pipe.fileno())]
            status = main()
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else _FAILED
    except BaseException:  # noqa: BLE001 - nothing must go on here as the process that was forked
        _complain()
    finally:
        _flush()
        os._exit(status)


def _name_process(name: str) -> None:
    """For ``ps`` and ``top``: else it had the command line of the process it was forked from."""
    setproctitle(f"meterfarm {name}")
    setthreadtitle(name)


def _close_all_but(kept: int) -> None:
    """The standard streams stay, too. What holds the others is never used, nor closed, in this process."""
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2 and descriptor != kept:
            with suppress(OSError):  # it was that of the folder
                os.close(descriptor)


def _complain() -> None:
    kind, error, trace = sys.exc_info()
    if kind is not None and error is not None:
        sys.excepthook(kind, error, trace)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()


if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
