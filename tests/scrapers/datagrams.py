"""Who listens for datagrams that a page may make a browser send, and the page that tries."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_TRIES = """<!doctype html><h1>Your bills</h1><iframe></iframe><script>
const frame = document.querySelector("iframe").contentWindow;
const popup = window.open("about:blank") || window;
const fresh = document.body.appendChild(document.createElement("iframe")).contentWindow;
const lines = [];
function gathered(host, {RTCPeerConnection}) {
  if (!RTCPeerConnection) return 0;
  const servers = [{urls: "stun:" + host},
    ...["udp", "tcp"].map(way =>
      ({urls: `turn:${host}?transport=${way}`, username: "me", credential: "mine"}))];
  const line = new RTCPeerConnection({iceServers: servers});
  lines.push(line);
  line.createDataChannel("x");
  return new Promise(resolve => {
    line.onicecandidate = event => event.candidate || resolve();
    line.createOffer().then(offer => line.setLocalDescription(offer));
  });
}
const carry = "host => new WebTransport(`https://${host}/x`).ready.catch(() => 0)";
const work = `(${carry})(HOST).then(() => postMessage(0)).catch(() => postMessage(0))`;
const worked = host => new Promise(resolve => {
  const code = new Blob([work.replace("HOST", JSON.stringify(host))]);
  new Worker(URL.createObjectURL(code)).onmessage = resolve;
});
Promise.all([
  ...hosts.flatMap(host => [window, frame, fresh, popup].map(where => gathered(host, where))),
  ...hosts.map(eval(carry)),
  ...hosts.map(worked),
]).finally(() => document.title = "tried");
</script>"""


class Listener:
    """A UDP socket of ``host``."""

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address = f"{host}:{self.socket.getsockname()[1]}"

    def came(self) -> int:
        """How many datagrams have come."""
        number = 0
        while True:
            try:
                self.socket.recv(4096)
            except BlockingIOError:
                return number
            number += 1


@contextmanager
def listening(*hosts: str) -> Iterator[list[Listener]]:
    listeners = [Listener(host) for host in hosts]
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.socket.close()


def trying(listeners: list[Listener]) -> Route:
    """The page `/datagrams`, whose title is `tried` when it has tried all."""
    hosts = json.dumps([listener.address for listener in listeners])

    async def page(_: Request) -> Response:
        return HTMLResponse(_TRIES.replace("<script>", f"<script>const hosts = {hosts};", 1))

    return Route("/datagrams", page)
