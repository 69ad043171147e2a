"""The last resort: a fault of our own becomes one sentence; its stack trace is kept without secrets."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from meterfarm.console.errors import ReaderGone
from meterfarm.support.errors import MeterfarmError
from meterfarm.support.redact import Secrets


class Crash(Exception):
    """A fault of our own; the text names the file that tells more."""


@contextmanager
def crashes_kept(secrets: Secrets, folder: Path) -> Iterator[None]:
    """Turn an unforeseen exception into a ``Crash``, whose scrubbed stack trace is written to ``folder``.

    A bare stack trace is not shown: it could carry a secret in an exception's text.
    """
    try:
        yield
    except (MeterfarmError, ReaderGone):
        raise
    except Exception as exc:  # noqa: BLE001 - whatever it is, its text may hold a secret
        file = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.scrub("".join(traceback.format_exception(exc))), encoding="utf-8")
        raise Crash(f"A fault of our own ({type(exc).__name__}); please report it with {file}.") from None
