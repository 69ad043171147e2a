"""What the command line refuses."""

from __future__ import annotations


class UsageError(Exception):
    """The command cannot be done as given: one sentence, exit status 2."""
