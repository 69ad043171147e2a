"""Which browser these tests drive: the one the project itself would take."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

SYSTEM_BROWSER = "/usr/bin/chromium-headless-shell"

expect.set_options(timeout=30_000)
"""Milliseconds: a password is hashed for seconds on a machine that does other things, too."""


@pytest.fixture(scope="session")
def base_url() -> None:
    """No common address. It stands in for a plugin's fixture of that name, which pytest 9 deprecates."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    candidates = (os.environ.get("METERFARM_BROWSER"), SYSTEM_BROWSER)
    found = next((path for path in candidates if path and Path(path).exists()), None)
    arguments = ["--disable-background-networking"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return browser_type_launch_args | {"args": arguments} | ({"executable_path": found} if found else {})
