"""Secrets planted in a run, and the search for them: in no encoding are they anywhere afterwards."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from meterfarm.scrapers.state import PortalSession
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.scrape.command import Ran
from tests.scrape.portal import Answer

PASSWORD = 'Pä$$w0rd "kanarie" <&> %41+/\\ 🐦'


@dataclass(frozen=True, slots=True)
class Canaries:
    """A password that no other run has, what is answered on the way, and more secrets by a name."""

    password: str = field(default_factory=lambda: f"{PASSWORD}{secrets.token_hex(4)}")
    answered: dict[str, str] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)

    def answers(self, owner: Answer, wrong: int = 0) -> Answer:
        """Answers with ``wrong`` made-up ones first, and remembers all that was typed.

        But for the right answer to a question, a word like any other.
        """
        left = wrong

        def answer(prompt: dict[str, Any]) -> str:
            nonlocal left
            if prompt["kind"] == "choice":
                return owner(prompt)
            text = f"{secrets.randbelow(10**9):09}" if left else owner(prompt)
            if left or prompt["kind"] != "question":
                self.answered[f"answer {len(self.answered)}"] = text
            left = max(0, left - 1)
            return text

        return answer

    def check(self, ran: Ran, home: Path, out: Path, username: str, utility: str = "speculoos_power") -> None:
        """None of them, nor a cookie, is in what the command said, kept or wrote, unless encrypted."""
        assert "Traceback" not in ran.stderr
        planted = {"password": self.password} | self.answered | self.more
        canaries = planted | _session_values(home, username, utility)
        places = [*_said(ran), *everything_under(home), *everything_under(out)]
        assert len(places) > 5
        assert leaks(canaries, iter(places)) == []


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
    searched = {name: list(forms(canary)) for name, canary in canaries.items()}
    return [
        f"{name} in {place}"
        for place, content in places
        for name, wanted in searched.items()
        if any(form in content and _stands_alone(form, content) for form in wanted)
    ]


def _stands_alone(form: bytes, content: bytes) -> bool:
    """Wherever else than in a number, if it is one."""
    return not form.isdigit() or bool(re.search(rb"(?<![0-9])%s(?![0-9])" % form, content))


def _said(ran: Ran) -> Iterator[tuple[str, bytes]]:
    yield "stdout", ran.stdout.encode()
    yield "stderr", ran.stderr.encode()


def _session_values(home: Path, username: str, utility: str) -> dict[str, str]:
    with Store.open(Settings(home=home)).of() as store:
        saved = store.credentials.run_context(store.customers.ensure(utility, username)).session
    session = PortalSession.from_bytes(saved.state) if saved else None
    values = list(session.secrets()) if session else []
    return {f"cookie {number}": value for number, value in enumerate(values)}
