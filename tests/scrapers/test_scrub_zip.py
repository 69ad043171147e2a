"""A trace is a ZIP; no member of it keeps a secret."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

from scrapers.evidence import scrub_zip
from scrapers.redact import Secrets

SECRET = "pâss*word & more!"


def _scrubbed(folder: Path, members: dict[str, bytes], *secrets: str) -> dict[str, bytes]:
    source, target = folder / "raw.zip", folder / "trace.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    known = Secrets()
    known.add(*secrets)
    scrub_zip(source, target, known)
    assert sorted(path.name for path in folder.iterdir()) == ["raw.zip", "trace.zip"]
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_member_is_scrubbed(tmp_path: Path) -> None:
    members = {
        "trace.trace": json.dumps({"params": {"value": SECRET}}).encode(),
        "trace.network": json.dumps({"postData": json.dumps({"p": SECRET})}, ensure_ascii=False).encode(),
        "resources/post": urlencode({"password": SECRET}, safe="*").encode(),
        "resources/page.html": f"<input value='{SECRET.replace('&', '&amp;')}'>".encode(),
        "resources/basic": b"Basic " + base64.b64encode(f"user:{SECRET}".encode()),
    }
    for name, content in _scrubbed(tmp_path, members, SECRET).items():
        assert b"[redacted]" in content, name
        assert SECRET.partition(" ")[0].encode() not in content, name
        assert b"word" not in content.replace(b"password=", b""), name


def test_what_holds_no_secret_is_the_same_to_the_byte(tmp_path: Path) -> None:
    members = {"resources/picture.png": bytes(range(256)) * 3, "empty": b"", "text": "é€".encode()}
    assert _scrubbed(tmp_path, members, SECRET) == members


def test_a_secret_in_a_members_name_goes_too(tmp_path: Path) -> None:
    assert _scrubbed(tmp_path, {"resources/t0ken-1.html": b"x"}, "t0ken") == {
        "resources/[redacted]-1.html": b"x"
    }


def test_a_file_that_is_no_zip_leaves_no_copy_behind(tmp_path: Path) -> None:
    (tmp_path / "raw.zip").write_bytes(b"secret")
    with pytest.raises(zipfile.BadZipFile):
        scrub_zip(tmp_path / "raw.zip", tmp_path / "trace.zip", Secrets())
    assert [path.name for path in tmp_path.iterdir()] == ["raw.zip"]
