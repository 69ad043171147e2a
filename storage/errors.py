"""The errors of this room."""

from __future__ import annotations

from meterfarm.support.errors import MachineError, RequestError


class StorageError(MachineError):
    """State could not be read or kept. One sentence for the user: what, where, what to do; never a secret."""


class AlreadyThere(StorageError, RequestError):
    """A customer with this login or this external id is in the register; the sentence says which."""
