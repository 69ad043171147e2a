"""What is kept of a failed run, to see afterwards why: trace, screenshot, HTML and log, without any secret.

Typed codes and passwords are masked in the screenshot; the trace has no pictures; every member of every file
is scrubbed of all secrets the visit met, also of cookies that came and went.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from scrapers.redact import Secrets
from scrapers.state import SHORTEST_SECRET
from scrapers.visit import Visit


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the page showed at the end; the HTML is not scrubbed yet."""

    html: str = ""
    screenshot: bytes = b""


async def keep_evidence(visit: Visit, folder: Path) -> Path | None:
    """Write what shows how ``visit`` ended into ``folder``, which only its owner can read.

    None when the portal was not visited at all, or when it could not be written: that must not hide how the
    run ended.
    """
    if not visit.steps:
        return None
    try:
        with tempfile.TemporaryDirectory(dir=visit.scratch) as scratch:
            raw_trace = Path(scratch) / "trace.zip"
            await visit.page.end_trace(str(raw_trace))
            page = visit.page.shown
            seen = await _look(visit, page) if page else _Seen()
            await visit.session()
            await asyncio.to_thread(_write, visit, folder, raw_trace, seen)
    except (OSError, PlaywrightError, zipfile.BadZipFile, json.JSONDecodeError) as exc:
        visit.note("no evidence", reason=type(exc).__name__)
        return None
    return folder


async def _look(visit: Visit, page: Page) -> _Seen:
    html = await page.content()
    return _Seen(html, await page.screenshot(mask=visit.page.filled, full_page=True))


def _write(visit: Visit, folder: Path, raw_trace: Path, seen: _Seen) -> None:
    secrets = visit.secrets
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if raw_trace.is_file():
        _learn_cookies(raw_trace, secrets)
        scrub_zip(raw_trace, folder / "trace.zip", secrets)
    if seen.screenshot:
        (folder / "page.png").write_bytes(seen.screenshot)
    if seen.html:
        (folder / "page.html").write_text(secrets.scrub(seen.html), encoding="utf-8")
    for number, answer in enumerate(visit.http.pages, start=1):
        (folder / f"http-{number}.html").write_text(secrets.scrub(answer.text), encoding="utf-8")
    lines = [json.dumps(step, default=str) for step in visit.steps]
    (folder / "visit.log").write_text(secrets.scrub("\n".join(lines) + "\n"), encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o600)


def _learn_cookies(trace: Path, secrets: Secrets) -> None:
    """Cookies replaced under way are not in the jar any more, but they are in the trace's headers."""
    with zipfile.ZipFile(trace) as archive:
        for name in archive.namelist():
            if name.endswith(".network"):
                for line in archive.read(name).decode("utf-8", "replace").splitlines():
                    _learn_from_entry(line, secrets)


def _learn_from_entry(line: str, secrets: Secrets) -> None:
    snapshot = json.loads(line).get("snapshot", {})
    for side in ("request", "response"):
        for header in snapshot.get(side, {}).get("headers", ()):
            secrets.add(*_header_secrets(header["name"].lower(), header["value"]))


def _header_secrets(name: str, value: str) -> list[str]:
    """Cookies' values, not their attributes; what is too short to let anybody in is not a secret."""
    if name == "set-cookie":
        pairs = [line.partition(";")[0] for line in value.split("\n")]
    elif name == "cookie":
        pairs = value.split(";")
    elif name == "authorization":
        return [value, value.rpartition(" ")[2]]
    else:
        return []
    return [held for pair in pairs if len(held := pair.partition("=")[2].strip()) >= SHORTEST_SECRET]


def scrub_zip(source: Path, target: Path, secrets: Secrets) -> None:
    """Copy a ZIP, with every secret replaced in the content and the name of every member."""
    partial = target.with_suffix(".part")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(secrets.scrub(name), secrets.scrub_bytes(old.read(name)))
    shutil.move(partial, target)
