"""The night's report: one HTML file for people, JSON and JUnit XML for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from meterfarm.nightly.evidence import Kept, screenshot
from meterfarm.nightly.history import Change, changes, is_slower, trend, usual
from meterfarm.nightly.junit import as_junit
from meterfarm.nightly.nightly_run import PAIRED, NightlyRun, Remembered, Result, remembered
from meterfarm.nightly.verdicts import UtilityVerdict, verdicts

HTML, JSON, JUNIT = "index.html", "nightly.json", "junit.xml"
_BARS = 14
_BAR_WIDTH, _BAR_HEIGHT = 5, 18


@dataclass(frozen=True, slots=True)
class _ReportCell:
    """A customer at a portal, as the matrix shows it."""

    result: Result
    usual: float | None
    is_slower: bool
    bars: Sequence[tuple[int, float]]
    files: Sequence[Kept]
    screenshot: str

    @property
    def anchor(self) -> str:
        """Where in the page it is, if it is not as meant."""
        return self.result.key.replace(" ", "-")

    @property
    def outcomes(self) -> str:
        return ", then ".join(self.result.outcomes)

    @property
    def meant(self) -> str:
        return ", then ".join(visit.meant for visit in self.result.visits)


@dataclass(slots=True)
class _ReportRow:
    """A customer at a portal: as entered, and on each way of their form."""

    visit: _ReportCell | None = None
    forms: list[_ReportCell] = field(default_factory=list)

    @property
    def is_wrong(self) -> bool:
        """Whether any of it is not as meant."""
        return not all(cell.result.is_well for cell in [*filter(None, [self.visit]), *self.forms])


def write_report(
    night: NightlyRun, nights: Sequence[Remembered], evidence: Mapping[str, Sequence[Kept]], folder: Path
) -> None:
    """Write the three files; ``nights`` are those before this one. Raises OSError."""
    brought = changes(nights, remembered(night))
    cells = {result.key: _cell(result, nights, evidence.get(result.key, ())) for result in night.every}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HTML).write_text(_html(night, nights, brought, cells, evidence), encoding="utf-8")
    document = as_document(night, brought, bool(nights), cells, evidence)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (folder / JSON).write_text(text, encoding="utf-8")
    (folder / JUNIT).write_bytes(as_junit(night))


def as_document(
    night: NightlyRun,
    brought: Sequence[Change],
    has_earlier: bool,
    cells: Mapping[str, _ReportCell],
    evidence: Mapping[str, Sequence[Kept]],
) -> dict[str, Any]:
    """What docs/nightly.md describes."""
    return {
        "at": night.at.isoformat(),
        "seconds": night.seconds,
        "parts": [{"at": part.at.isoformat(), "seconds": part.seconds} for part in night.parts],
        "as_meant": night.is_well,
        "portals": [
            {"id": portal.id, "name": portal.name, "violations": list(portal.complaints)}
            for portal in night.portals
        ],
        "live": [_live_row(verdict, evidence) for verdict in verdicts(night) if night.live],
        "customers": [_row(cells[result.key]) for result in night.results],
        "quirks": [_row(cells[result.key]) | {"quirks": result.quirks} for result in night.quirks],
        "forms": [_row(cells[result.key]) | {"way": result.way} for result in night.forms],
        "changes": [asdict(change) for change in brought] if has_earlier else None,
    }


def _live_row(verdict: UtilityVerdict, evidence: Mapping[str, Sequence[Kept]]) -> dict[str, Any]:
    fake, look = verdict.fake, verdict.live
    return {
        "id": verdict.id,
        "verdict": list(verdict.words),
        "fake": asdict(fake) if fake else None,
        "look": {
            "address": look.address,
            "outcome": look.outcome,
            "message": look.message,
            "seconds": look.took,
            "evidence": [file.link for file in evidence.get(look.key, ())],
        }
        if look
        else None,
    }


def _row(cell: _ReportCell) -> dict[str, Any]:
    result = cell.result
    return {
        "portal": result.portal,
        "username": result.username,
        "for": result.purpose,
        "as_meant": result.is_well,
        "differences": list(result.differences),
        "visits": [
            {
                "meant": visit.meant,
                "outcome": visit.outcome,
                "message": visit.message,
                "seconds": dict(visit.seconds),
            }
            for visit in result.visits
        ],
        "seconds": result.took,
        "usual_seconds": cell.usual,
        "evidence": [file.link for file in cell.files],
    }


def _html(
    night: NightlyRun,
    nights: Sequence[Remembered],
    brought: Sequence[Change],
    cells: Mapping[str, _ReportCell],
    evidence: Mapping[str, Sequence[Kept]],
) -> str:
    # Loaded only here: it takes a while.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = FileSystemLoader(Path(__file__).parent)
    page = Environment(loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    matrix: dict[str, dict[tuple[str, str], _ReportRow]] = {}
    for result in [*night.results, *night.forms]:
        of_portal = matrix.setdefault(result.portal, {})
        row = of_portal.setdefault((result.username, result.purpose), _ReportRow())
        if result.way:
            row.forms.append(cells[result.key])
        else:
            row.visit = cells[result.key]
    quirks: dict[str, dict[str, _ReportCell]] = {}
    for result in night.quirks:
        quirks.setdefault(result.quirks, {})[result.portal] = cells[result.key]
    steps = {step: _step(night, step) for step in ("sign_in", "collect")}
    return page.get_template("report.html").render(
        night=night,
        matrix=matrix,
        quirks=quirks,
        paired=PAIRED,
        failed=[cells[result.key] for result in night.failed],
        utilities=verdicts(night) if night.live else (),
        looks=[
            (look, evidence.get(look.key, ()), screenshot(evidence.get(look.key, ())))
            for look in night.live
            if not look.is_as_declared
        ],
        changes=brought,
        last=nights[-1] if nights else None,
        usual=usual([earlier.seconds for earlier in nights[-_BARS:] if earlier.is_well]),
        bars=_bars([*(earlier.seconds for earlier in nights[-_BARS + 1 :]), night.seconds]),
        steps=steps,
        bar_width=_BAR_WIDTH,
        bar_height=_BAR_HEIGHT,
        slower=[cell for cell in cells.values() if cell.is_slower],
    )


def _cell(result: Result, nights: Sequence[Remembered], files: Sequence[Kept]) -> _ReportCell:
    before = trend(nights, result.key)
    return _ReportCell(
        result,
        usual(before),
        result.is_well and is_slower(result.took, before),
        _bars([*before[-_BARS + 1 :], result.took]),
        files,
        "" if result.is_well else screenshot(files),
    )


def _bars(seconds: Sequence[float]) -> Sequence[tuple[int, float]]:
    """Where each bar begins and how high it is, the longest as high as there is room."""
    highest = max(seconds, default=0.0) or 1.0
    return [
        (number * (_BAR_WIDTH + 1), max(1.0, round(_BAR_HEIGHT * lasted / highest, 1)))
        for number, lasted in enumerate(seconds)
    ]


def _step(night: NightlyRun, step: str) -> tuple[float, float] | None:
    """A step's usual and longest seconds."""
    took = [
        visit.seconds[step] for result in night.results for visit in result.visits if step in visit.seconds
    ]
    middle = usual(took)
    return None if middle is None else (middle, max(took))
