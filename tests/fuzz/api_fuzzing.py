"""Has schemathesis ask a served API whatever its /openapi.json allows and forbids, for a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from meterfarm.fake_utility.running import FakeUtility
from meterfarm.farm.settings import FarmSettings
from tests.api.server import ApiServer, served
from tests.fuzz import api_seeds
from tests.fuzz.running import ROOT
from tests.hook import listening_hook

PHASES = ("examples", "coverage", "fuzzing", "stateful")
_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True, slots=True)
class ApiFuzzed:
    """What became of it.

    ``accepted`` are the requests that each operation answered with 2xx. ``failures`` are kinds of failures.
    ``report`` is schemathesis's own, in words; ``crashes`` are the stack traces that the API kept.
    """

    status: int
    requests: int
    accepted: Mapping[str, int]
    failures: Sequence[str]
    report: str
    crashes: Sequence[str] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return self.status == 0 and not self.crashes


def fuzz_api(
    seed: int,
    out: Path,
    *options: str,
    seconds: float | None = None,
    phases: Sequence[str] = PHASES,
    shown: bool = False,
) -> ApiFuzzed:
    """Ask the API, served over a database with something in it; otherwise as ``ask``."""
    with tempfile.TemporaryDirectory() as scratch:
        with _api(Path(scratch)) as (api, hook):
            asked = ask(
                api.url, api.key, hook, seed, out, *options, seconds=seconds, phases=phases, shown=shown
            )
        kept = sorted(each for each in Path(scratch).glob("*/evidence/**/*") if each.is_file())
        return replace(asked, crashes=[each.read_text(errors="replace") for each in kept])


def ask(
    url: str,
    key: str,
    hook: str,
    seed: int,
    out: Path,
    *options: str,
    seconds: float | None = None,
    phases: Sequence[str] = PHASES,
    shown: bool = False,
) -> ApiFuzzed:
    """Ask what serves an /openapi.json, in ``phases`` of schemathesis; the last two fill up the ``seconds``.

    ``hook`` is a receiver of webhooks on this machine. Reports go to ``out``; ``shown``: the one in words
    goes to standard output as it comes. ``options`` are further ones of `schemathesis run`.
    """
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION), "run"]
    command += [f"--seed={seed}", f"--phases={','.join(phases)}", "--checks=all", "--report=json,ndjson"]
    command += [f"--report-json-path={out / 'api.json'}", f"--report-ndjson-path={out / 'api.ndjson'}"]
    command += [] if seconds is None else [f"--max-time={max(1, round(seconds))}"]
    done = subprocess.run(
        [*command, *options, f"{url}/openapi.json"],
        env={**os.environ, "API_KEY": key, "API_HOOK": hook},
        cwd=ROOT,
        stdout=None if shown else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    report = json.loads((out / "api.json").read_text())
    accepted = {
        operation: sum(each["accepted"] for each in rates.values())
        for operation, rates in report["valid_rates"].items()
    }
    failures = sorted({each["title"] for each in report["failures"]})
    requests = report["test_cases"]["generated"]
    return ApiFuzzed(done.returncode, requests, accepted, failures, done.stdout or "")


@contextmanager
def _api(home: Path) -> Iterator[tuple[ApiServer, str]]:
    """The API over a database with something in it, and a receiver of webhooks."""
    with listening_hook() as hook, FakeUtility(home=home / "portals") as portals:
        controls = portals.settings()["METERFARM_FAKE_CONTROLS"]
        settings = FarmSettings(api_burst=0, webhooks_private=True, fake_controls=controls)
        with served(home / "home", settings) as api:
            api_seeds.fill(api.store, hook.url)
            yield api, hook.url
