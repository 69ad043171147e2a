"""How a portal's challenge is put: to a person at the terminal, or to a program as a JSON line."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import typer
from rich.console import Console
from rich.markup import escape

from console.secret_input import next_line
from mfa.person import RESEND, Ask
from records import Challenge


def ask_at_terminal(console: Console, paused: Callable[[], AbstractContextManager[None]]) -> Ask:
    """Show prompt, choices and the portal's error text, and read a line; ``paused`` stills a live display."""

    async def ask(challenge: Challenge) -> str | None:
        with paused():
            if challenge.error:
                console.print(f"[yellow]{escape(challenge.error)}[/]")
            console.print(f"[bold]{escape(challenge.prompt)}[/]")
            for number, option in enumerate(challenge.options, start=1):
                console.print(f"  {number}. {escape(option.label)}")
            if challenge.can_resend:
                console.print(f"[dim](type {RESEND} for another code)[/]")
            typer.echo("> ", err=True, nl=False)
            return await next_line()

    return ask


def ask_by_lines(portal_url: str, read_line: Callable[[], Awaitable[str | None]] = next_line) -> Ask:
    """Write the challenge as a JSON line to standard error, and take the next line of input as answer."""

    async def ask(challenge: Challenge) -> str | None:
        typer.echo(json.dumps(as_json(challenge, portal_url), ensure_ascii=False), err=True)
        return await read_line()

    return ask


def as_json(challenge: Challenge, portal_url: str) -> dict[str, object]:
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
