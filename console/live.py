"""A run as it goes on, live at the terminal."""

from __future__ import annotations

from collections.abc import Iterator
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
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            _CountsOnly(BarColumn(bar_width=32)),
            _CountsOnly(MofNCompleteColumn()),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._step: TaskID | None = None

    def __enter__(self) -> LiveProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish_step()
        self._bars.stop()

    def step(self, text: str) -> None:
        self._finish_step()
        self._step = self._bars.add_task(text, total=1)
        self._tasks = {}

    def count(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(f"  {what}", total=total, counts=True)
        self._bars.update(self._tasks[what], completed=done, total=total)

    def _finish_step(self) -> None:
        if self._step is not None:
            self._bars.update(self._step, completed=1)

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
