"""What the command line refuses."""

from __future__ import annotations

from meterfarm.support.errors import MachineError, MeterfarmError, RequestError


class UsageError(RequestError):
    """The command cannot be done as given: one sentence, exit status 2."""


class NotSetUp(MachineError):
    """Something that has to run on this machine does not: one sentence, exit status 1."""


class ReaderGone(MeterfarmError):
    """Whoever read standard output has closed it, and wants no more."""
