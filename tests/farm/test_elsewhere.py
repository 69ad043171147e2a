"""A farm whose browser and files are on other machines."""

from __future__ import annotations

from pathlib import Path

from meterfarm.records import Outcome
from tests.browser_server import browser_server
from tests.fake_portal import fake_portal
from tests.farm.whole import farm_at, rows, stored_files
from tests.s3 import s3_server


def test_customers_connect_through_a_browser_elsewhere_and_their_files_go_to_a_bucket(tmp_path: Path) -> None:
    """No Chromium is on the workers' machine, and no file is left there."""
    with (
        fake_portal(tmp_path / "portal") as url,
        browser_server(tmp_path / "elsewhere") as server,
        s3_server() as bucket,
    ):
        there = {
            "BROWSER_ENDPOINT": server.address,
            "METERFARM_BROWSER": str(tmp_path / "none"),
            **bucket.environment,
        }
        with farm_at(tmp_path / "home", url, **there) as farm:
            customers = [farm.add("iamvalid@bayou.energy"), farm.add("ineedmfa+email@bayou.energy")]
            with farm.owners():
                farm.start(2)
                farm.wait_for_quiet(150)
            assert farm.outcomes(customers) == [Outcome.COMPLETE] * 2
            named = {sha for (sha,) in rows(farm, "SELECT sha256 FROM file WHERE refs > 0")}
            assert {key.rpartition("/")[2] for key in bucket.objects} == named
            assert named
            assert not stored_files(farm)
            assert not [run.evidence for run in farm.runs() if run.evidence]
