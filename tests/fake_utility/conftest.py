from collections.abc import AsyncIterator

import pytest

from tests.fake_utility.visitor import House, Visitor


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        yield visitor
