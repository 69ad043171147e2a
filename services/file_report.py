"""What was read of a file: its kinds, series, bills and issues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meterfarm.formats.recognise import Kind
from meterfarm.records import Issue, Severity
from meterfarm.services.series_totals import Tally

_MOST_ISSUES = 100
_WEIGHTS = list(Severity)


@dataclass(slots=True)
class FileReport:
    """``kinds`` and ``layouts`` are of its documents: a ZIP may have several."""

    file: str
    kinds: list[Kind] = field(default_factory=list)
    layouts: list[str] = field(default_factory=list)
    bills: list[Mapping[str, object]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    issues: list[Issue] = field(default_factory=list)
    _left_out: int = 0

    @property
    def kind(self) -> Kind:
        """The first in ``Kind``'s order that any of its documents is."""
        return min(self.kinds, key=list(Kind).index, default=Kind.UNKNOWN)

    @property
    def layout(self) -> str:
        """The layouts of its documents, by name."""
        return ", ".join(dict.fromkeys(filter(None, self.layouts)))

    @property
    def refused(self) -> bool:
        """Whether something of it was not read."""
        return any(issue.severity is Severity.ERROR for issue in self.issues)

    def add(self, issue: Issue) -> None:
        """Add an issue; of very many the first are kept, then a count of the others."""
        if len(self.issues) < _MOST_ISSUES:
            self.issues.append(issue)
            return
        self._left_out += 1
        if self._left_out > 1:
            before = self.issues.pop().severity
            issue = Issue("", "", max(before, issue.severity, key=_WEIGHTS.index))
        self.issues.append(Issue("", f"{self._left_out} more of the kind.", issue.severity))
