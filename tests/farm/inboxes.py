"""The `inbox` command for a test, and text messages as Twilio posts them."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from tests import asking
from tests.farm.whole import Farm
from tests.forked import Forked

TOKEN = "twilio canary 5c1e"
SENDER = "+18885550142"
_NUMBERS = count(1)


@dataclass(frozen=True)
class RunningInbox:
    """``url`` is where it is posted to."""

    url: str
    process: Forked

    def post(
        self, form: Mapping[str, str], *, signature: str | None = None, path: str = ""
    ) -> httpx.Response:
        """Signed with the right token, unless a signature is given."""
        address = self.url + path
        signed = signature if signature is not None else sign(address, form)
        headers = {"X-Twilio-Signature": signed} if signed else {}
        return asking.post(address, data=dict(form), headers=headers, timeout=10)


def sign(url: str, form: Mapping[str, str], token: str = TOKEN) -> str:
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


def text_form(to: str, code: str, *, sender: str = SENDER, body: str = "", sid: str = "") -> dict[str, str]:
    """A text message as the portal sends it, by Twilio's fields."""
    return {
        "MessageSid": sid or f"SM{next(_NUMBERS):032x}",
        "AccountSid": "AC0",
        "From": sender,
        "To": to,
        "Body": body or f"Speculoos Power: your verification code is {code}. Don't share it with anyone.",
    }


@contextmanager
def inbox(farm: Farm, port: int, *options: str, stderr: int = 2, **extra: str) -> Iterator[RunningInbox]:
    """Run the command until the end of the block."""
    environment = farm.environment | {"TWILIO_AUTH_TOKEN": TOKEN} | extra
    with Path("/dev/null").open() as nothing:
        process = Forked(
            ["inbox", "--port", str(port), *options],
            environment,
            farm.home.parent,
            stdin=nothing.fileno(),
            stderr=stderr,
        )
    with process:
        line = process.stdout.readline()
        if "received at" not in line:
            raise AssertionError(f"the inbox did not start: {line}")
        yield RunningInbox(f"http://127.0.0.1:{port}/sms", process)
        process.send_signal(15)
        process.wait(15)
