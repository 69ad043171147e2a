"""Secrets from standard input, one a line, or from the person at the terminal. Never from arguments."""

from __future__ import annotations

import getpass
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from console.errors import UsageError
from scrapers.daemon_thread import in_daemon_thread


async def read_secret_line(what: str) -> str:
    """The next line of standard input, as it stands.

    Raises:
        UsageError: there is none, it is empty, or it is not UTF-8.
    """
    structlog.get_logger("input").debug("waiting for a secret", what=what)
    line: bytes = await in_daemon_thread(sys.stdin.buffer.readline)
    try:
        text: str = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as exc:
        raise UsageError(f"The {what} on standard input is not UTF-8 text.") from exc
    if not text:
        raise UsageError(f"The {what} was to come on standard input, one line, but none came.")
    return text


async def next_line() -> str | None:
    """The next line of standard input, or None at its end."""
    line = await in_daemon_thread(sys.stdin.buffer.readline)
    return line.decode("utf-8", "replace").rstrip("\r\n") if line else None


async def ask_password(prompt: str) -> str:
    """A password typed at the terminal, not echoed; "" when input ended."""
    try:
        return await in_daemon_thread(lambda: getpass.getpass(prompt))
    except EOFError:
        return ""


@contextmanager
def terminal_restored() -> Iterator[None]:
    """Put the terminal back as it was, also when a prompt without echo was broken off."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
