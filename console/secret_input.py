"""Secrets from standard input, one a line, or from the person at the terminal. Never from arguments."""

from __future__ import annotations

import asyncio
import getpass
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from console.errors import UsageError

T = TypeVar("T")


def read_secret_line(what: str) -> str:
    """The next line of standard input, as it stands.

    Raises:
        UsageError: there is none, it is empty, or it is not UTF-8.
    """
    line = sys.stdin.buffer.readline()
    try:
        text = line.decode("utf-8").rstrip("\r\n")
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


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """The result of a call that may block for ever; Ctrl-C ends the program without waiting for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T allows it

    def call() -> None:
        try:
            result = work()
        except (EOFError, OSError, ValueError) as exc:
            loop.call_soon_threadsafe(settle, None, exc)
        else:
            loop.call_soon_threadsafe(settle, result, None)

    threading.Thread(target=call, daemon=True, name="input").start()
    return await future


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
