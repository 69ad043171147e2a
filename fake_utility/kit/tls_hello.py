"""What a client says in its TLS hello, by which a browser is recognised (RFC 8446, 4.1.2)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_RECORD_HEAD, _MESSAGE_HEAD = 5, 4
_VERSION_AND_RANDOM = 34
_LONGEST = 64 * 1024
_GROUPS, _ALGORITHMS, _PROTOCOLS = 10, 13, 16
_OF_A_CONNECTION = frozenset({21, 41, 42})
"""Extensions that the same client sends at times: padding, a session to go on with, early data."""
_PIECE = 64 * 1024
_SECONDS = 10.0


class NoHello(ValueError):
    """It is not the beginning of a TLS connection."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What tells one kind of client from another, as numbers of IANA's registries in the order of the hello.

    Extensions have none, for browsers shuffle them; nor is there what is random by design (GREASE, RFC 8701).
    """

    ciphers: tuple[int, ...]
    extensions: frozenset[int]
    groups: tuple[int, ...]
    algorithms: tuple[int, ...]
    protocols: tuple[str, ...]


def read_hello(begin: bytes) -> ClientHello | None:
    """The hello that a connection begins with; None if more of it has to come.

    Raises:
        NoHello: it begins with something else.
    """
    message = b""
    while begin:
        if begin[0] != _HANDSHAKE or len(message) > _LONGEST:
            raise NoHello("it does not begin with a handshake")
        size = int.from_bytes(begin[3:_RECORD_HEAD])
        if len(begin) < _RECORD_HEAD + size:
            return None
        message += begin[_RECORD_HEAD : _RECORD_HEAD + size]
        begin = begin[_RECORD_HEAD + size :]
        if len(message) >= _MESSAGE_HEAD + int.from_bytes(message[1:_MESSAGE_HEAD]):
            break
    else:
        return None
    if message[0] != _CLIENT_HELLO:
        raise NoHello("its first message is no hello of a client")
    return _read(_Fields(message[_MESSAGE_HEAD:]))


class _Fields:
    """Fields that say how long they are, one after the other."""

    def __init__(self, content: bytes) -> None:
        self.left = content

    def take(self, size: int) -> bytes:
        if size > len(self.left):
            raise NoHello("a field is longer than its message")
        taken, self.left = self.left[:size], self.left[size:]
        return taken

    def vector(self, size_of_length: int) -> bytes:
        return self.take(int.from_bytes(self.take(size_of_length)))


def _read(fields: _Fields) -> ClientHello:
    fields.take(_VERSION_AND_RANDOM)
    fields.vector(1)
    ciphers = _numbers(fields.vector(2))
    fields.vector(1)
    extensions = dict(_extensions(_Fields(fields.vector(2) if fields.left else b"")))
    return ClientHello(
        ciphers,
        frozenset(kind for kind in extensions if not _is_random(kind)) - _OF_A_CONNECTION,
        _numbers(extensions.get(_GROUPS, b"")[2:]),
        _numbers(extensions.get(_ALGORITHMS, b"")[2:]),
        tuple(_texts(_Fields(extensions.get(_PROTOCOLS, b"")[2:]))),
    )


def _extensions(fields: _Fields) -> Iterator[tuple[int, bytes]]:
    while fields.left:
        yield int.from_bytes(fields.take(2)), fields.vector(2)


def _numbers(content: bytes) -> tuple[int, ...]:
    every = (int.from_bytes(content[at : at + 2]) for at in range(0, len(content) - 1, 2))
    return tuple(number for number in every if not _is_random(number))


def _texts(fields: _Fields) -> Iterator[str]:
    while fields.left:
        yield fields.vector(1).decode("latin-1")


def _is_random(number: int) -> bool:
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


class HelloFront:
    """Stands before a TLS server on this machine and notes the hello of each connection that it passes on.

    `target` is the server's port. The server sees a connection of ours: `of` gives the hello behind it by the
    port that it comes from.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._hellos: dict[int, ClientHello] = {}

    def of(self, port: int) -> ClientHello | None:
        """The hello of the connection that comes from this port."""
        return self._hellos.get(port)

    @contextlib.asynccontextmanager
    async def serving(self, listener: socket.socket | None = None) -> AsyncIterator[int]:
        """Take connections, at any free port without a listening socket; the port they are taken at."""
        if listener is None:
            server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        else:
            server = await asyncio.start_server(self._pass_on, sock=listener)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, NoHello):
            async with asyncio.timeout(_SECONDS):
                begin = await _begin(reader)
            there, onward = await asyncio.open_connection("127.0.0.1", self._target)
            if hello := read_hello(begin):
                self._hellos[onward.get_extra_info("sockname")[1]] = hello
            onward.write(begin)
            await asyncio.gather(_copy(reader, onward), _copy(there, writer))
        writer.close()


async def _begin(reader: asyncio.StreamReader) -> bytes:
    begin = b""
    while piece := await reader.read(_PIECE):
        begin += piece
        if read_hello(begin) is not None:
            break
    return begin


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()
