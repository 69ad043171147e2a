"""Structured logs, one JSON line each, with every secret scrubbed before it is written."""

from __future__ import annotations

import logging
import os
import sys
from contextvars import ContextVar

import structlog
from structlog.typing import EventDict, WrappedLogger

from scrapers.redact import Secrets

_OF_THE_RUN: ContextVar[Secrets | None] = ContextVar("secrets of the run", default=None)


def scrub_from_here(secrets: Secrets) -> None:
    """Scrub these from what the present task, and those it starts, log."""
    _OF_THE_RUN.set(secrets)


def log_to_stderr(secrets: Secrets) -> None:
    """Log to standard error from ``METERFARM_LOG`` (debug, info, warning, error; default warning) up."""
    level = logging.getLevelNamesMapping().get(
        os.environ.get("METERFARM_LOG", "warning").upper(), logging.WARNING
    )

    def scrubbed(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        of_the_run = _OF_THE_RUN.get() or secrets
        return {
            key: of_the_run.scrub(secrets.scrub(value)) if isinstance(value, str) else value
            for key, value in event.items()
        }

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            scrubbed,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
