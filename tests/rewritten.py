"""All test modules with their assertions rewritten, before several processes import them.

pytest does it when a module is imported, and keeps the result. Processes that begin at once would all do it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

_ROOT = Path(__file__).parent


def rewrite_all(config: pytest.Config) -> None:
    """Those that are not rewritten yet, as pytest itself does it."""
    if sys.dont_write_bytecode or config.getoption("assertmode") != "rewrite":
        return
    state = config.stash[rewrite.assertstate_key]
    for module in [*_ROOT.rglob("conftest.py"), *_ROOT.rglob("test_*.py")]:
        folder = rewrite.get_cache_dir(module)
        kept = folder / f"{module.stem}{rewrite.PYC_TAIL}"
        if rewrite._read_pyc(module, kept) is None and rewrite.try_makedirs(folder):
            source_hash, code = rewrite._rewrite_test(module, config)
            rewrite._write_pyc(state, code, source_hash, kept)
