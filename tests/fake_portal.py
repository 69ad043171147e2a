"""The fake utility as a process of its own, forked from one that has imported it: as ``fake_utility.running``
starts it, in a tenth of the time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from meterfarm.fake_utility.addresses import Addresses
from tests.forked import Forked

_START_SECONDS = 60.0


@contextmanager
def fake_portals(
    home: Path,
    *,
    now: str | None = None,
    sms_webhook: str | None = None,
    smtp: str | None = None,
    compares_hello: bool = False,
    stand_ins: Sequence[str] = (),
) -> Iterator[Addresses]:
    """All fake portals, and those stand-ins, with random codes, where they are; ``home`` holds their keys."""
    options = {"--now": now, "--sms-webhook": sms_webhook, "--smtp": smtp}
    arguments = [part for name, value in options.items() if value is not None for part in (name, value)]
    arguments += ["--compare-hello"] if compares_hello else []
    arguments += ["--stand-in", *stand_ins] if stand_ins else []
    ours, theirs = socket.socketpair()
    with ours, Path(os.devnull).open("r+b") as nothing:
        with theirs:
            process = Forked(
                ["--random-codes", "--port", "0", *arguments],
                os.environ | {"METERFARM_HOME": str(home)},
                Path.cwd(),
                stdin=nothing.fileno(),
                stdout=nothing.fileno(),
                stderr=2,
                parent=theirs.fileno(),
                program="fake",
            )
        ours.settimeout(_START_SECONDS)
        with process, ours.makefile(encoding="ascii") as lines:
            yield Addresses.from_line(lines.readline())
            ours.shutdown(socket.SHUT_RDWR)
            process.wait()


@contextmanager
def fake_portal(
    home: Path, *, now: str | None = None, sms_webhook: str | None = None, smtp: str | None = None
) -> Iterator[str]:
    """The same; the base URL of the first portal, which has no host name."""
    with fake_portals(home, now=now, sms_webhook=sms_webhook, smtp=smtp) as addresses:
        yield next(iter(addresses.http.values()))
