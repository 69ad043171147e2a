"""A real server over a store of its own, shared by the tests of a module, and people who use its form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.api.server import ApiServer, served
from tests.web.person import Person


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with served(tmp_path_factory.mktemp("form") / "home") as server:
        yield server


@pytest.fixture
def person(api: ApiServer) -> Iterator[Callable[..., Person]]:
    """Makes one of whom the company knows what is given."""
    with ExitStack() as opened:

        def made(**known: str) -> Person:
            new = Person(api, **known)
            opened.callback(new.browser.close)
            return new

        yield made
