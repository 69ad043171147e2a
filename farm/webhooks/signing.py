"""Signatures by Standard Webhooks 1.0: HMAC-SHA256 over the message's id, the time and the body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import SecretStr

_PREFIX = "whsec_"


def message_id(event_id: int) -> str:
    """By what a receiver knows an event again: the same at every attempt, and when it is sent once more."""
    return f"evt_{event_id}"


def signed_headers(
    message: str, body: bytes, secrets: Sequence[SecretStr], at: datetime
) -> Mapping[str, str]:
    """The three headers of a message sent at ``at``, with a signature by each of the secrets."""
    stamp = str(int(at.timestamp()))
    content = b".".join((message.encode(), stamp.encode(), body))
    return {
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: SecretStr, content: bytes) -> str:
    key = base64.b64decode(secret.get_secret_value().removeprefix(_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
