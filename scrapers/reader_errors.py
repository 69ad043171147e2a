"""The boundary around readers of documents. It needs no browser: files are read where none is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lxml.etree import LxmlError

from meterfarm.formats.errors import FormatError

TRIPPED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, LxmlError)
"""What code raises that met something it did not reckon with."""


@contextmanager
def reader_errors() -> Iterator[None]:
    """The boundary around a utility's reader of documents: what it trips over is the document's fault.

    Raises:
        FormatError: this one cannot be read.
    """
    try:
        yield
    except FormatError:
        raise
    except TRIPPED as exc:
        raise FormatError(f"its reader met something it did not reckon with ({type(exc).__name__})") from exc
