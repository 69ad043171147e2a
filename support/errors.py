"""The errors that leave Meterfarm, by what whoever gets one can do about it.

MeterfarmError
├── RequestError  the request cannot be done as it was made
├── MachineError  this machine lacks something, or something on it is not as it must be
└── InternalError a fault of Meterfarm
"""

from __future__ import annotations


class MeterfarmError(Exception):
    """One sentence for people: what happened, where, what to do; never a secret."""


class RequestError(MeterfarmError):
    """The request cannot be done as it was made: a value in it, or what it names."""


class MachineError(MeterfarmError):
    """Something that Meterfarm needs here is missing, broken or cannot be reached."""


class InternalError(MeterfarmError):
    """A fault of Meterfarm; the text names the file with its stack trace."""
