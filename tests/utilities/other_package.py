"""The package as it would be with more utilities: a tree of links with folders beside the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

PACKAGE = Path(__file__).absolute().parents[2]
_LEFT_OUT = {"tests"}


def package_with(root: Path, folders: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Make it in ``root``: utility folders with files of these texts. The environment to run it with."""
    package = root / "meterfarm"
    utilities = package / "utilities"
    utilities.mkdir(parents=True)
    for path in PACKAGE.iterdir():
        if not path.name.startswith((".", "_")) and path.name not in {*_LEFT_OUT, "utilities"}:
            (package / path.name).symlink_to(path)
    (package / "__init__.py").symlink_to(PACKAGE / "__init__.py")
    for path in (PACKAGE / "utilities").iterdir():
        if path.name != "__pycache__":
            (utilities / path.name).symlink_to(path)
    for name, files in folders.items():
        (utilities / name).mkdir()
        for file, text in files.items():
            (utilities / name / file).write_text(text, encoding="utf-8")
    return environment_of(root)


def distribution(
    folder: Path,
    name: str,
    entry_points: Mapping[str, str],
    files: Mapping[str, str],
    portals: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """An installed distribution in ``folder``: its modules and its metadata, utilities and fake portals."""
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    groups = {"meterfarm.utilities": entry_points, "meterfarm.fake_portals": portals}
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


def environment_of(*folders: Path) -> dict[str, str]:
    """For a child that imports from these folders first."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("METERFARM_")}
    kept = {name: text for name, text in kept.items() if name not in ("REDIS_URL", "DATABASE_URL")}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, folders))}


def ran(environment: Mapping[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What Python did with these arguments."""
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
