"""The `inbox` command: a web server for Twilio's inbound text messages."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from meterfarm.console.command_context import CommandContext, open_farm
from meterfarm.console.errors import NotSetUp, UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.runs.notifying import notification
from meterfarm.console.terminal.output import print_line
from meterfarm.console.terminal.secret_input import read_secret_line

_OTHERS = 0o077
_STOP_SECONDS = 5.0
_UNSIGNED = (
    "Twilio's auth token is needed to verify its requests: set TWILIO_AUTH_TOKEN, "
    "or give --auth-token-file or --auth-token-stdin."
)


@dataclass(frozen=True, slots=True)
class InboxOptions:
    """As the command line has them; ``public_url`` is "" where requests name the address themselves."""

    host: str
    port: int
    public_url: str
    token_file: Path | None
    token_stdin: bool


async def serve(options: InboxOptions) -> int:
    """Receive inbound SMS until Ctrl-C or SIGTERM."""
    _check(options.public_url)
    with open_farm() as (context, farm):
        tokens = await _tokens(options, context)
        with listening(options.host, options.port) as listener:
            address = address_of(listener)
            from meterfarm.farm.bounded_http import BoundedServer  # slow to import
            from meterfarm.farm.codes.sms_receiver import SmsReceiver

            inbox = SmsReceiver(
                farm,
                tokens,
                options.public_url,
                notification(context, farm).of_answer,
            )
            public_url = _without_user(options.public_url)
            registering = asyncio.create_task(inbox.keep_registered(public_url or address))
            server = BoundedServer(inbox.app(), "inbox")
            serving = asyncio.create_task(server.serve([listener]))
            known_as = f" as {public_url}" if public_url else ""
            print_line(f"Text messages are received at {address}{known_as}; Ctrl-C stops it.")
            try:
                await asyncio.wait({serving, registering}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                pass  # how one ends it
            finally:
                server.should_exit = True
                registering.cancel()
                await asyncio.wait({serving, registering}, timeout=_STOP_SECONDS)
            for task in (serving, registering):
                if task.done() and not task.cancelled():
                    task.result()
    return OK


def _without_user(public_url: str) -> str:
    """The address as it is shown: Twilio's may hold a user's name and password."""
    parts = urlsplit(public_url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _check(public_url: str) -> None:
    if not public_url:
        return
    parts = urlsplit(public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"--public-url {public_url} is no address; write the one that Twilio posts to, "
            "such as https://codes.example.com/sms."
        )


async def _tokens(options: InboxOptions, context: CommandContext) -> Sequence[SecretStr]:
    """Twilio's auth tokens, several separated by commas or lines. Raises UsageError if there is none."""
    if options.token_file is not None and options.token_stdin:
        raise UsageError("Give either --auth-token-file or --auth-token-stdin, not both.")
    if options.token_file is not None:
        text = await asyncio.to_thread(_read, options.token_file)
    elif options.token_stdin:
        text = await read_secret_line("auth token")
    else:
        text = context.farm.twilio_auth_token.get_secret_value()
    found = [token.strip() for token in re.split(r"[,\n]", text) if token.strip()]
    if not found:
        raise UsageError(_UNSIGNED)
    context.secrets.add(*found)
    return [SecretStr(token) for token in found]


def _read(path: Path) -> str:
    """A file that only its owner can read."""
    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(f"{path} is no file.")
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
                raise UsageError(f"{path} holds a secret and others may read it; run chmod 600 {path}.")
            return file.read()
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path} is not UTF-8 text.") from exc
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}.") from exc


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises NotSetUp."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as exc:
        reason = getattr(exc, "strerror", None) or "ports go from 0 to 65535"
        raise NotSetUp(
            f"Cannot listen on {host}:{port}: {reason}. Choose another --port, or 0 for any."
        ) from exc


def address_of(listener: socket.socket) -> str:
    """Where it listens, as an address."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
