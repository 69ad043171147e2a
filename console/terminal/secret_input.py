"""Lines from standard input: secrets, one a line, or what a person types. Never from arguments."""

from __future__ import annotations

import codecs
import os
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
import typer

from meterfarm.console.errors import UsageError
from meterfarm.records import SecretKind
from meterfarm.support.foreign_text import one_line
from meterfarm.support.redact import Secrets
from meterfarm.support.tasks import in_daemon_thread

_STDIN = 0
_LONGEST_LINE = 64 * 1024
_ahead = bytearray()
"""What was read beyond the last line."""
_begun: list[bool] = []
"""Has something in it once a line was read."""


async def read_secret_line(what: str) -> str:
    """The next line of standard input, as it stands.

    Raises:
        UsageError: there is none, it is empty, or it is not UTF-8.
    """
    structlog.get_logger("input").debug("secret.awaited", what=what)
    line = await in_daemon_thread(_read_line)
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as exc:
        raise UsageError(f"The {what} on standard input is not UTF-8 text.") from exc
    if not text:
        raise UsageError(f"The {what} was to come on standard input, one line, but none came.")
    return text


async def next_line() -> str | None:
    """The next line of standard input, or None at its end."""
    line = await in_daemon_thread(_read_line)
    return line.decode("utf-8", "replace").rstrip("\r\n") if line else None


async def ask_password(prompt: str) -> str:
    """A password typed at the terminal, not echoed; "" when input ended."""
    before = termios.tcgetattr(_STDIN)
    silent = list(before)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(_STDIN, termios.TCSADRAIN, silent)
    try:
        typer.echo(prompt, err=True, nl=False)
        return await next_line() or ""
    finally:
        termios.tcsetattr(_STDIN, termios.TCSADRAIN, before)
        typer.echo("", err=True)


def _read_line() -> bytes:
    """One line with its end, or what is left. Python's own buffered stdin would abort a Ctrl-C in a wait."""
    while b"\n" not in _ahead:
        more = os.read(_STDIN, 4096)
        if not more:
            break
        _ahead.extend(more)
        if len(_ahead) > _LONGEST_LINE and b"\n" not in _ahead:
            _ahead.clear()
            raise UsageError(f"A line on standard input is longer than {_LONGEST_LINE // 1024} KiB.")
    line, newline, rest = _ahead.partition(b"\n")
    _ahead[:] = rest
    if _begun:
        return bytes(line + newline)
    _begun.append(True)
    return bytes(line.removeprefix(codecs.BOM_UTF8) + newline)  # editors and shells put it at the beginning


@contextmanager
def terminal_restored() -> Iterator[None]:
    """Put the terminal back as it was, also when a prompt without echo was broken off."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(_STDIN)
    try:
        yield
    finally:
        termios.tcsetattr(_STDIN, termios.TCSADRAIN, before)


@dataclass(frozen=True, slots=True)
class FromStdin:
    """Which secrets come on standard input, a line each, in the order of ``SecretKind``.

    After them come the answers to ``questions``, in their order.
    """

    password: bool = False
    totp_secret: bool = False
    security_answer: bool = False
    questions: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.kinds or self.questions)

    @property
    def kinds(self) -> list[SecretKind]:
        """What is read, in the order of its lines."""
        given = {
            SecretKind.PASSWORD: self.password,
            SecretKind.TOTP_SECRET: self.totp_secret,
            SecretKind.SECURITY_ANSWER: self.security_answer,
        }
        return [kind for kind in SecretKind if given[kind]]


@dataclass(frozen=True, slots=True)
class GivenSecrets:
    """What came: by kind, and answers to security questions, each by its question."""

    secrets: dict[SecretKind, str] = field(default_factory=dict, repr=False)
    answers: dict[str, str] = field(default_factory=dict, repr=False)


async def read_secrets(wanted: FromStdin, secrets: Secrets) -> GivenSecrets:
    """The secrets that were announced; at a terminal each is asked for, without echo.

    Raises:
        UsageError: one is missing, or is not what it is meant to be.
    """
    from meterfarm.services.customer_fields import NAMES, problem_of_question

    for question in wanted.questions:
        if problem := problem_of_question(question):
            raise UsageError(problem)
    given = GivenSecrets()
    for kind in wanted.kinds:
        given.secrets[kind] = await _read_secret(kind, NAMES[kind], secrets)
    for question in wanted.questions:
        name = f"answer to “{one_line(question)}”"
        given.answers[question] = await _read_secret(SecretKind.SECURITY_ANSWER, name, secrets)
    return given


async def _read_secret(kind: SecretKind, name: str, secrets: Secrets) -> str:
    from meterfarm.services.customer_fields import problem_of_secret

    if sys.stdin.isatty():
        text = await ask_password(f"The {name}: ")
        if not text:
            raise UsageError(f"The {name} was empty; nothing was changed.")
    else:
        text = await read_secret_line(name)
    secrets.add(text)
    if problem := problem_of_secret(kind, text):
        raise UsageError(problem)
    return text
