"""Canaries: secrets planted in a run are nowhere afterwards, in no encoding, but in the encrypted columns."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import secrets
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from fake_utility import listing
from scrapers.state import PortalSession
from storage.settings import Settings
from storage.store import Store
from tests.scrape.command import BRIEFLY, Ran, scrape
from tests.scrape.portal import Answer, Portal


def forms(canary: str) -> Iterator[bytes]:
    """The ways a canary could be written down; written here anew, not taken from the code under test."""
    raw = canary.encode()
    yield raw
    yield quote(canary, safe="").encode()
    yield quote_plus(canary).encode()
    yield html.escape(canary).encode()
    yield json.dumps(canary)[1:-1].encode()
    yield json.dumps(canary, ensure_ascii=False)[1:-1].encode()
    yield raw.hex().encode()
    for before in (b"", b"a", b"ab"):
        encoded = base64.b64encode(before + raw + b"abc").decode()
        middle = encoded[4:-8] if before else encoded[:-8]
        if len(middle) > 6:
            yield middle.encode()
            yield middle.replace("+", "-").replace("/", "_").encode()


def everything_under(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's content, members of ZIPs unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield str(path.relative_to(folder)), content
            if zipfile.is_zipfile(io.BytesIO(content)):
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        yield f"{path.name}!{name}", name.encode() + archive.read(name)


def leaks(canaries: dict[str, str], places: Iterator[tuple[str, bytes]]) -> list[str]:
    """Where which canary was found. Six digits can stand in a long number by chance: they count alone."""
    searched = {
        name: re.compile(
            b"|".join(
                rb"(?<![0-9])%s(?![0-9])" % form if form.isdigit() else re.escape(form)
                for form in forms(canary)
            )
        )
        for name, canary in canaries.items()
    }
    return [
        f"{name} in {place}"
        for place, content in places
        for name, wanted in searched.items()
        if wanted.search(content)
    ]


def said(ran: Ran) -> Iterator[tuple[str, bytes]]:
    yield "stdout", ran.stdout.encode()
    yield "stderr", ran.stderr.encode()


def session_values(home: Path, username: str) -> dict[str, str]:
    with Store.open(Settings(home=home)) as store:
        saved = store.load_session(store.customer("speculoos_power", username))
    session = PortalSession.from_bytes(saved.state) if saved else None
    values = list(session.secrets()) if session else []
    return {f"cookie {number}": value for number, value in enumerate(values)}


PASSWORD = 'Pä$$w0rd "kanarie" <&> %41+/\\ 🐦'
DESCRIBED = {
    "sms, then a page nobody knows": ("ineedmfa+text_message@bayou.energy", 0),
    "e-mail": ("ineedmfa+email@bayou.energy", 0),
    "authenticator": ("ineedmfa+totp@bayou.energy", 0),
    "two wrong codes first": ("ineedmfa+choice@bayou.energy", 2),
    "three wrong codes": ("ineedmfa+text_message@bayou.energy", 3),
    "an unknown page": ("unknown_page@speculoos.example", 0),
    "a changed layout": ("layout_changed@speculoos.example", 0),
    "a refused e-mail": ("stranger@bayou.energy", 0),
    "an expired password": ("password_change_required@speculoos.example", 0),
}


@pytest.mark.parametrize(("username", "wrong"), DESCRIBED.values(), ids=DESCRIBED)
def test_no_secret_is_left_anywhere(
    username: str, wrong: int, portal: Portal, home: Path, tmp_path: Path
) -> None:
    password = f"{PASSWORD}{secrets.token_hex(4)}"
    answered: dict[str, str] = {}
    ran = scrape(
        home,
        tmp_path / "out",
        username,
        "--base-url",
        portal.url,
        *BRIEFLY,
        password=password,
        answer=remembering(portal.owner(username), answered, wrong),
        METERFARM_LOG="debug",
    )
    assert "Traceback" not in ran.stderr
    canaries = {"password": password} | answered | session_values(home, username)
    places = [*said(ran), *everything_under(home), *everything_under(tmp_path / "out")]
    assert len(places) > 5
    assert leaks(canaries, iter(places)) == []


def remembering(owner: Answer, answered: dict[str, str], wrong: int) -> Answer:
    """Answers with ``wrong`` made-up codes first, and remembers every code that was typed."""

    def answer(prompt: dict[str, Any]) -> str:
        if prompt["kind"] == "choice":
            return owner(prompt)
        text = f"{secrets.randbelow(10**9):09}" if len(answered) < wrong else owner(prompt)
        answered[f"answer {len(answered)}"] = text
        return text

    return answer


def test_a_totp_secret_is_left_nowhere(portal: Portal, home: Path, tmp_path: Path) -> None:
    username = "totp@speculoos.example"
    (row,) = [row for row in json.loads(listing.as_json()) if row["username"] == username]
    ran = scrape(
        home,
        tmp_path / "out",
        username,
        "--base-url",
        portal.url,
        *BRIEFLY,
        "--totp-secret-stdin",
        secrets=(row["totp_secret"],),
        METERFARM_LOG="debug",
    )
    assert ran.status == 0, ran.stderr
    places = [*said(ran), *everything_under(home), *everything_under(tmp_path / "out")]
    assert leaks({"secret": row["totp_secret"]}, iter(places)) == []


def test_the_search_would_find_a_leak(home: Path, tmp_path: Path) -> None:
    """Each form of a canary, planted raw, in a ZIP and in a database, is found."""
    canary = f"{PASSWORD}0123abcd"
    home.mkdir()
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


def test_state_is_for_its_owner_only(portal: Portal, home: Path, tmp_path: Path) -> None:
    scrape(home, tmp_path / "out", "iamvalid@bayou.energy", "--base-url", portal.url, *BRIEFLY)
    assert home.stat().st_mode & 0o777 == 0o700
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
