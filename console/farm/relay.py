"""What other processes write to the terminal's standard error, passed on as lines of this process.

Written by themselves, their lines would tear a live display of this one. So they get a pipe as standard error
when they are forked; what comes through it is written here, above the display.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STDERR = 2
_FORMAT = "METERFARM_LOG_FORMAT"


@contextmanager
def others_relayed() -> Iterator[Callable[[], None]]:
    """Within it, processes that are forked before what is given is called write to the pipe.

    Nothing is different where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    os.environ.setdefault(_FORMAT, "text")  # of the others, which see a pipe
    sys.stderr.flush()
    own = os.dup(_STDERR)
    reading, writing = os.pipe()
    os.dup2(writing, _STDERR)
    os.close(writing)

    def begin() -> None:
        os.dup2(own, _STDERR)
        threading.Thread(target=_pass_on, args=(reading,), name="relay", daemon=True).start()

    try:
        yield begin
    finally:
        os.dup2(own, _STDERR)


def _pass_on(reading: int) -> None:
    with open(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            sys.stderr.write(line)
            sys.stderr.flush()
