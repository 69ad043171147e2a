"""The QuickStart programs of the page that is named run to their end against `up`, as they are written."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from meterfarm.console.farm.fake_owners import Owner
from meterfarm.nightly.form_filling import FormFilling
from meterfarm.scrapers.browser.chromium import Chromium
from tests.external.quickstart_programs import Api, led_to, programs

ROOT = Path(__file__).parents[2]
_CLI = (sys.executable, "-P", "-m", "meterfarm.cli")
_MODULES = ROOT / ".venv" / "quickstarts" / "node_modules"
_USERNAME, _PASSWORD = "iamvalid@bayou.energy", "validpassword"
_INTERPRETERS = {"python": sys.executable, "javascript": "node", "ruby": "ruby"}
_SUFFIXES = {"python": "py", "javascript": "cjs", "ruby": "rb"}
_SECONDS = 300


class Running:
    """`up`, and commands in the same state."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("METERFARM_")
        } | {"METERFARM_HOME": str(home)}
        log = home.parent / "up.log"
        up = subprocess.Popen(
            [*_CLI, "up", "--port", "0", "--api-port", "0"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=stack.enter_context(log.open("w")),
            text=True,
        )
        stack.callback(_stop, up)
        assert up.stdout is not None
        line = next((line for line in up.stdout if line.startswith("The API: ")), "")
        assert line, log.read_text()
        address = httpx.URL(line.split()[2])
        key = json.loads(self.command("key", "create", "--json"))["key"]
        self.api = Api(address.host, address.port or 0, key)
        self.client = stack.enter_context(httpx.Client(base_url=address, auth=(key, "")))

    def command(self, *arguments: str, given: str = "") -> str:
        """What it prints."""
        done = subprocess.run(
            [*_CLI, *arguments],
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _get(client: httpx.Client, path: str) -> Any:
    """The JSON that the API answers."""
    return client.get(path).raise_for_status().json()


def _waiting_customer(client: httpx.Client) -> int:
    """The one that a program has added and waits for; others have their login."""

    def without_login() -> Sequence[Any]:
        return [each for each in _get(client, "customers") if not each["has_filled_credentials"]]

    patiently = Retrying(
        stop=stop_after_delay(30), wait=wait_fixed(0.2), retry=retry_if_result(lambda found: not found)
    )
    (customer,) = patiently(without_login)
    return int(customer["id"])


def _by_command(running: Running, customer: int, _scratch: Path) -> None:
    """Whoever runs the farm enters the login."""
    running.command(
        *("customer", "update", str(customer), "--username", _USERNAME, "--password-stdin"),
        given=f"{_PASSWORD}\n",
    )


def _by_form(running: Running, customer: int, scratch: Path) -> None:
    """The customer follows their link, and fills in the form in a browser."""
    link = _get(running.client, f"customers/{customer}")["onboarding_link"]

    async def fill_in() -> str:
        async with (
            Chromium(["127.0.0.1"], scratch) as chromium,
            await (await chromium.browser()).new_page() as page,
        ):
            filling = FormFilling(page, Owner.RIGHT, str)
            await filling.begin(link, _USERNAME)
            return await filling.to_its_end(is_patient=True)

    assert asyncio.run(asyncio.wait_for(fill_in(), _SECONDS)) == "done"


def _stop(up: subprocess.Popen[str]) -> None:
    with up:
        up.terminate()
        assert up.wait(30) == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ExitStack() as stack:
        yield Running(tmp_path_factory.mktemp("quickstarts") / "home", stack)


@pytest.fixture(scope="module")
def document(request: pytest.FixtureRequest) -> str:
    return Path(request.config.getoption("--quickstarts")).read_text(encoding="utf-8")


@pytest.mark.timeout(_SECONDS + 60)
@pytest.mark.parametrize(
    ("language", "entered"),
    [*((language, _by_command) for language in _INTERPRETERS), ("python", _by_form)],
    ids=[*_INTERPRETERS, "python, by the form"],
)
def test_a_program_written_for_bayou_runs_to_its_end(
    running: Running,
    document: str,
    language: str,
    entered: Callable[[Running, int, Path], None],
    tmp_path: Path,
) -> None:
    """It prints bills and intervals of the customer whose login was entered while it waited.

    Each has a customer of its own in one company, all with the same login.
    """
    assert shutil.which(_INTERPRETERS[language]), f"install {language}"
    file = tmp_path / f"quickstart.{_SUFFIXES[language]}"
    client = running.client
    file.write_text(led_to(language, programs(document)[language], running.api), encoding="utf-8")
    with (tmp_path / "printed").open("w+", encoding="utf-8") as printed:
        process = subprocess.Popen(
            [_INTERPRETERS[language], file],
            env=os.environ | {"NODE_PATH": str(_MODULES), "PYTHONUTF8": "1", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
        )
        try:
            customer = _waiting_customer(client)
            entered(running, customer, tmp_path / "browser")
            status = process.wait(_SECONDS)
        finally:
            process.kill()
        printed.seek(0)
        said = printed.read()
        assert status == 0, said[-3000:]
        newest = _get(client, f"customers/{customer}/bills")[0]
        assert str(newest["id"]) in said
        assert newest["account_number"] in said
        for meter in _get(client, f"customers/{customer}/intervals")["meters"]:
            assert meter["id"] in said
            assert meter["intervals"][0]["start"] in said
