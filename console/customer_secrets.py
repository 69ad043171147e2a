"""Customers' secrets, taken from standard input or asked for without echo."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from meterfarm.console.errors import UsageError
from meterfarm.console.secret_input import ask_password, read_secret_line
from meterfarm.records import SecretKind
from meterfarm.services.customer_fields import NAMES, problem_of_secret
from meterfarm.support.redact import Secrets


@dataclass(frozen=True, slots=True)
class FromStdin:
    """Which secrets come on standard input, a line each, in the order of ``SecretKind``."""

    password: bool = False
    totp_secret: bool = False
    security_answer: bool = False

    @property
    def kinds(self) -> list[SecretKind]:
        given = {
            SecretKind.PASSWORD: self.password,
            SecretKind.TOTP_SECRET: self.totp_secret,
            SecretKind.SECURITY_ANSWER: self.security_answer,
        }
        return [kind for kind in SecretKind if given[kind]]


async def read_secrets(wanted: FromStdin, secrets: Secrets) -> dict[SecretKind, str]:
    """The secrets that were announced; at a terminal each is asked for, without echo.

    Raises:
        UsageError: one is missing, or is not what it is meant to be.
    """
    found = {}
    for kind in wanted.kinds:
        if sys.stdin.isatty():
            text = await ask_password(f"The {NAMES[kind]}: ")
            if not text:
                raise UsageError(f"The {NAMES[kind]} was empty; nothing was changed.")
        else:
            text = await read_secret_line(NAMES[kind])
        secrets.add(text)
        problem = problem_of_secret(kind, text)
        if problem:
            raise UsageError(problem)
        found[kind] = text
    return found
