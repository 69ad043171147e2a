"""Processes that are forked by one that has imported all they need, and workers among them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from meterfarm.farm.workers.zygote import Zygote
from meterfarm.records import Outcome
from tests.farm.whole import Farm, processes_below

MODULE = "told_by_its_processes"
SOURCE = """
import json, os, signal, sys
with open({imports!r}, "a") as file:
    file.write("imported\\n")

def main():
    pipe = int(sys.argv[-1])
    while os.read(pipe, 100):
        pass
    said = {{
        "pid": os.getpid(),
        "session": os.getsid(0),
        "stdin": os.readlink("/proc/self/fd/0"),
        "descriptors": [fd for fd in range(200) if os.path.exists(f"/proc/self/fd/{{fd}}")],
        "default": [signal.getsignal(getattr(signal, name)) == signal.SIG_DFL for name in sys.argv[1:4]],
        "environment": dict(os.environ),
        "arguments": sys.argv,
        "command_line": open("/proc/self/cmdline").read(),
    }}
    with open(os.environ["SAY"], "w") as file:
        json.dump(said, file)
    return 7
"""
SIGNALS = ["SIGTERM", "SIGHUP", "SIGCHLD"]


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each time that ``MODULE`` was imported."""
    (tmp_path / f"{MODULE}.py").write_text(SOURCE.format(imports=str(tmp_path / "imports")))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "imports"


@contextmanager
def another_thread() -> Iterator[None]:
    """Meanwhile a fork of this process would not be safe."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("meanwhile", [nullcontext, another_thread])
async def test_what_is_forked_has_what_was_ordered_and_nothing_else(
    imports: Path, tmp_path: Path, meanwhile: Any
) -> None:
    """Its own session, no other descriptor, the signals' defaults; all is imported once for all."""
    said = []
    with (tmp_path / "open").open("w") as held, meanwhile(), Zygote(MODULE) as zygote:
        os.set_inheritable(held.fileno(), True)
        for number in range(3):
            environment = {"SAY": str(tmp_path / f"{number}"), "REDIS_URL": "redis://:canary@there"}
            child = await zygote.start(SIGNALS, environment)
            child.stop()
            assert await child.ended() == 7
            child.close()
            said.append(_said(tmp_path / f"{number}"))
            assert said[-1]["environment"] == environment
            assert said[-1]["pid"] == said[-1]["session"] == child.pid
    assert _times(imports) == 1
    assert len({one["pid"] for one in said}) == 3
    for one in said:
        pipe = one["descriptors"][-1]
        assert one["arguments"] == [MODULE, *SIGNALS, "--parent-fd", str(pipe)]
        assert one["descriptors"] == [0, 1, 2, pipe]
        assert (one["stdin"], one["default"]) == ("/dev/null", [True] * 3)
        assert one["command_line"].rstrip("\0") == f"meterfarm {MODULE}"


async def test_a_zygote_that_is_killed_takes_nobody_along_and_is_replaced(
    imports: Path, tmp_path: Path
) -> None:
    with Zygote(MODULE) as zygote:
        first = await zygote.start(SIGNALS, {"SAY": str(tmp_path / "first")})
        assert await first.began()
        (killed,) = processes_below(os.getpid(), "zygote")
        os.kill(killed, signal.SIGKILL)
        await asyncio.to_thread(os.waitid, os.P_PID, killed, os.WEXITED | os.WNOWAIT)
        second = await zygote.start(SIGNALS, {"SAY": str(tmp_path / "second")})
        assert await second.began()
        (replaced,) = processes_below(os.getpid(), "zygote")
        for child in (first, second):
            child.stop()
        assert await second.ended() == 7
        assert await first.ended() is None
        for child in (first, second):
            child.close()
    assert killed != replaced
    assert _said(tmp_path / "first")["pid"] == first.pid
    assert _times(imports) == 2


async def test_one_that_is_killed_is_told_of(imports: Path) -> None:
    with Zygote(MODULE) as zygote:
        child = await zygote.start(SIGNALS, {})
        assert await child.began()
        child.kill()
        assert await child.ended() == -signal.SIGKILL
        child.close()


def test_a_killed_worker_is_replaced_also_when_nothing_is_left_to_fork_it(farm: Farm) -> None:
    farm.start(1)
    (worker,) = farm.worker_pids()
    os.kill(worker, signal.SIGKILL)
    (another,) = farm.wait(lambda: _others(farm, worker), what="another worker")
    os.kill(_zygote(farm), signal.SIGKILL)
    os.kill(another, signal.SIGKILL)
    farm.wait(lambda: _others(farm, worker, another), what="a worker of another zygote")
    customer = farm.add("iamvalid@bayou.energy")
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    assert farm.stop() == 0


def test_all_end_with_the_command_even_if_it_is_killed(farm: Farm) -> None:
    farm.start(2)
    farm.wait(lambda: len(farm.worker_pids()) == 2, what="both workers")
    zygote = _zygote(farm)
    pids = [zygote, *farm.worker_pids()]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(zygote, number)
    assert farm.workers is not None
    with farm.workers as command:
        farm.workers = None
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
        farm.wait(lambda: not [pid for pid in pids if _lives(pid)], 15, "an end of all")


def test_ctrl_c_in_a_terminal_reaches_all_and_nobody_complains(farm: Farm, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as log:
        farm.start(2, stderr=log)
        farm.wait(lambda: len(farm.worker_pids()) == 2, what="both workers")
        pids = [_zygote(farm), *farm.worker_pids()]
        assert farm.workers is not None
        for group in {os.getpgid(pid) for pid in (farm.workers.pid, *pids)}:
            with suppress(ProcessLookupError):  # one that ended with those who heard it before
                os.killpg(group, signal.SIGINT)
        status = farm.workers.wait()
        farm.workers.stdout.close()
        farm.workers = None
        log.seek(0)
        assert (status, "Traceback" in log.read()) == (0, False)
    assert not [pid for pid in pids if _lives(pid)]


def _times(imports: Path) -> int:
    return imports.read_text().count("imported")


def _said(file: Path) -> Any:
    return json.loads(file.read_text())


def _zygote(farm: Farm) -> int:
    assert farm.workers is not None
    (found,) = processes_below(farm.workers.pid, "zygote")
    return found


def _others(farm: Farm, *known: int) -> list[int]:
    return [pid for pid in farm.worker_pids() if pid not in known]


def _lives(pid: int) -> bool:
    """One that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
