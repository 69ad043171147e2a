"""How a command ends: its exit status, and one sentence for what it refuses."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from meterfarm.console.errors import ReaderGone
from meterfarm.console.terminal.output import warn
from meterfarm.console.terminal.secret_input import terminal_restored
from meterfarm.support.errors import InternalError, MachineError, RequestError

OK = 0
MACHINE = 1
USAGE = 2
CRASHED = 70
INTERRUPTED = 130
TERMINATED = 143
_STOPPED = "Stopped. What was stored stays; run it again to go on."


def run_to_end(work: Coroutine[Any, Any, int], stopped: str = _STOPPED) -> int:
    """Run ``work``; what it refuses becomes one sentence and an exit status, an interruption its own.

    ``stopped`` is the sentence for an interruption.
    """
    terminated = False

    async def watched() -> int:
        task = asyncio.ensure_future(work)

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
        return await task

    try:
        with terminal_restored():
            return asyncio.run(watched())
    except RequestError as exc:
        return _say(str(exc), USAGE)
    except MachineError as exc:
        return _say(str(exc), MACHINE)
    except InternalError as exc:
        return _say(str(exc), CRASHED)
    except ReaderGone:
        return _without_a_reader()
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _say(stopped, TERMINATED if terminated else INTERRUPTED)


def _say(sentence: str, status: int) -> int:
    warn(sentence)
    return status


def _without_a_reader() -> int:
    """Python would complain at its exit that the rest cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK
