"""What tests of the engine share: a browser for all tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from meterfarm.scrapers.browser.chromium import Chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with Chromium(["127.0.0.1"], tmp_path_factory.mktemp("scratch")) as chromium:
        yield chromium
