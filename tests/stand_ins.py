"""A stand-in of a real company's portal, under its own host names by https, with a map that leads there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from meterfarm.fake_utility.kit.clock import Clock, parse_time
from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.delivery import Delivery
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.kit.state import PortalContext, PortalState
from meterfarm.support.local_hosts import LocalHosts
from tests.local_site import listening
from tests.tls_site import certified


@dataclass(frozen=True)
class StandIn:
    """Where it is, and its state, which tests look into and change."""

    portal: FakePortal
    state: PortalState[Any]
    hosts: LocalHosts


@contextmanager
def stand_in(portal: FakePortal, folder: Path, now: str) -> Iterator[StandIn]:
    """Serve it, with its clock at ``now`` and running on."""
    context = PortalContext(b"k" * 32, Clock(parse_time(now)), Codes(random=True), Delivery())
    app, state = portal.make(context)
    made = certified(folder, *portal.hosts)
    with listening("127.0.0.1") as listener:
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_level="critical",
            timeout_graceful_shutdown=1,
            ssl_certfile=made.chain,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            target = f"127.0.0.1:{listener.getsockname()[1]}"
            yield StandIn(
                portal, state, LocalHosts(dict.fromkeys(portal.hosts, target), made.authority, [made.spki])
            )
        finally:
            server.should_exit = True
            thread.join()
