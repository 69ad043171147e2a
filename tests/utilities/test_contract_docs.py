"""The page that leads through a utility names all that a script declares, implements and may use."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

from meterfarm.scrapers import outcomes
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.page import BrowserPage
from meterfarm.scrapers.portal import Portal
from meterfarm.scrapers.utility import Utility

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-utility.md").read_text(encoding="utf-8")
FOR_THE_ENGINE = {"implements", "authoriser", "filled", "sending", "password_led_on", "locator", "what"}
_CONTRACT = {name for kind in (Portal, Utility) for name in {*vars(kind), *kind.__annotations__}}
_PAGE = {name for kind in (BrowserPage, Control) for name in vars(kind)}
_ERRORS = {
    name
    for name, kind in vars(outcomes).items()
    if isinstance(kind, type) and issubclass(kind, outcomes.VisitError)
} - {"VisitError", "ListFailed"}


@pytest.mark.parametrize(
    "name",
    sorted(name for name in (_CONTRACT | _PAGE | _ERRORS) - FOR_THE_ENGINE if not name.startswith("_")),
)
def test_it_is_named(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE)


def test_what_it_shows_is_python() -> None:
    shown = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(shown) >= 8
    for code in shown:
        ast.parse(f"async def shown():\n{textwrap.indent(code, '    ')}")
