"""compose.yaml is one, by the judgement of a program that runs such files."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _judged(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker-compose", "config"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_compose_accepts_it(tmp_path: Path) -> None:
    done = _judged(ROOT)
    assert done.returncode == 0, done.stderr
    for service in ("api", "worker", "postgres", "redis"):
        assert f"{service}:" in done.stdout
    broken = tmp_path / "compose.yaml"
    broken.write_text((ROOT / "compose.yaml").read_text().replace("restart: unless-stopped", "restrat: no"))
    assert _judged(tmp_path).returncode != 0, "it is a judgement"
