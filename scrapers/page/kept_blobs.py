"""Files that a page's script makes itself: what it gives an address to is kept, so that it can be read."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Frame

from meterfarm.records import Document
from meterfarm.scrapers.http.body import Limit

_PIECE = 1024 * 1024
_ASKED_SECONDS = 3.0
_NO_FILES = r"^(image|video|audio|font)[/]|javascript|css|json|wasm|html"
_KEPT = 'window[Symbol.for("kept blobs")]'

KEEP = f"""(() => {{
  const kept = Symbol.for("kept blobs"), watched = Symbol.for("watched blobs");
  Object.defineProperty(window, kept, {{value: new Map(), configurable: true}});
  if (window[watched]) return;
  Object.defineProperty(window, watched, {{value: true}});
  URL.createObjectURL = new Proxy(URL.createObjectURL, {{apply(make, self, given) {{
    const address = Reflect.apply(make, self, given);
    if ({_KEPT} && given[0] instanceof Blob) {_KEPT}.set(address, given[0]);
    return address;
  }}}});
}})()"""
"""What a frame does from now on; a page may take back the address at once, and still show the file."""

_LEAVE = '() => { delete window[Symbol.for("kept blobs")]; }'
_SEEN = f"""address => {{
  const blob = {_KEPT} && {_KEPT}.get(address);
  return blob ? [blob.size, blob.type] : null;
}}"""
_PART = f"""async ([address, from, to]) => {{
  const blob = {_KEPT}.get(address).slice(from, to);
  const reader = new FileReader();
  await new Promise((done, fail) => {{
    reader.onload = done; reader.onerror = fail; reader.readAsDataURL(blob);
  }});
  return reader.result.slice(reader.result.indexOf(",") + 1);
}}"""
_FILES = f"""() => [...({_KEPT} || new Map())]
  .filter(([, blob]) => blob.size && !/{_NO_FILES}/.test(blob.type)).map(([address]) => address)"""


async def ask(frame: Frame, script: str, argument: object = None) -> Any:
    """What a frame's script gives; None of a frame that has gone, or does not answer soon."""
    with suppress(PlaywrightError, TimeoutError):
        async with asyncio.timeout(_ASKED_SECONDS):
            return await frame.evaluate(script, argument)
    return None


async def keep_in(frames: Iterable[Frame]) -> None:
    """Begin to keep what is made in these."""
    await asyncio.gather(*(ask(frame, KEEP) for frame in frames))


async def leave(frames: Iterable[Frame]) -> None:
    """Keep nothing there any more."""
    await asyncio.gather(*(ask(frame, _LEAVE) for frame in frames))


async def files_in(frames: Iterable[Frame]) -> list[str]:
    """The addresses of what was made there that may be a file, in order."""
    found = await asyncio.gather(*(ask(frame, _FILES) for frame in frames))
    return [str(address) for addresses in found for address in addresses or ()]


async def read(address: str, frames: Iterable[Frame], limit: Limit) -> Document | None:
    """What has this address, from the frame that made it; None if none did.

    Raises:
        TooLarge: it is more than ``limit`` allows.
    """
    for frame in frames:
        seen = await ask(frame, _SEEN, address)
        if seen is None:
            continue
        size, media_type = seen
        limit.must_hold_announced(size)
        parts = []
        for begin in range(0, size, _PIECE):
            part = await ask(frame, _PART, [address, begin, begin + _PIECE])
            if part is None:
                return None
            parts.append(base64.b64decode(part))
        return Document(b"".join(parts), str(media_type).partition(";")[0].strip().lower(), "")
    return None
