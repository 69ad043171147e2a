"""systemd reads the units as they are meant, and finds them closed to what they need not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    """As it would find them, were this checkout in /opt."""
    placed = tmp_path / unit.name
    placed.write_text(unit.read_text().replace("/opt/meterfarm", str(ROOT)))
    ran = subprocess.run(["systemd-analyze", "verify", placed], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_little_is_left_open(unit: Path) -> None:
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, check=False
    )
    found = re.search(r"exposure level for \S+: (\d+\.\d)", ran.stdout)
    assert found is not None, ran.stderr
    assert float(found[1]) < 3
