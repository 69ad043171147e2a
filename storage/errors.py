"""The errors of this room."""

from __future__ import annotations


class StorageError(Exception):
    """State could not be read or kept. One sentence for the user: what, where, what to do; never a secret."""


class AlreadyThere(StorageError):
    """A customer with this login or this external id is in the register; the sentence says which."""
