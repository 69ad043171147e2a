"""A run in progress, live at the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from meterfarm.support.foreign_text import one_line

_WIDEST = 60


class _Mark(SpinnerColumn):
    """Turns while a task is under way; then how it ended."""

    def render(self, task: Task) -> RenderableType:
        if task.fields.get("failed"):
            return Text("✗", style="red")
        return Text("✓", style="green") if task.finished else super().render(task)


class _CountsOnly(ProgressColumn):
    """A column that is blank for a mere step."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        return self._column.render(task) if task.fields.get("counts") else ""


class LiveProgress:
    """Each step, and a bar for each kind of document. Silent where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            _Mark(),
            TextColumn("{task.description}", markup=False),
            _CountsOnly(BarColumn(bar_width=24)),
            _CountsOnly(MofNCompleteColumn()),
            console=console,
            disable=not console.is_terminal,
            redirect_stdout=False,
        )
        self._steps: dict[str, TaskID] = {}
        self._counts: dict[str, TaskID] = {}
        self._step: TaskID | None = None

    def __enter__(self) -> LiveProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish_step(failed=kind is not None)
        self._bars.stop()

    def step(self, text: str) -> None:
        """A step has begun; the one before is done."""
        self._finish_step()
        self._step = self._steps[text] = self._bars.add_task(one_line(text, _WIDEST), total=1)
        self._counts = {}

    def count(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` are done of something within the step."""
        if what not in self._counts:
            shown = f"  {one_line(what, _WIDEST)}"
            self._counts[what] = self._bars.add_task(shown, total=total, counts=True)
        self._bars.update(self._counts[what], completed=done, total=total)

    def fail(self, steps: Collection[str] = ()) -> None:
        """The step under way has failed, or those that are named."""
        self._finish_step(failed=not steps)
        for text in steps:
            if text in self._steps:
                self._bars.update(self._steps[text], failed=True)

    def _finish_step(self, *, failed: bool = False) -> None:
        """A step that did not bring all of what it counted has failed, too."""
        if self._step is None:
            return
        for task in self._counts.values():
            if not self._bars.tasks[self._bars.task_ids.index(task)].finished:
                self._bars.update(task, failed=True)
                failed = True
        self._bars.update(self._step, completed=1, failed=failed)
        self._step = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Clear the display while somebody types."""
        self._bars.live.transient = True
        self._bars.stop()
        self._bars.live.transient = False
        try:
            yield
        finally:
            self._bars.start()
