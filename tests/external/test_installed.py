"""The wheel as pip installs it, on each Python that is found, beside a distribution with a room's name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.installed import FIVE_LINES, ROOT, Installed, build_wheel

_SAMPLE = ROOT / "utilities" / "speculoos_power" / "samples" / "intervals_gas_autumn" / "input.xml"
_VERSIONS = ("3.11", "3.12", "3.13")


def _pythons() -> dict[str, str]:
    """By version: the one that runs this, those on the path, those of pyenv."""
    found = {f"3.{sys.version_info.minor}": sys.executable}
    for version in _VERSIONS:
        candidates = [shutil.which(f"python{version}") or ""]
        candidates += map(str, Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
        for each in filter(None, candidates):
            if subprocess.run([each, "-c", ""], capture_output=True, check=False).returncode == 0:
                found.setdefault(version, each)
    return found


_PYTHONS = _pythons()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", sorted(_PYTHONS))
def test_pip_installs_it_with_one_extra_after_another(version: str, wheel: Path, tmp_path: Path) -> None:
    subprocess.run([_PYTHONS[version], "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    installed = Installed(tmp_path / "venv")

    _pip(installed, str(wheel))
    assert installed.size < 150_000_000
    _pip(installed, "records")
    assert (installed.packages / "records.py").exists()
    read = installed.run("read", _SAMPLE, "--json")
    assert json.loads(read.stdout)["kind"] == "green_button", read.stderr
    assert "needs the extra `farm`: pip install 'meterfarm[farm]'" in installed.run("up").stderr

    _pip(installed, f"{wheel}[scrape,fake]")
    five = installed.python_code(FIVE_LINES)
    assert five.stdout.splitlines()[0] == "complete True True", five.stderr

    _pip(installed, f"{wheel}[arrow]")
    frame = f"import meterfarm; print(len(meterfarm.read({str(_SAMPLE)!r}).readings.to_pandas()))"
    assert int(installed.python_code(frame).stdout) > 0

    _pip(installed, f"{wheel}[farm]")
    assert any("http://127.0.0.1:" in line for line in installed.up())


def _pip(installed: Installed, what: str) -> None:
    done = subprocess.run(
        [installed.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
