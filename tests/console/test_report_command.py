"""`report` writes one page, names its file, and refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

from meterfarm.storage.store import CompanyStore
from tests.console.asked import customer
from tests.console.command import Command


def test_a_page_is_written_for_its_owner_alone(command: Command, store: CompanyStore, tmp_path: Path) -> None:
    number = customer(store, "ada").id
    target = tmp_path / "new" / "ada.html"
    ran = command("report", "X-ada", "--out", str(target))
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout.replace("\n", " ").strip().endswith("open it in a browser")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert target.stat().st_mode & 0o777 == 0o600
    told = json.loads(command("report", str(number), "--out", str(target), "--json").stdout)
    assert told == {"customer": number, "file": str(target), "bytes": target.stat().st_size}


def test_what_cannot_be_is_one_sentence(command: Command, store: CompanyStore, tmp_path: Path) -> None:
    number = str(customer(store, "ada").id)
    for arguments, what in (
        (("nobody",), "There is no customer \u201cnobody\u201d"),
        ((number, "--out", str(tmp_path)), "cannot be written: Is a directory; name another file"),
    ):
        ran = command("report", *arguments)
        assert (ran.status, ran.stdout) == (2, "")
        assert what in " ".join(ran.stderr.split())
        assert ran.stderr.count("\n") <= 3
