"""What the doctor says of the place where files are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterfarm.console.doctor.check_result import Health
from meterfarm.console.doctor.doctor_state import examine_files
from meterfarm.storage.settings import Settings
from tests.s3 import s3_server


def test_files_on_a_disk_and_in_a_bucket_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILES_URL", raising=False)
    on_disk = examine_files(Settings(home=tmp_path))
    assert (on_disk.health, on_disk.detail) == (
        Health.OK,
        f"a file can be written to {tmp_path}/files, read and deleted",
    )
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    with s3_server() as bucket:
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        found = examine_files(Settings(home=tmp_path))
        assert (found.health, bucket.objects) == (Health.OK, {})
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        refused = examine_files(Settings(home=tmp_path))
        assert refused.health is Health.FAILED
        assert "access was refused; see that the keys are right" in refused.detail


def test_an_address_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILES_URL", "/srv/files")
    found = examine_files(Settings(home=tmp_path))
    assert found.health is Health.FAILED
    assert found.detail.startswith("FILES_URL is not like s3://bucket/prefix")
