"""What tests of the store are given, by type, and the mark of those that go over both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meterfarm.storage.store import CompanyStore

OpenStore = Callable[..., CompanyStore]
Rows = Callable[..., list[tuple[Any, ...]]]


ON_BOTH = pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=True)
"""Marks tests of what a store does whatever its database is; the others are about SQLite's."""
