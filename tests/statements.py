"""SQL that a process of tests compiles once, and not again for each engine.

SQLAlchemy keeps what it has compiled by engine, and production has one engine in a process. Tests open a
store, and with it an engine, hundreds of times. Here dialects of one kind are equal, and their engines share
what any of them has compiled; whoever is forked has what was compiled before.
"""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_compiled: dict[object, object] = {}


class SharingSqlite(SQLiteDialect_pysqlite):
    """As SQLAlchemy's own."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_compiled)


class SharingPostgres(PGDialect_psycopg):
    """As SQLAlchemy's own."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_compiled)


def share_statements() -> None:
    """Have all engines that this process makes from now on share what they compile."""
    for name, dialect in (
        ("sqlite", SharingSqlite),
        ("postgresql.psycopg", SharingPostgres),
    ):
        registry.register(name, __name__, dialect.__name__)
