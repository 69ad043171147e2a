"""The environment of child processes: what any program needs, and none of our settings and secrets.

It is a list of what is passed on, not of what is kept back: secrets of other programs, like the keys of a
cloud, have names that nobody here knows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from meterfarm.support.errors import MachineError

_NAMES = frozenset(
    {
        *("HOME", "LOGNAME", "PATH", "SHELL", "USER"),
        *("LANG", "LANGUAGE", "TZ", "TZDIR"),
        *("TEMP", "TMP", "TMPDIR"),
        *("LD_LIBRARY_PATH", "LIBGL_ALWAYS_SOFTWARE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
        *("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),
        *("CHROME_DEVEL_SANDBOX", "PLAYWRIGHT_BROWSERS_PATH", "PLAYWRIGHT_NODEJS_PATH"),
        *("NODE_COMPILE_CACHE", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"),
        *("NO_PROXY", "no_proxy"),
    }
)
_PREFIXES = ("FONTCONFIG_", "LC_", "XDG_")
_PROXY = re.compile("(all|ftp|http|https|socks|socks5)_proxy", re.IGNORECASE)


def state_directory(home: Path | None = None) -> Path:
    """Where state is kept: METERFARM_HOME, or ``.meterfarm`` here; a ``~`` is expanded.

    Raises:
        MachineError: it names no user's home.
    """
    home = home or Path(os.environ.get("METERFARM_HOME") or ".meterfarm")
    try:
        return home.expanduser()
    except RuntimeError as exc:
        raise MachineError(
            f"There is no home directory behind {home.parts[0]} in the state directory {home}; "
            "set METERFARM_HOME to another one."
        ) from exc


def python_path() -> str:
    """PYTHONPATH for a child that is to import the same ``meterfarm``, of a checkout or a wheel."""
    ours = str(Path(__file__).absolute().parents[2])
    return os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))


def child_environment(**also: str) -> dict[str, str]:
    """What a child gets of this process's environment, and ``also``, which goes before.

    Proxies are passed on without the user and password in their address.
    """
    return {**_needed(os.environ), **also}


def _needed(environment: Mapping[str, str]) -> dict[str, str]:
    needed = {
        name: value for name, value in environment.items() if name in _NAMES or name.startswith(_PREFIXES)
    }
    proxies = {name: value for name, value in environment.items() if _PROXY.fullmatch(name)}
    return needed | {name: proxy for name, value in proxies.items() if (proxy := _without_user(value))}


def _without_user(address: str) -> str:
    """A proxy's address, with or without a scheme, and without who may use it; "" if it is none."""
    if "@" not in address:
        return address
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, "", "", "")) if host else ""
    except ValueError:
        return ""
