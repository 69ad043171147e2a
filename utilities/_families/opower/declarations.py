"""What ``declared.toml`` has of each utility that the library serves."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

DECLARED = Path(__file__).with_name("declared.toml")


@dataclass(frozen=True, slots=True)
class Declared:
    """``library_class`` is what the library calls it. ``hosts`` are all that are known of it.

    ``keeps_login``: what the library hands back after MFA lets the next sign-in go without the password.
    """

    id: str
    name: str
    library_class: str
    zone: ZoneInfo
    home: str
    hosts: Sequence[str]
    aliases: Sequence[str] = ()
    takes_totp: bool = False
    keeps_login: bool = False


@cache
def declarations() -> Mapping[str, Declared]:
    """By id."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(DECLARED.read_text(encoding="utf-8"))
    return {
        utility_id: Declared(
            utility_id,
            table["name"],
            table["class"],
            ZoneInfo(table["zone"]),
            table["home"],
            tuple(table["hosts"]),
            aliases=tuple(table.get("aliases", ())),
            takes_totp=table.get("takes_totp", False),
            keeps_login=table.get("keeps_login", False),
        )
        for utility_id, table in tables.items()
    }
