"""One Playwright driver and one Chromium for all processes of a test session, each with contexts of its own.

Starting Node.js and a browser takes more processor time than most of the visits that tests make. What is
under test is the same: it starts what PLAYWRIGHT_NODEJS_PATH names, with pipes. Here that is a program which
passes everything to the driver that runs already. Tests of a driver's or a browser's process have their own.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from meterfarm.support.environment import child_environment

VARIABLE = "PLAYWRIGHT_NODEJS_PATH"
_CLOSE_SECONDS = 20.0
_SERVER = Path(__file__).with_suffix(".cjs")
_RELAY = """#!{python} -ISE
import os, select, socket, sys
if sys.argv[2:] != ["run-driver"]:
    os.execv({node!r}, [{node!r}, *sys.argv[1:]])
driver = socket.socket(socket.AF_UNIX)
driver.connect({address!r})
ways = {{0: driver.fileno(), driver.fileno(): 1}}
while driver.fileno() in ways:
    for source in select.select(list(ways), [], [])[0]:
        data = os.read(source, 1 << 20)
        target = ways[source]
        if not data:
            del ways[source]
            if source == 0:
                driver.shutdown(socket.SHUT_WR)
        while data:
            data = data[os.write(target, data):]
"""


@contextmanager
def shared_driver(folder: Path) -> Iterator[Path]:
    """The program to name as Playwright's Node.js; ``folder`` is the driver's own, and short."""
    node, cli = compute_driver_executable()
    address = str(folder / "driver")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(100)
        driver = subprocess.Popen(
            [node, str(_SERVER), str(Path(cli).parent), str(listening.fileno())],
            env=child_environment(TMPDIR=str(folder)),
            stdin=subprocess.PIPE,
            pass_fds=(listening.fileno(),),
            start_new_session=True,
        )
    relay = folder / "node"
    relay.write_text(_RELAY.format(python=sys.executable, node=node, address=address))
    relay.chmod(0o700)
    try:
        yield relay
    finally:
        _end(driver)


def _end(driver: subprocess.Popen[bytes]) -> None:
    """Close its standard input; a driver that waits for a browser that hangs is killed."""
    if driver.stdin is not None:
        driver.stdin.close()
    try:
        driver.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
