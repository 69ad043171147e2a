"""Where secrets are looked for, in the runs of the other tests, one would be found."""

from __future__ import annotations

import re
import sqlite3
import zipfile
from pathlib import Path

from tests.scrape.canaries import PASSWORD, everything_under, forms, leaks


def test_the_search_would_find_a_leak(home: Path, tmp_path: Path) -> None:
    """Each form of a canary, planted raw, in a ZIP and in a database, is found."""
    canary = f"{PASSWORD}0123abcd"
    home.mkdir(exist_ok=True)
    for number, form in enumerate(forms(canary)):
        (home / f"{number}.txt").write_bytes(b"before " + form + b" after")
    with zipfile.ZipFile(home / "trace.zip", "w") as archive:
        archive.writestr("trace.network", canary, zipfile.ZIP_STORED)
    with sqlite3.connect(home / "rows.db") as database:
        database.execute("create table kept (text text)")
        database.execute("insert into kept values (?)", (canary,))
    database.close()
    found = leaks({"canary": canary}, everything_under(home))
    assert {re.sub(r".* in ", "", leak) for leak in found} == {
        *(path.name for path in home.glob("*.txt")),
        "trace.zip",
        "trace.zip!trace.network",
        "rows.db",
    }
