"""Who reads an answer slowly takes nothing from others: no thread, no connection to the database."""

from __future__ import annotations

import base64
import socket
import time
from contextlib import ExitStack

from tests.api.server import ApiServer
from tests.storage.made import ACCOUNT, EXPORT, UTILITY, series

_READERS = 100
_QUARTERS = 4 * 24 * 365
"""A year of them is 5 MB: far more than lies in buffers on the way."""


def test_a_hundred_slow_readers_of_intervals_hold_up_nobody(api: ApiServer) -> None:
    customer = api.store.customers.ensure(UTILITY, "slow@bayou.energy")
    account = api.store.accounts.save(customer, ACCOUNT)
    api.store.readings.save(account, EXPORT, "year", [series(range(_QUARTERS), start=1_700_006_400)])
    port = api.client.base_url.port or 0
    credentials = base64.b64encode(f"{api.key}:".encode()).decode()
    path = f"/api/v2/customers/{customer.id}"
    head = f"GET {path}/intervals HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {credentials}\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(_READERS):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.settimeout(30)
            line.connect(("127.0.0.1", port))
            line.sendall(head.encode())
        began = time.monotonic()
        assert api.client.get(path).status_code == 200
        first = time.monotonic() - began
        assert line.recv(12) == b"HTTP/1.1 200", "the last of them is served, too"
        began = time.monotonic()
        assert [api.client.get(path).status_code for _ in range(10)] == [200] * 10
        assert first < 8, "it is answered while a hundred begin"
        assert time.monotonic() - began < 5
