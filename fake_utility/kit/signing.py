"""The key that signs cookies: made once and kept, so that a later run honours earlier cookies."""

import os
import secrets
from pathlib import Path

KEY_BYTES = 32
FOLDER = "fake_utility"
"""Where the fake portals keep what they keep, below the home."""


def signing_key(home: Path) -> bytes:
    """Read or make `<home>/fake_utility/signing.key` (mode 0600, directories 0700). Raises OSError.

    Two processes that start at once end up with the same key: the file appears complete or not at all.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = home / FOLDER
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / "signing.key"
    if not path.exists():
        _create(path)
    return path.read_bytes()


def _create(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return  # another process was first: its key is the key
    finally:
        draft.unlink()
