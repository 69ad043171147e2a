"""Which Chromium is taken, and what is said when there is none."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from meterfarm.scrapers.browser.chromium import BrowserMissing, Chromium, _kept_to, find_chromium
from meterfarm.support.local_hosts import NOTHING_LOCAL

pytestmark = pytest.mark.usefixtures("own_driver")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no browser at all."""
    monkeypatch.delenv("METERFARM_BROWSER", raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho no browser >&2\nexit 1\n")
    path.chmod(0o755)
    return path


def test_no_host_but_this_machine_is_found_in_clear() -> None:
    """A redirect, which no route sees, must not lead there."""
    assert _kept_to(["portal.example:443", "login.example", "127.0.0.1"], NOTHING_LOCAL) == [
        "--host-resolver-rules=MAP portal.example:443 portal.example:443, "
        "MAP login.example:443 login.example:443, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND"
    ]


def test_without_any_it_is_said_how_to_get_one(machine: Path) -> None:
    with pytest.raises(BrowserMissing, match="No Chromium is installed: install the package chromium"):
        find_chromium()
    with pytest.raises(BrowserMissing, match="--headed needs a full Chromium"):
        find_chromium(headed=True)


def test_the_headless_shell_goes_before_a_full_browser(machine: Path) -> None:
    full = _program(machine / "bin" / "chromium")
    assert find_chromium() == full
    shell = _program(machine / "bin" / "chromium-headless-shell")
    assert find_chromium() == shell
    own = _program(machine / "playwright" / "chromium_headless_shell-1" / "chrome-linux" / "headless_shell")
    assert find_chromium() == own
    assert find_chromium(headed=True) == full


def test_the_one_that_is_named_is_taken(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(machine / "bin" / "chromium")
    named = _program(machine / "elsewhere" / "mine")
    monkeypatch.setenv("METERFARM_BROWSER", str(named))
    assert find_chromium() == named
    monkeypatch.setenv("METERFARM_BROWSER", str(machine / "gone"))
    with pytest.raises(BrowserMissing, match=r"METERFARM_BROWSER names .*gone, which is not there"):
        find_chromium()


async def test_one_that_does_not_start_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERFARM_BROWSER", str(_program(machine / "broken")))
    async with Chromium(["127.0.0.1"], machine) as chromium:
        with pytest.raises(BrowserMissing, match="broken does not start"):
            await chromium.browser()


@pytest.mark.parametrize("can", [True, False])
async def test_an_ordinary_user_has_a_sandbox_or_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can: bool
) -> None:
    """A program before the browser says that it cannot, or can: no matter who runs the test."""
    real, asked = shlex.quote(str(find_chromium())), tmp_path / "asked"
    program = _program(tmp_path / "browser")
    without = "" if can else "case $* in *--no-sandbox*) ;; *) echo No usable sandbox! >&2; exit 1 ;; esac\n"
    program.write_text(f'#!/bin/sh\necho "$*" >>{asked}\n{without}exec {real} "$@" --no-sandbox\n')
    monkeypatch.setenv("METERFARM_BROWSER", str(program))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with capture_logs() as logged:
        async with Chromium(["127.0.0.1"], tmp_path) as chromium:
            assert (await chromium.browser()).is_connected()
    given = ["--no-sandbox" in line for line in asked.read_text().splitlines()]
    assert given == ([False] if can else [False, True])
    assert [line["event"] for line in logged] == ([] if can else ["sandbox.missing"])
