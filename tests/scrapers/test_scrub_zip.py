"""A trace is a ZIP; no member of it keeps a secret."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

from meterfarm.scrapers.evidence.evidence import keep_trace, scrub_zip
from meterfarm.support.redact import Secrets

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


def test_text_in_utf16_is_scrubbed(tmp_path: Path) -> None:
    page = f"<p>Your password {SECRET} is wrong</p><p title='{SECRET.replace('&', '&amp;')}'>é</p>"
    members = {encoding: page.encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be")}
    for encoding, content in _scrubbed(tmp_path, members, SECRET).items():
        assert content.decode(encoding).count("[redacted]") == 2
        assert "word" not in content.decode(encoding).replace("password", "")


def test_looking_for_secrets_in_a_trace_has_its_time(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr("trace.trace", SECRET)
    known = Secrets()
    known.add(SECRET)
    scrub_zip(tmp_path / "raw.zip", tmp_path / "trace.zip", known, seconds=-1)
    with zipfile.ZipFile(tmp_path / "trace.zip") as archive:
        assert archive.namelist() == []


@pytest.mark.parametrize(("cookies", "is_kept"), [(3, True), (5_000, False)])
def test_a_trace_of_endless_cookies_is_left_out(tmp_path: Path, cookies: int, is_kept: bool) -> None:
    """Each of them would be looked for in all of it."""
    values = [f"session-{number:08}" for number in range(cookies)]
    headers = [{"name": "Set-Cookie", "value": f"s={value}; Path=/"} for value in values]
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr("trace.network", json.dumps({"snapshot": {"response": {"headers": headers}}}))
    assert keep_trace(tmp_path / "raw.zip", tmp_path / "trace.zip", Secrets()) is is_kept
    assert (tmp_path / "trace.zip").exists() is is_kept
    if is_kept:
        with zipfile.ZipFile(tmp_path / "trace.zip") as archive:
            assert b"session-" not in archive.read("trace.network")


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
