"""Tables, database, vault, content-addressed files, and the repositories that other rooms speak to.

The door: this module (the room's errors), ``store``, ``settings``, ``vault``, and the records that are handed
out: ``customers``, ``runs``, ``data``, ``channels``, ``webhooks``. No other room imports what is below them.
"""

from __future__ import annotations

from meterfarm.support.errors import MachineError, RequestError


class StorageError(MachineError):
    """State could not be read or kept. One sentence for the user: what, where, what to do; never a secret."""


class AlreadyThere(StorageError, RequestError):
    """A customer with this login or this external id is in the register; the sentence says which."""


class CustomerGone(StorageError, RequestError):
    """The customer was removed; the sentence says which."""


class AnswerRefused(StorageError, RequestError):
    """An answer that cannot be used any more, or never could; the text says why."""


class RunRefused(StorageError, RequestError):
    """Something was asked of a run that cannot be done; the text says why."""


class LeaseLost(StorageError):
    """The run was given to somebody else, or has ended: whoever held it must stop, and may write nothing."""
