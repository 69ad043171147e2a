"""A night that was interrupted is taken up: its journal, and one that was killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from meterfarm.console.doctor.loopback import get_json
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import TERMINATED, USAGE
from meterfarm.farm.workers.supervisor import workers_zygote
from meterfarm.nightly.command import alone, spent
from meterfarm.nightly.journal import Journal, NightPlan
from meterfarm.nightly.nightly_run import LiveLook, Result
from meterfarm.nightly.portals import nightly_portals, portal_day
from meterfarm.nightly.test_cases import CustomerCase
from tests.forked import Forked
from tests.nightly.made import Few, result

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
WRONG = "captcha@speculoos.example"
USERNAMES = (WRONG, "iamvalid@bayou.energy", "no_accounts@speculoos.example")


def _begun(folder: Path, *results: Result) -> tuple[Journal, Sequence[Result]]:
    journal = Journal.begin(folder, NightPlan(AT, folder.parent / "report", quirks=True, forms=False))
    return journal, [journal.add(one) for one in results]


def _with_evidence(one: Result, folder: Path, text: str) -> Result:
    folder.mkdir(parents=True)
    (folder / "page.txt").write_text(text)
    return replace(one, visits=[*one.visits[:-1], replace(one.visits[-1], evidence=str(folder))])


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Names and messages of portals, times, questions; evidence by a copy that outlives the farm's state."""
    folder, state, shown = tmp_path / "night", tmp_path / "state", tmp_path / "shown"
    shown.mkdir()
    (shown / "page.txt").write_text("b")
    ida = _with_evidence(
        result("ida", "complete", "captcha", differences=["not “complete”\u2028"]), state, "a"
    )
    form, pair = replace(result("ida", "complete"), way="phone"), replace(result("bob"), quirks="a + b")
    journal, (kept, *others) = _begun(folder, ida, form, pair)
    look = LiveLook(
        "a_portal", "A portal", "https://a.example", "layout_changed", "No button.", 1.5, str(shown)
    )
    journal.add_look(look)
    journal.saw({"a_portal": ["It saw 5 requests at once."], "b_portal": []})
    assert (folder.stat().st_mode & 0o777, (folder / "journal.jsonl").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    assert not state.exists()
    assert Path(kept.visits[1].evidence, "page.txt").read_text() == "a"
    assert not kept.visits[0].evidence
    moved = folder.rename(tmp_path / "elsewhere")
    read = Journal.take_up(moved)
    assert read.plan == journal.plan
    there = str(moved / "evidence" / Path(kept.visits[1].evidence).name)
    kept = replace(kept, visits=(kept.visits[0], replace(kept.visits[1], evidence=there)))
    written = {one.key: replace(one, differences=tuple(one.differences)) for one in (kept, *others)}
    assert read.results == written
    ((name, taken),) = read.looks.items()
    assert (name, replace(taken, evidence="")) == (look.portal, replace(look, evidence=""))
    assert Path(taken.evidence, "page.txt").read_text() == "b"
    assert list(written) == ["a_portal/ida", "a_portal/ida on phone", "a_portal: a + b"]
    assert read.violations == {"a_portal": ["It saw 5 requests at once."], "b_portal": []}
    (part,) = read.parts
    assert part.at.tzinfo is not None
    assert part.seconds >= 0


@pytest.mark.parametrize(
    "torn", [b'{"result": {"por', b"\0" * 40, b'{"seconds": 1}\n', b'{"seconds": NaN}\n']
)
def test_what_is_damaged_at_its_end_is_read_up_to_there(tmp_path: Path, torn: bytes) -> None:
    """And the next part is written after what was whole, with evidence of its own."""
    folder = tmp_path / "night"
    _begun(folder, _with_evidence(result("ida", "captcha"), tmp_path / "first", "a"))
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(torn)
    journal = Journal.take_up(folder)
    assert list(journal.results) == ["a_portal/ida"]
    journal.go_on()
    journal.add(_with_evidence(result("bob", "captcha"), tmp_path / "second", "b"))
    again = Journal.take_up(folder)
    kept = [Path(one.visits[0].evidence, "page.txt").read_text() for one in again.results.values()]
    assert (list(again.results), kept) == (["a_portal/ida", "a_portal/bob"], ["a", "b"])
    assert len(again.parts) == 2


def test_what_cannot_be_taken_up_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with pytest.raises(UsageError, match="No night was interrupted; leave --resume out"):
        Journal.take_up(folder)
    _begun(folder, result("ida", "complete"))
    file = folder / "journal.jsonl"
    head, *others = file.read_text().splitlines(keepends=True)
    file.write_text("".join([json.dumps({**json.loads(head), "code": "of yesterday"}) + "\n", *others]))
    with pytest.raises(UsageError, match="of 2026-11-22 03:30 UTC was begun with another version"):
        Journal.take_up(folder)
    for damaged in ("", head[:50], "[]\n", '{"night": 5}\n'):
        file.write_text(damaged)
        with pytest.raises(UsageError, match="cannot be read; leave --resume out"):
            Journal.take_up(folder)
    journal, _ = _begun(folder)
    assert not Journal.take_up(folder).results
    journal.remove()
    assert not folder.exists()


def _started(home: Path, *arguments: str) -> Forked:
    environment = {"METERFARM_HOME": str(home), "PATH": "/usr/bin:/bin"}
    return Forked(["nightly", *arguments], environment, home.parent)


def _refused(home: Path, *arguments: str) -> str:
    with _started(home, *arguments) as command:
        _, said = command.communicate()
        assert command.wait() == USAGE
    return said


def test_the_command_takes_up_only_what_was_interrupted_and_as_it_was_begun(tmp_path: Path) -> None:
    home = tmp_path / "home"
    said = _refused(home, "--resume")
    assert said == "meterfarm: No night was interrupted; leave --resume out to begin one.\n"
    assert not home.exists()
    said = _refused(home, "--resume", "--no-forms")
    assert said.startswith("meterfarm: A night is taken up as it was begun; leave the other options out")


def test_a_night_that_is_stopped_says_how_it_is_taken_up(tmp_path: Path) -> None:
    """And can be, as often as need be."""
    own = tmp_path / "home" / "nightly"
    own.mkdir(parents=True)
    journal = Journal.begin(own / "night", NightPlan(AT, tmp_path / "report", quirks=False, forms=False))
    journal.add(result("ida", "complete"))
    every = sum(len(portal.test_cases()) for portal in nightly_portals(portal_day()))
    with _started(tmp_path / "home", "--resume") as night:
        assert night.stdout.readline() == "Goes on with the night of 2026-11-22 03:30 UTC.\n"
        night.send_signal(signal.SIGTERM)
        said = night.communicate()
        assert night.wait() == TERMINATED
    rest = f"1 of {every} ended; `./run nightly --resume` does the rest.\n"
    assert said == (rest, "meterfarm: Stopped.\n")
    again = Journal.take_up(own / "night")
    assert (list(again.results), len(again.parts)) == (["a_portal/ida"], 2)


class _Counted(Few):
    """Three customers, one of them misstated; ``visited`` are those whom the portal has seen at the end."""

    def __init__(self) -> None:
        super().__init__(*USERNAMES, changed=_misstated)
        self.visited: set[str] = set()

    def violations(self, address: str, at_once: int, per_second: float) -> Sequence[str]:
        self.visited = set(get_json(f"{address}/stats.json")["customers"])
        return super().violations(address, at_once, per_second)


def _misstated(case: CustomerCase) -> CustomerCase:
    return replace(case, first="account_locked") if case.username == WRONG else case


@pytest.mark.timeout(240)
def test_a_night_that_was_killed_is_taken_up(tmp_path: Path) -> None:
    """Who had ended is not visited again, and is in the report with the evidence of then."""
    _spent_until(f"NOT speculoos_power/{WRONG}: captcha", tmp_path)
    portal, own, report = _Counted(), tmp_path / "nightly", tmp_path / "report"
    journal = Journal.take_up(own / "night")
    before = {one.username for one in journal.results.values()}
    assert WRONG in before
    assert before < set(USERNAMES)
    with workers_zygote() as zygote, alone(own):
        journal.go_on()
        night, _ = asyncio.run(spent(zygote, own, report, journal, [portal]))
        assert not night.is_well
    assert portal.visited == set(USERNAMES) - before
    document = json.loads((report / "nightly.json").read_text())
    rows = {row["username"]: row for row in document["customers"]}
    assert {name: row["as_meant"] for name, row in rows.items()} == {
        name: name != WRONG for name in USERNAMES
    }
    assert [Path(link).name for link in rows[WRONG]["evidence"] if link.endswith(".png")] == ["page.png"]
    assert all((report / unquote(link)).is_file() for link in rows[WRONG]["evidence"])
    assert document["at"] == journal.plan.at.isoformat()
    assert len(document["parts"]) == 2
    assert document["seconds"] == pytest.approx(sum(part["seconds"] for part in document["parts"]))
    assert "Interrupted, and taken up:" in (report / "index.html").read_text()
    assert not (own / "night").exists()


def _spent_until(line: str, home: Path) -> None:
    """A night in a process of its own, which is killed when it prints such a line."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.nightly.test_resume", str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    ) as night:
        assert night.stdout is not None
        assert any(said.startswith(line) for said in night.stdout)
        night.kill()
    assert night.returncode == -signal.SIGKILL


def _night(home: Path) -> None:
    own = home / "nightly"
    plan = NightPlan(datetime.now(UTC), home / "report", quirks=False, forms=False)
    with workers_zygote() as zygote, alone(own):
        asyncio.run(spent(zygote, own, plan.report, Journal.begin(own / "night", plan), [_Counted()]))


if __name__ == "__main__":
    _night(Path(sys.argv[1]))
