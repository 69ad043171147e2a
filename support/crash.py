"""The last resort: a fault of Meterfarm is one sentence; its stack trace is kept without secrets."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from meterfarm.support.errors import InternalError, MeterfarmError
from meterfarm.support.redact import Secrets


@contextmanager
def crashes_kept(secrets: Secrets, folder: Path) -> Iterator[None]:
    """Turn an unforeseen exception into an error; its scrubbed stack trace is written to ``folder``.

    A bare stack trace is not shown: it could carry a secret in an exception's text.

    Raises:
        InternalError: there was one.
        MeterfarmError: as it came; it is no unforeseen one.
    """
    try:
        yield
    except MeterfarmError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever it is, its text may hold a secret
        file = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.scrub("".join(traceback.format_exception(exc))), encoding="utf-8")
        raise InternalError(
            f"A fault of our own ({type(exc).__name__}); please report it with {file}."
        ) from None
