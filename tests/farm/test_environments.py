"""No child of ours has our secrets in its environment: not the driver, a browser, nor the private Redis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.scrapers.browser.chromium import Chromium
from tests.descendants import below

pytestmark = pytest.mark.usefixtures("own_driver")

ROOT = Path(__file__).parents[2]
CANARY = "canary-of-the-environment"
SECRETS = (
    *("METERFARM_SECRET_KEYS", "DATABASE_URL", "REDIS_URL", "FILES_URL", "BROWSER_TOKEN", "PGPASSWORD"),
    *("TWILIO_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS"),
)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, CANARY)


def environments(root: int) -> dict[str, str]:
    """By command line, what the kernel shows of each process below ``root``."""
    found = {}
    for pid in below(root):
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found[f"{command} {pid}"] = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    return found


def holders(found: dict[str, str]) -> list[str]:
    return [command[:200] for command, environment in found.items() if CANARY in environment]


async def test_driver_browser_and_renderer_have_none(tmp_path: Path) -> None:
    async with Chromium(["127.0.0.1"], tmp_path) as chromium:
        page = await (await chromium.browser()).new_page()
        await page.set_content("<h1>Your bills</h1>")
        found = environments(os.getpid())
    for part in ("run-driver", "--type=renderer", "--type=zygote", "--type=gpu-process"):
        assert any(part in command for command in found), (part, list(found))
    assert not holders(found)
    browsers = [environment for command, environment in found.items() if "--type" not in command]
    assert any(f"TMPDIR={tmp_path}" in environment for environment in browsers), "profiles are elsewhere"


def test_the_private_redis_has_none(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path):
        found = environments(os.getpid())
    assert any("redis-server" in command for command in found), list(found)
    assert not holders(found)


FORKING = """
import asyncio, json, os
from meterfarm.farm.workers.zygote import Zygote
from tests.farm.test_environments import environments, holders

async def go(zygote):
    child = await zygote.start([], {**os.environ})
    await child.began()
    found = environments(os.getpid())
    print(json.dumps([len(found), holders(found)]))
    child.kill()

with Zygote("meterfarm.worker") as zygote:
    asyncio.run(go(zygote))
"""


def test_workers_show_none_of_what_they_were_given() -> None:
    """They get it through a pipe, and the process that they are forked from keeps none to be seen."""
    ran = subprocess.run(
        [sys.executable, "-c", FORKING],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    children, with_secrets = json.loads(ran.stdout)
    assert children >= 2
    assert not with_secrets
