"""Whose fault an error is that comes up in a utility's own code."""

from __future__ import annotations

import pytest

from meterfarm.formats.errors import FormatError
from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import script_errors
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.reader_errors import reader_errors

TRIPPED = (IndexError("1"), KeyError("total"), AttributeError("group"), TypeError("None"), ValueError("x"))


@pytest.mark.parametrize("error", TRIPPED, ids=lambda error: type(error).__name__)
def test_what_a_reader_trips_over_is_the_documents_fault(error: Exception) -> None:
    with pytest.raises(FormatError, match=type(error).__name__) as raised, reader_errors():
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", TRIPPED, ids=lambda error: type(error).__name__)
def test_what_a_script_trips_over_is_the_pages_change(error: Exception) -> None:
    with pytest.raises(Stop, match=type(error).__name__) as raised, script_errors("The portal", "looking"):
        raise error
    assert raised.value.outcome is Outcome.LAYOUT_CHANGED


def test_a_format_error_and_what_is_no_fault_of_a_document_pass() -> None:
    with pytest.raises(FormatError, match="as it was"), reader_errors():
        raise FormatError("as it was")
    with pytest.raises(MemoryError), reader_errors():
        raise MemoryError
