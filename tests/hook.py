"""A receiver of webhooks in a thread of its own, for what posts from another loop or process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any

Got = tuple[dict[str, str], bytes]


@dataclass
class Hook:
    """``got`` are headers and bodies as they came in; ``came`` is the same to wait for."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    came: Queue[Got] = field(default_factory=Queue)


@contextmanager
def listening_hook() -> Iterator[Hook]:
    """It answers 204 to all."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got = ({name.lower(): value for name, value in self.headers.items()}, body)
            hook.got.append(got)
            hook.came.put(got)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
