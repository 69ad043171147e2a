"""A run that is killed leaves nothing half, and nothing secret for long."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.scrape.canaries import everything_under, leaks
from tests.scrape.command import BRIEFLY, scrape, start
from tests.scrape.portal import Portal

pytestmark = pytest.mark.usefixtures("own_driver")

IAMVALID = "iamvalid@bayou.energy"


@pytest.mark.parametrize("moment", ['"control.pressed"', '"event": "bill.stored"'])
def test_after_a_kill_the_next_run_ends_complete_and_cleans_up(
    moment: str, portal: Portal, home: Path, tmp_path: Path
) -> None:
    password = "kanarie-7f3a9c0d-4b1e"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    arguments = (
        "--username",
        IAMVALID,
        "--password-stdin",
        "--json",
        "--out",
        str(tmp_path / "out"),
        *BRIEFLY,
    )
    variables = {"METERFARM_LOG": "debug", "TMPDIR": str(temporary)}
    with start(
        home, "scrape", "speculoos_power", "--base-url", portal.url, *arguments, **variables
    ) as process:
        if process.stderr is None:
            raise RuntimeError("no pipe")
        process.tell(password)
        next(line for line in process.stderr if moment in line)
        os.killpg(process.pid, signal.SIGKILL)
        process.stderr.read()
    ran = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url, *BRIEFLY, password=password)
    assert ran.summary["outcome"] == "complete"
    assert ran.summary["ledger"]["stored"] == ran.summary["ledger"]["listed"]
    assert list((home / "tmp").iterdir()) == []
    assert list(temporary.iterdir()) == []
    assert leaks({"password": password}, everything_under(home)) == []
