"""`./run fuzz`: every reader, or those that are named, on damaged files, for some minutes each."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.running import ROOT, fuzz, targets


def main() -> int:
    """1 if anything was found."""
    parser = argparse.ArgumentParser("run fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each reader (10)")
    parser.add_argument("--seed", type=int, help="to have the same inputs again")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "fuzz", help="where failing inputs go")
    parser.add_argument("reader", nargs="*", help=f"of {', '.join(targets())}; all if none is named")
    given = parser.parse_args()
    wanted = given.reader or targets()
    if unknown := sorted(set(wanted) - set(targets())):
        parser.error(f"there is no reader {unknown[0]}; there are {', '.join(targets())}")
    if given.minutes <= 0:
        parser.error("--minutes must be more than 0")
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    sys.stdout.write(f"{', '.join(wanted)}: {given.minutes:g} minutes each, seed {seed}\n")
    sys.stdout.flush()
    found = False
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for fuzzed in pool.map(lambda target: fuzz(target, seed, given.minutes * 60, given.out), wanted):
            sys.stdout.write(f"{fuzzed}\n")
            sys.stdout.flush()
            found |= bool(fuzzed.failures)
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
