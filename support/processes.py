"""Who holds a run: a process, named so that others on its machine know whether it still lives."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

_SEPARATOR = "/"


@cache
def _machine() -> str:
    """This machine since it started, as processes with the same ids see it; "" if that is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{socket.gethostname()}.{boot[:8]}.{Path('/proc/self/ns/pid').readlink().name[5:-1]}"
    except OSError:
        return ""


def this_process() -> str:
    """``machine/pid/start``. Not to be kept across a fork."""
    return _named(os.getpid())


@cache
def _named(pid: int) -> str:
    return _SEPARATOR.join((_machine() or socket.gethostname(), str(pid), _started(pid)))


os.register_at_fork(after_in_child=_named.cache_clear)  # an ancestor that has ended may have had the same id


def is_dead(process: str) -> bool:
    """Whether it is known to have ended. Of processes on other machines nothing is known."""
    machine, _, rest = process.partition(_SEPARATOR)
    pid, _, started = rest.partition(_SEPARATOR)
    return bool(_machine()) and machine == _machine() and pid.isdigit() and _started(int(pid)) != started


def short(process: str) -> str:
    """For people: host and process id."""
    machine, _, rest = process.partition(_SEPARATOR)
    return f"{machine.partition('.')[0]}:{rest.partition(_SEPARATOR)[0]}" if process else ""


def _started(pid: int) -> str:
    """When the process was started, in clock ticks since the machine was; "" if there is no such process.

    psutil gives the time by the wall clock: once that is set, a process that lives would have another name.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    state, *rest = status.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
