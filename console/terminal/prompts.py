"""How a portal's challenge is put: to a person at the terminal, or to a program as a JSON line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import typer
from rich.console import Console
from rich.text import Text

from meterfarm.console.terminal.listing import safe_text, styled
from meterfarm.console.terminal.secret_input import next_line
from meterfarm.mfa.person import RESEND, Ask
from meterfarm.records import Challenge
from meterfarm.support.foreign_text import as_json


def ask_at_terminal(console: Console, paused: Callable[[], AbstractContextManager[None]]) -> Ask:
    """Show prompt, choices and the portal's error text, and read a line; ``paused`` stills a live display."""

    async def ask(challenge: Challenge) -> str | None:
        with paused():
            if challenge.error:
                left = f" ({tries(challenge.attempts_left)})" if challenge.attempts_left else ""
                console.print(styled(f"{challenge.error}{left}", "yellow"))
            console.print(styled(challenge.prompt, "bold"))
            for number, option in enumerate(challenge.options, start=1):
                console.print(Text(f"  {number}. ") + safe_text(option.label))
            if challenge.can_resend:
                console.print(styled(f"(type {RESEND} for another code)", "dim"))
            typer.echo("> ", err=True, nl=False)
            return await next_line()

    return ask


def ask_by_lines(portal_url: str, read_line: Callable[[], Awaitable[str | None]] = next_line) -> Ask:
    """Write the challenge as a JSON line to standard error, and take the next line of input as answer."""

    async def ask(challenge: Challenge) -> str | None:
        typer.echo(as_json(document(challenge, portal_url)), err=True)
        return await read_line()

    return ask


def document(challenge: Challenge, portal_url: str) -> dict[str, object]:
    """A challenge for programs: ``kind`` is a factor or ``choice``, ``error`` is about the answer before."""
    return {
        "event": "mfa",
        "kind": "choice" if challenge.options else challenge.factor,
        "prompt": challenge.prompt,
        "destination": challenge.destination or None,
        "options": [
            {"factor": option.factor, "label": option.label, "destination": option.destination or None}
            for option in challenge.options
        ],
        "error": challenge.error or None,
        "attempts_left": challenge.attempts_left,
        "can_resend": challenge.can_resend,
        "portal_url": portal_url,
    }


def tries(left: int) -> str:
    """How many answers the portal still takes."""
    return "1 try left" if left == 1 else f"{left} tries left"
