"""Reads inputs one after the other in a process of its own, where memory is short; says what went wrong."""

from __future__ import annotations

import faulthandler
import importlib
import json
import mmap
import resource
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.mutate import made

MORE_MEMORY = 384 * 1024 * 1024
"""Bytes of addresses that reading may take, beyond what there are when all is imported."""


def main(target: str, seed: int, first: int, most: int, seconds: float, progress: Path) -> None:
    """From the input ``first`` to before ``most``; the number of the one at hand stands in ``progress``."""
    faulthandler.enable()
    module = importlib.import_module(f"tests.fuzz.fuzz_{target}")
    for sample in module.SEEDS:
        module.one(sample)  # imports what is imported late
    addresses = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (addresses + MORE_MEMORY,) * 2)
    until = time.monotonic() + seconds
    number = first
    with progress.open("r+b") as file, mmap.mmap(file.fileno(), 8) as at:
        while number < most and time.monotonic() < until:
            at[:] = number.to_bytes(8, "little")
            data = made(module.SEEDS, seed, number)
            try:
                module.one(data)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is what is looked for
                _say(number, exc)
            number += 1
        at[:] = number.to_bytes(8, "little")


def _say(number: int, exc: BaseException) -> None:
    place = traceback.extract_tb(exc.__traceback__)[-1]
    sys.stdout.write(
        json.dumps(
            {
                "number": number,
                "what": f"{type(exc).__name__}: {exc}"[:300],
                "where": f"{Path(place.filename).name}:{place.lineno}",
            }
        )
        + "\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    of, with_seed, begin, end, lasting, where = sys.argv[1:]
    main(of, int(with_seed), int(begin), int(end), float(lasting), Path(where))
