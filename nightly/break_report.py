"""The table of broken scripts and what caught each: for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meterfarm.nightly.breaking import Broken

HTML, JSON = "broken.html", "broken.json"


def write_broken(broken: Broken, wanted: float, folder: Path) -> None:
    """Raises OSError."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_text(json.dumps(as_document(broken, wanted), indent=2) + "\n", encoding="utf-8")
    templates = FileSystemLoader(Path(__file__).parent)
    page = Environment(loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    html = page.get_template("broken.html").render(broken=broken, wanted=wanted, at=datetime.now(UTC))
    (folder / HTML).write_text(html, encoding="utf-8")


def as_document(broken: Broken, wanted: float) -> Mapping[str, Any]:
    """The report of the broken scripts as JSON; `wanted` is the share to be caught."""
    return {
        "tried": len(broken.verdicts),
        "caught": broken.caught,
        "share": round(broken.share, 4),
        "wanted": wanted,
        "not_tried": broken.left,
        "seconds": broken.seconds,
        "breaks": [
            {
                **{
                    name: value
                    for name, value in asdict(verdict.mutant).items()
                    if name not in ("source", "names")
                },
                "utility": verdict.utility,
                "caught": verdict.is_caught,
                "caught_by": verdict.caught_by,
                "how": verdict.how,
                "customers_tried": verdict.tried,
            }
            for verdict in broken.verdicts
        ],
    }
