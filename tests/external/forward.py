"""Hands connections on: forward.py HOST:PORT HOST:PORT, from the one address to the other."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(listen: str, to: str) -> None:
    there, _, their_port = to.rpartition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(there, int(their_port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    here, _, port = listen.rpartition(":")
    server = await asyncio.start_server(connected, here, int(port))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # the first process of a namespace ignores it else
    asyncio.run(main(*sys.argv[1:]))
