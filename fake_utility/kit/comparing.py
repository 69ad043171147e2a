"""A portal that knows who goes on by the TLS hello it began with, as the guards before some real ones do."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from meterfarm.fake_utility.kit.tls_hello import ClientHello

_HELLO: ContextVar[ClientHello | None] = ContextVar("hello of the connection", default=None)


@contextmanager
def said_hello(hello: ClientHello | None) -> Iterator[None]:
    """Around the answer to a request that came by such a connection; None: nobody looks."""
    before = _HELLO.set(hello)
    try:
        yield
    finally:
        _HELLO.reset(before)


class HelloBook:
    """By which hello sessions, or families of tokens, began; of those that began where nobody looks, none."""

    def __init__(self) -> None:
        self._began: dict[str, ClientHello] = {}

    def begin(self, key: str) -> None:
        """By that of this request."""
        if (hello := _HELLO.get()) is not None:
            self._began[key] = hello

    def is_other(self, key: str) -> bool:
        """Whether this request comes from another kind of client."""
        return key in self._began and self._began[key] != _HELLO.get()
