"""Several processes use one SQLite database, each with several connections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from meterfarm.storage.store import CompanyStore
from tests.storage.made import UTILITY

ROOT = Path(__file__).parents[2]
_LOOK = (
    "import sys; from pathlib import Path; from meterfarm.storage.store import Store;"
    "from meterfarm.storage.settings import Settings;"
    "store = Store.open(Settings(home=Path(sys.argv[1]))).of();"
    "print(len(store.customers.list())); store.close()"
)


def test_a_process_that_comes_and_goes_takes_nothing_with_it(store: CompanyStore, home: Path) -> None:
    """Who has several connections keeps its locks, so the other does not delete the write-ahead log."""
    store.customers.add(UTILITY, "a@x.example", secrets={})
    with store.farm._farm.database.reading(), store.farm._farm.database.reading():
        pass
    assert _customers_as_another_sees_them(home) == 1
    store.customers.add(UTILITY, "b@x.example", secrets={})
    store.farm._farm.database.settle()
    assert _customers_as_another_sees_them(home) == 2


def _customers_as_another_sees_them(home: Path) -> int:
    command = [sys.executable, "-c", _LOOK, str(home)]
    return int(subprocess.run(command, capture_output=True, check=True, cwd=ROOT, text=True).stdout)
