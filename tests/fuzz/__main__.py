"""`./run fuzz`: every reader, or those that are named, on damaged files. `--api`: the API by its document."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from tests.fuzz.api_fuzzing import fuzz_api
from tests.fuzz.running import ROOT, fuzz, targets


def main() -> int:
    """1 if anything was found."""
    parser = argparse.ArgumentParser("run fuzz", description=__doc__)
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--minutes", type=float, default=10.0, help="for each reader, or for the API (10)")
    time.add_argument("--seconds", type=float, help="the same in seconds")
    parser.add_argument("--seed", type=int, help="to have the same inputs again")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "fuzz", help="where failing inputs go")
    parser.add_argument(
        "--api", action="store_true", help="the API, with all checks of schemathesis; no reader"
    )
    parser.add_argument("reader", nargs="*", help=f"of {', '.join(targets())}; all if none is named")
    given = parser.parse_args()
    if unknown := sorted(set(given.reader) - set(targets())):
        parser.error(f"there is no reader {unknown[0]}; there are {', '.join(targets())}")
    if given.api and given.reader:
        parser.error("--api asks the API, and no reader; run it without their names")
    seconds = given.minutes * 60 if given.seconds is None else given.seconds
    if seconds <= 0:
        parser.error("--minutes or --seconds must be more than 0")
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    out = given.out.resolve()
    return _api(seed, seconds, out) if given.api else _readers(given.reader or targets(), seed, seconds, out)


def _readers(wanted: Sequence[str], seed: int, seconds: float, out: Path) -> int:
    _write(f"{', '.join(wanted)}: {seconds / 60:g} minutes each, seed {seed}")
    found = False
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for fuzzed in pool.map(lambda target: fuzz(target, seed, seconds, out), wanted):
            _write(str(fuzzed))
            found |= bool(fuzzed.failures)
    return int(found)


def _api(seed: int, seconds: float, out: Path) -> int:
    log_to_stderr(Secrets())
    _write(f"the API: {seconds / 60:g} minutes, seed {seed}; reports go to {out}")
    fuzzed = fuzz_api(seed, out, seconds=seconds, shown=True)
    for crash in fuzzed.crashes:
        _write(crash)
    answered = sum(fuzzed.accepted.values())
    _write(
        f"{fuzzed.requests:,} requests, {answered:,} of them done; "
        + ("nothing was found" if fuzzed.is_clean else "something was found: see above")
    )
    return int(not fuzzed.is_clean)


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
