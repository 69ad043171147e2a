"""What is kept of a failed run, to see afterwards why: trace, picture, HTML, JSON and logs, without secrets.

Of a page on which a secret is to be seen there is no picture; the trace has none; every member of every file
is scrubbed of all secrets the visit met, also of cookies that came and went. All has limits of time and size.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.scrapers.evidence.browser_log import without_tokens
from meterfarm.scrapers.evidence.documents import LONGEST_HTML, LONGEST_OTHER, MARGIN
from meterfarm.scrapers.evidence.last_look import PageEvidence, look
from meterfarm.scrapers.http.judging import LONGEST_DATA
from meterfarm.scrapers.state import SHORTEST_SECRET
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets

_LOOK_SECONDS = 12.0
_LARGEST_TRACE = 32 * 1024 * 1024
_LARGEST_MEMBER = 16 * 1024 * 1024
_LARGEST_UNPACKED = 96 * 1024 * 1024
_SCRUB_SECONDS = 20.0
_MOST_COOKIES = 1_000


async def keep_evidence(visit: Visit, folder: Path) -> Path | None:
    """Write what shows how ``visit`` ended into ``folder``, which only its owner can read.

    None when the portal was not visited at all, or when it could not be written: that must not hide how the
    run ended. Of a page that answers no more, or is too large, less is kept.
    """
    if not visit.steps:
        return None
    try:
        with tempfile.TemporaryDirectory(dir=visit.scratch) as scratch:
            raw_trace = Path(scratch) / "trace.zip"
            seen = PageEvidence()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await _look(visit, raw_trace, seen)
            await asyncio.to_thread(_write, visit, folder, raw_trace, seen)
    except (OSError, PlaywrightError, zipfile.BadZipFile, json.JSONDecodeError) as exc:
        visit.note("evidence.missing", reason=type(exc).__name__)
        return None
    return folder


async def _look(visit: Visit, raw_trace: Path, seen: PageEvidence) -> None:
    """Cookies first: what is seen must not be kept without them being known."""
    await visit.tab.end_trace(str(raw_trace))
    await visit.session()
    page = visit.tab.shown
    if page is None or visit.tab.hangs:
        return
    try:
        await look(page, visit.page.filled, visit.secrets, seen)
    except PlaywrightTimeout:
        seen.left_out = "the picture took too long"
    if seen.left_out:
        visit.note("evidence.left_out", reason=seen.left_out)


def _write(visit: Visit, folder: Path, raw_trace: Path, seen: PageEvidence) -> None:
    secrets = visit.secrets
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    has_trace = raw_trace.is_file() and raw_trace.stat().st_size <= _LARGEST_TRACE
    if has_trace and not keep_trace(raw_trace, folder / "trace.zip", secrets):
        visit.note("evidence.left_out", reason="the trace has more cookies than can be looked for")
    if seen.picture:
        (folder / "page.png").write_bytes(seen.picture)
    if seen.html:
        (folder / "page.html").write_text(_scrubbed(seen.html, secrets), encoding="utf-8")
    closed = {f"closed-{number}.html": html for number, html in enumerate(visit.tab.log.closed, start=1)}
    for name, html in (seen.others | closed).items():
        (folder / name).write_text(_scrubbed(html, secrets, LONGEST_OTHER), encoding="utf-8")
    if logged := visit.tab.log.text():
        (folder / "browser.log").write_text(secrets.scrub(logged), encoding="utf-8")
    for number, answer in enumerate(visit.http.judge.pages, start=1):
        (folder / f"http-{number}.html").write_text(_scrubbed(answer.text, secrets), encoding="utf-8")
    for number, answer in enumerate(visit.http.judge.data, start=1):
        text = _scrubbed(without_tokens(answer.text), secrets, LONGEST_DATA)
        (folder / f"http-{number}.json").write_text(text, encoding="utf-8")
    lines = [json.dumps(step, default=str) for step in visit.steps]
    (folder / "visit.log").write_text(secrets.scrub("\n".join(lines) + "\n"), encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o600)


def _scrubbed(html: str, secrets: Secrets, longest: int = LONGEST_HTML) -> str:
    """Cut only afterwards: of a secret that is cut in two a part would be left."""
    text = secrets.scrub(html[: longest + MARGIN])
    return text[:longest] if len(html) > longest else text


def keep_trace(raw: Path, target: Path, secrets: Secrets) -> bool:
    """Copy a trace without secrets; not one with so many cookies that it would take minutes to look for them.

    Its cookies are secrets from now on.
    """
    cookies = _cookies_of(raw)
    if len(cookies) > _MOST_COOKIES:
        return False
    secrets.add(*cookies)
    scrub_zip(raw, target, secrets)
    return True


def _cookies_of(trace: Path) -> set[str]:
    """Cookies replaced under way are not in the jar any more, but they are in the trace's headers."""
    found: set[str] = set()
    with zipfile.ZipFile(trace) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".network") and member.file_size <= _LARGEST_MEMBER:
                for line in archive.read(member).decode("utf-8", "replace").splitlines():
                    found.update(_entry_secrets(line))
    return found


def _entry_secrets(line: str) -> Iterator[str]:
    snapshot = json.loads(line).get("snapshot", {})
    for side in ("request", "response"):
        for header in snapshot.get(side, {}).get("headers", ()):
            yield from _header_secrets(header["name"].lower(), header["value"])


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


def scrub_zip(source: Path, target: Path, secrets: Secrets, seconds: float = _SCRUB_SECONDS) -> None:
    """Copy a ZIP, with every secret replaced in the content and the name of every member.

    Members that are very large are left out, and what comes after very much, or after ``seconds``.
    """
    partial = target.with_suffix(".part")
    left, until = _LARGEST_UNPACKED, time.monotonic() + seconds
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            if member.file_size > min(left, _LARGEST_MEMBER) or time.monotonic() > until:
                continue
            left -= member.file_size
            new.writestr(secrets.scrub(member.filename), secrets.scrub_bytes(old.read(member)))
    shutil.move(partial, target)
