"""The type of a command that runs in the process of the test."""

from __future__ import annotations

from collections.abc import Callable

from tests.scrape.command import Ran

Command = Callable[..., Ran]
