"""What our own servers on this machine answer."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

_SECONDS = 10
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Past the proxy that the environment may name: it leads away from this machine."""


def get_json(address: str) -> Any:
    """Raises OSError if nobody answers, or not with success."""
    with _DIRECT.open(address, timeout=_SECONDS) as response:
        return json.load(response)


def post_json(address: str, content: Any) -> None:
    """Raises OSError if nobody answers, or not with success."""
    asked = urllib.request.Request(  # noqa: S310 - an address of ours
        address, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with _DIRECT.open(asked, timeout=_SECONDS) as response:
        response.read()
