"""Serves applications until it is stopped."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from meterfarm.fake_utility.certificates import Certificates
from meterfarm.fake_utility.kit.tls_hello import HelloFront


@dataclass(frozen=True, slots=True)
class Served:
    """An application and where it is served; by https if there are certificates.

    `front` passes connections on to it that are taken at `taken_at`.
    """

    app: ASGIApp
    listener: socket.socket
    certificates: Certificates | None = None
    front: HelloFront | None = None
    taken_at: socket.socket | None = None


class _Server(uvicorn.Server):
    """Leaves signals to `serve`, and notes when it takes requests."""

    def __init__(self, served: Served) -> None:
        made = served.certificates
        config = uvicorn.Config(
            served.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=2,
            ssl_certfile=str(made.certificate) if made else None,
            ssl_keyfile=str(made.key) if made else None,
        )
        super().__init__(config)
        self.listener = served.listener
        self.is_ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()

    def stop(self) -> None:
        self.should_exit = True


def serve(served: Sequence[Served], ready: Callable[[], None], parent: socket.socket | None) -> None:
    """Serve until Ctrl-C, SIGTERM, or until `parent` closes; `ready` is called when requests are taken."""

    async def run() -> None:
        servers = [_Server(each) for each in served]
        loop = asyncio.get_running_loop()

        def stop() -> None:
            for server in servers:
                server.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        if parent is not None:
            loop.add_reader(parent, stop)
        running = [loop.create_task(server.serve([server.listener])) for server in servers]
        for server in servers:
            await server.is_ready.wait()
        async with contextlib.AsyncExitStack() as fronts:
            for each in served:
                if each.front is not None:
                    await fronts.enter_async_context(each.front.serving(each.taken_at))
            ready()
            await asyncio.gather(*running)

    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        runner.run(run())
