"""One of several processes that serve the API at one port, forked by `api --processes`.

Each listens for itself (``SO_REUSEPORT``): the kernel deals out connections among those that live.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys

import uvloop

from meterfarm.api.context import ApiContext
from meterfarm.api.serve import serve
from meterfarm.farm.bounded_http import BACKLOG
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.workers.stopping import until_stopped
from meterfarm.services.notification import WorkerNotification
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.support.errors import MachineError
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets


async def _serve(host: str, port: int, public_url: str) -> None:
    settings, farm = Settings(), FarmSettings()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        await asyncio.to_thread(Store.open, settings) as store,
        socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True) as listener,
    ):
        workers = WorkerNotification(store, settings, farm)
        await serve(ApiContext(store, farm, public_url, workers), listener, farm.metrics)


def main() -> int:
    """Serve until the command is gone, or by a signal; gives the exit status."""
    parser = argparse.ArgumentParser(prog="api")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--public-url", required=True)
    parser.add_argument("--parent-fd", type=int)
    options = parser.parse_args()
    log_to_stderr(Secrets())
    try:
        serving = _serve(options.host, options.port, options.public_url)
        uvloop.run(until_stopped(serving, options.parent_fd, "api"))
    except (MachineError, OSError) as exc:
        sys.stderr.write(f"meterfarm: {exc}\n")
        return 1
    return 0
