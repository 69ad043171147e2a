"""What the doctor looks at where documents' files are kept: whether one can be written, read and deleted."""

from __future__ import annotations

import secrets
from pathlib import Path

from meterfarm.console.check_result import CheckResult, fail, well
from meterfarm.storage import StorageError
from meterfarm.storage.settings import FILES, Settings
from meterfarm.storage.store import open_files


def examine_files(settings: Settings) -> CheckResult:
    """A file of its own goes there and back."""
    try:
        files = open_files(settings)
        content = b"a check by the doctor: " + secrets.token_bytes(8)
        kept = files.put(content)
        same = files.read(kept) == content
        files.delete(kept)
    except StorageError as exc:
        return fail("files", str(exc))
    where = settings.files_url or str(Path(settings.home / FILES))
    if not same:
        return fail("files", f"what was written to {where} came back changed")
    return well("files", f"a file can be written to {where}, read and deleted")
