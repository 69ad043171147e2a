"""The option of `./run check-external --quickstarts FILE`: without a file that check is not run."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--quickstarts", metavar="FILE", help="A page with the QuickStart programs that are to be run."
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the check out where there is nothing to run."""
    return True if collection_path.name == "test_quickstarts.py" and not _file(config) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say so at the end."""
    if not _file(config):
        terminalreporter.line("QuickStart programs were not run: name their page with --quickstarts FILE.")


def _file(config: pytest.Config) -> str | None:
    file: str | None = config.getoption("--quickstarts")
    return file
