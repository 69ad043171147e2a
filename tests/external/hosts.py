"""Several hosts on this machine: namespaces on a bridge. Needs root and iproute2.

Each host has an address and a cable, which can be pulled. Nothing but the bridge connects them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

ROOT = Path(__file__).parents[2]
_NET = "10.77.61"
_BRIDGE = "mfbr"
HERE = f"{_NET}.254"
"""The address of this process among them."""


def ip(*arguments: str) -> None:
    """Raises AssertionError with what `ip` says."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@dataclass
class Host:
    """A host by its number; ``run`` starts a process there, which ends with the host."""

    number: int
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"mfhost{self.number}"

    @property
    def address(self) -> str:
        return f"{_NET}.{self.number}"

    def inside(self, command: Sequence[str | Path]) -> list[str]:
        """The command as it is run on this host, with processes and a host name of its own."""
        return [
            *("ip", "netns", "exec", self.name),
            *("unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("sh", "-c", 'hostname "$0"; exec "$@"', self.name),
            *map(str, command),
        ]

    def run(
        self, command: Sequence[str | Path], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[str]:
        """Start it; what it says goes to ``log``."""
        with log.open("a") as file:
            process = subprocess.Popen(
                self.inside(command),
                env={**environment},
                cwd=ROOT,
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def python(self, module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        """Start a module of ours."""
        given = environment
        self.run([sys.executable, "-P", "-m", module, *arguments], given, log)

    def forward(self, port: int, to: str, environment: Mapping[str, str], log: Path) -> None:
        """Hand on what connects to the port of its loopback; on return it listens."""
        self.python("tests.external.forward", f"127.0.0.1:{port}", to, environment=environment, log=log)
        listening = ["ip", "netns", "exec", self.name, "ss", "-Hltn", f"sport = :{port}"]
        Retrying(
            stop=stop_after_delay(60), wait=wait_fixed(0.2), retry=retry_if_result(lambda found: not found)
        )(subprocess.check_output, listening)

    def cut_off(self) -> None:
        """Pull its cable."""
        ip("link", "set", f"{_BRIDGE}{self.number}", "down")

    def reconnect(self) -> None:
        ip("link", "set", f"{_BRIDGE}{self.number}", "up")

    def end(self) -> None:
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts on a bridge, to which this process is connected too."""
    if os.geteuid() != 0:
        raise AssertionError("Namespaces need root: run `./run check-external` as root.")
    with ExitStack() as stack:
        ip("link", "add", _BRIDGE, "type", "bridge")
        stack.callback(ip, "link", "delete", _BRIDGE)
        ip("address", "add", f"{HERE}/24", "dev", _BRIDGE)
        ip("link", "set", _BRIDGE, "up")
        there = []
        for number in range(1, count + 1):
            host = Host(number)
            ip("netns", "add", host.name)
            stack.callback(ip, "netns", "delete", host.name)
            cable = f"{_BRIDGE}{number}"
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            stack.callback(ip, "link", "delete", cable)  # a namespace may outlive its name for a while
            ip("link", "set", cable, "master", _BRIDGE, "up")
            ip("-netns", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
            ip("-netns", host.name, "link", "set", "lo", "up")
            ip("-netns", host.name, "link", "set", "eth0", "up")
            stack.callback(host.end)
            there.append(host)
        yield there
