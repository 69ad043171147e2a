"""A stand-in of a real company's portal, under its own host names by https, with a map that leads there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meterfarm.fake_utility.kit.clock import Clock, parse_time
from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.delivery import Delivery
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.kit.state import PortalContext, PortalState
from meterfarm.support.local_hosts import LocalHosts
from tests.tls_site import served_by_tls


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
    with served_by_tls(app, folder, *portal.hosts) as hosts:
        yield StandIn(portal, state, hosts)
