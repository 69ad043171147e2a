"""Where the browser keeps what must not outlive a run: its profile, and raw traces before they are scrubbed.

The folder belongs to the process, only its owner can read it, and what a killed process left is removed by
the next one. A raw trace has what was typed, so it is removed as soon as its visit ends.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from meterfarm.storage.settings import prepare_home

_RESOURCES = "resources"
_SHARED = ("text/css", "image/", "font/", "text/javascript", "application/javascript")
"""What pages have in common: its bodies may stand in another visit's trace, too."""


@contextmanager
def scratch_folder(home: Path) -> Iterator[Path]:
    """A folder below ``home`` for as long as the block lasts."""
    everybody = prepare_home(home) / "tmp"
    everybody.mkdir(mode=0o700, exist_ok=True)
    _sweep(everybody)
    own = everybody / str(os.getpid())
    own.mkdir(mode=0o700, exist_ok=True)
    try:
        yield own.absolute()
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _sweep(everybody: Path) -> None:
    for folder in everybody.iterdir():
        if folder.name.isdigit() and not _lives(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def new_trace_name() -> str:
    """A name under which one visit's trace is kept apart from all others in the folder."""
    return f"visit-{secrets.token_hex(8)}"


def remove_trace(folder: Path, name: str) -> None:
    """Remove all of a trace that is its own: its files, and the bodies of its requests and pages."""
    for file in folder.glob(f"{name}*"):
        if file.suffix == ".network":
            for body in _bodies(file):
                (folder / _RESOURCES / body).unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def _bodies(network: Path) -> Iterator[str]:
    for line in network.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):  # the last line of a trace that was broken off
            snapshot = json.loads(line).get("snapshot", {})
            sent = snapshot.get("request", {}).get("postData") or {}
            came = snapshot.get("response", {}).get("content") or {}
            yield from _kept_in(sent)
            if not str(came.get("mimeType", "")).startswith(_SHARED):
                yield from _kept_in(came)


def _kept_in(body: Mapping[str, str]) -> Iterator[str]:
    """The file that a body was put in, by either of the names that Playwright has given the field."""
    return (Path(body[field]).name for field in ("_file", "_sha1") if field in body)
