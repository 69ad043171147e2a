"""The API served on a port in a thread of the test's process, as `api` serves it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from meterfarm.api.context import ApiContext
from meterfarm.api.serve import serve
from meterfarm.farm.settings import FarmSettings
from meterfarm.services.api_keys import create_key
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests import asking
from tests.storage.ready_home import ready_home


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where it is, the store behind it, the company's test side, and a client with its key."""

    url: str
    farm: Store
    store: CompanyStore
    key: str
    client: httpx.Client

    def client_of(self, key: str) -> httpx.Client:
        """A client with another key; to be closed."""
        return _client(self.url, key)


@contextlib.contextmanager
def served(
    home: Path, settings: FarmSettings | None = None, *, state: Settings | None = None
) -> Iterator[ApiServer]:
    """Meanwhile the API answers. ``state`` is for another database than that of ``home``."""
    if state is None:
        ready_home(home)
    with Store.open(state or Settings(home=home)) as farm:
        store = farm.of()
        key = create_key(store)[1]
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            used = settings or FarmSettings()
            context = ApiContext(farm, used, used.public_url or url)
            with (
                _running(context, listener),
                asking.client(base_url=url, auth=(key, ""), timeout=30) as client,
            ):
                yield ApiServer(url, farm, store, key, client)


def _client(url: str, key: str) -> httpx.Client:
    return asking.client(base_url=url, auth=(key, ""), timeout=30)


@contextlib.contextmanager
def _running(context: ApiContext, listener: socket.socket) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = asyncio.run_coroutine_threadsafe(serve(context, listener), loop)
    try:
        yield
    finally:
        serving.cancel()
        asyncio.run_coroutine_threadsafe(_all_ended(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _all_ended() -> None:
    """Whatever the loop still works on."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=8)
    await asyncio.get_running_loop().shutdown_default_executor()
