"""A way runs in a process of its own: it gets ready, starts on a signal, and reports how long it took.

So neither its start nor the table's printing is in the measure, and its process tree is all that it uses.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meterfarm.bench.process_tree import adopt_orphans, cpu_seconds, peak_of
from meterfarm.support.environment import python_path

_STOP_SECONDS = 20.0
_LAST_WORDS = 400


class BenchFailed(Exception):
    """What was measured did not do its work; figures of failures are worth nothing."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a way says of its work: how long it took in all, and for each account, in seconds."""

    elapsed: float
    seconds: Sequence[float]


@dataclass(frozen=True, slots=True)
class Measured:
    """A way's work and what its process tree used for it."""

    done: Done
    cpu_seconds: float
    peak_mib: float


class StarterLine:
    """The child's line to its starter; whatever else the child prints goes to its log."""

    def __init__(self) -> None:
        adopt_orphans()
        self._to_starter = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def wait(self) -> None:
        """Report that all is ready; return when the starter gives the sign."""
        self.send({"ready": True})
        if not sys.stdin.readline():
            sys.exit("stopped before it began")

    def finish(self, done: Done) -> None:
        """Report how it went, and stay until memory was measured."""
        self.send({"elapsed": done.elapsed, "seconds": list(done.seconds)})
        sys.stdin.readline()

    def send(self, what: Mapping[str, Any]) -> None:
        """Write one line of JSON to the starter."""
        self._to_starter.write(json.dumps(what) + "\n")
        self._to_starter.flush()


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run a child that has workers of its own: terminated, it ends them before itself."""

    async def watched() -> None:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(watched())


def serve(work: Callable[[], Done]) -> None:
    """The whole of a child that has nothing to prepare."""
    line = StarterLine()
    line.wait()
    line.finish(work())


class BenchChild:
    """A way's process, ready to start."""

    def __init__(self, module: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self._module = module
        self._process = process
        self._log = log

    async def measure(self) -> Measured:
        """Have it work. Raises BenchFailed if it breaks off."""
        root = self._process.pid
        before = await asyncio.to_thread(cpu_seconds, root)
        async with peak_of(root) as peak:
            self.start()
            result = await self.next_line()
        used = await asyncio.to_thread(cpu_seconds, root) - before
        return Measured(Done(result["elapsed"], result["seconds"]), used, peak.mib)

    def start(self) -> None:
        """Let it begin; ``next_line`` gives what it reports."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"\n")

    async def next_line(self) -> Any:
        """Its next line. Raises BenchFailed if it breaks off instead."""
        line = await self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            printed = self._log.read_text(encoding="utf-8", errors="replace").strip()
            words = printed.rpartition("\n")[2][:_LAST_WORDS] or "it printed nothing"
            raise BenchFailed(f"{self._module} broke off: {words}.")
        return json.loads(line)

    async def stop(self) -> None:
        """End the process; it is killed if it does not end in time."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.returncode is not None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def child(
    module: str, *arguments: str, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[BenchChild]:
    """A child that runs ``module``, once it is ready. Raises BenchFailed."""
    log = folder / f"{module}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            cwd=folder,
            env={**os.environ, **environment, "PYTHONPATH": python_path()},
            start_new_session=True,
        )
    started = BenchChild(module, process, log)
    try:
        await started.next_line()
        yield started
    except BaseException:
        if process.returncode is None:
            process.terminate()
        raise
    finally:
        await started.stop()
