"""How drift writes JSON: keys in another order and more of them, severely by other names and further in."""

import json
from random import Random
from typing import Any

from meterfarm.fake_utility.kit.drift import Drift

AROUND = "payload"
"""Where the whole of a severely drifted answer is."""
_GUARD = b")]}',"
_EXTRAS: dict[str, Any] = {"_links": {}, "schemaVersion": 4, "etag": None, "uiHints": ["new", "compact"]}


def drifted_json(drift: Drift, content: bytes) -> bytes:
    """An answer as it has become; what is no JSON stays as it is."""
    guard, body = (_GUARD, content[len(_GUARD) :]) if content.startswith(_GUARD) else (b"", content)
    try:
        true = json.loads(body)
    except ValueError:
        return content
    made = _drifted(drift, true, Random(drift.seed))  # noqa: S311 - the same each time
    if drift.has("json-keys"):
        made = {AROUND: made}
    return guard + (b"\n" if guard else b"") + json.dumps(made, separators=(",", ":")).encode()


def _drifted(drift: Drift, value: Any, draw: Random) -> Any:
    if isinstance(value, list):
        return [_drifted(drift, each, draw) for each in value]
    if not isinstance(value, dict):
        return value
    prefix = drift.prefix if drift.has("json-keys") else ""
    made = [(f"{prefix}{name}", _drifted(drift, each, draw)) for name, each in value.items()]
    if drift.has("extras"):
        names = draw.sample(sorted(_EXTRAS), 2)
        made += [(f"{prefix}{name}", _EXTRAS[name]) for name in names if name not in value]
    if drift.has("json-order"):
        draw.shuffle(made)
    return dict(made)
