"""All portals in one process: those with host names behind one TLS socket, any other on its own port."""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.certificates import Certificates, certificates
from meterfarm.fake_utility.kit.comparing import said_hello
from meterfarm.fake_utility.kit.controls import Controls
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.kit.state import PortalContext, PortalState
from meterfarm.fake_utility.kit.tls_hello import HelloFront
from meterfarm.fake_utility.listening import LOOPBACK, listen
from meterfarm.fake_utility.registry import why_not
from meterfarm.fake_utility.server import Served

CONTROLS = "/portals"
"""Below this path of the first http address each portal's control pages are found, by its id."""
NONE_BROKEN: Mapping[str, str] = {}
_NOBODY = PlainTextResponse("No portal has this name.\n", 421)


class ServedPortals:
    """The portals, each with a state of its own, ready to be served while a `with` block lasts.

    `main` is the listening socket of the first portal without host names. Below `folder` the certificates are
    kept, and the file of host names as long as the block lasts. A portal that does not start is left out, and
    the addresses have it among the `broken` ones, with those that were before. With `compares_hello` portals
    with host names let only those go on who have the hello that they began with. Entering raises OSError.
    """

    def __init__(
        self,
        portals: Sequence[FakePortal],
        context: PortalContext,
        main: socket.socket,
        folder: Path,
        *,
        broken: Mapping[str, str] = NONE_BROKEN,
        compares_hello: bool = False,
    ) -> None:
        self._compares_hello = compares_hello
        self._main = main
        self._folder = folder
        self._apps: dict[str, ASGIApp] = {}
        self._states: dict[str, PortalState[Any]] = {}
        self._broken = dict(broken)
        for portal in portals:
            try:
                self._apps[portal.id], self._states[portal.id] = portal.make(context)
            except Exception as exc:  # noqa: BLE001 - whatever a broken portal raises, the others start
                self._broken[portal.id] = why_not(exc)
        self._portals = [portal for portal in portals if portal.id in self._apps]
        self._stack = ExitStack()
        self.served: Sequence[Served] = ()
        self.addresses = Addresses({}, {}, "")

    def __enter__(self) -> "ServedPortals":
        with ExitStack() as stack:
            local = [portal for portal in self._portals if not portal.hosts]
            named = [portal for portal in self._portals if portal.hosts]
            first = self._apps[local[0].id] if local else _NOBODY
            served = [Served(self._with_controls(first), stack.enter_context(self._main))]
            for portal in local[1:]:
                served.append(Served(self._apps[portal.id], stack.enter_context(listen(0))))
            http = {portal.id: _url(each.listener) for portal, each in zip(local, served, strict=False)}
            hosts = ""
            if named:
                secure = self._secure(named, stack)
                served.append(secure)
                hosts = str(self._write_hosts(named, secure, stack))
            controls = f"{_url(self._main)}{CONTROLS}"
            self.addresses = Addresses(
                http,
                {portal.id: f"{controls}/{portal.id}" for portal in self._portals},
                hosts,
                self._broken,
            )
            self.served = served
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _with_controls(self, app: ASGIApp) -> ASGIApp:
        """An application, and below `CONTROLS` the control pages of all portals."""
        controls = Starlette(
            routes=[
                Mount(f"{CONTROLS}/{portal_id}", routes=Controls(state).routes())
                for portal_id, state in self._states.items()
            ]
        )

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            is_control = scope["type"] == "http" and scope["path"].startswith(f"{CONTROLS}/")
            await (controls if is_control else app)(scope, receive, send)

        return dispatch

    def _secure(self, named: Sequence[FakePortal], stack: ExitStack) -> Served:
        """The portals with host names, by the name that is asked for."""
        apps = {host: self._apps[portal.id] for portal in named for host in portal.hosts}

        listener = stack.enter_context(listen(0))
        front = HelloFront(listener.getsockname()[1]) if self._compares_hello else None

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            host = dict(scope.get("headers", ())).get(b"host", b"").decode("latin-1").lower()
            with said_hello(front.of(scope["client"][1]) if front and scope.get("client") else None):
                await apps.get(host.partition(":")[0], _NOBODY)(scope, receive, send)

        taken_at = stack.enter_context(listen(0)) if front else None
        return Served(dispatch, listener, certificates(self._folder, list(apps)), front, taken_at)

    def _write_hosts(self, named: Sequence[FakePortal], secure: Served, stack: ExitStack) -> Path:
        port = (secure.taken_at or secure.listener).getsockname()[1]
        path = (self._folder / f"local-hosts-{self._main.getsockname()[1]}.json").absolute()
        stack.callback(path.unlink, missing_ok=True)
        if secure.certificates:
            write_hosts(path, [host for portal in named for host in portal.hosts], port, secure.certificates)
        return path


def write_hosts(path: Path, hosts: Sequence[str], port: int, made: Certificates) -> None:
    """The file of local host names: each one's address, the authority, and its certificate's key hash."""
    content = {
        "hosts": dict.fromkeys(hosts, f"{LOOPBACK}:{port}"),
        "authority": str(made.authority.absolute()),
        "spki": [made.spki],
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(path)


def _url(listener: socket.socket) -> str:
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"
