"""The one error of this room."""

from __future__ import annotations


class StorageError(Exception):
    """State could not be read or kept. One sentence for the user: what, where, what to do; never a secret."""
