"""Raw traces on disk: until one is scrubbed it has what was typed, so it goes as soon as its visit ends."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_RESOURCES = "resources"
_SHARED = ("text/css", "image/", "font/", "text/javascript", "application/javascript")
"""What pages have in common: its bodies may stand in another visit's trace, too."""


def new_name() -> str:
    """A name under which one visit's trace is kept apart from all others in the folder."""
    return f"visit-{secrets.token_hex(8)}"


def forget(folder: Path, name: str) -> None:
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
