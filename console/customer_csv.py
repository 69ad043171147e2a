"""The file of a bulk import: who may read it, its header, and its rows, wrong ones with their line.

No sentence repeats what stands in a row: columns get mixed up, and then a password is anywhere.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from console.customer_secrets import problem_of
from console.errors import UsageError
from records import SecretKind
from scrapers.utility import Utility
from utilities import UnknownUtility, load_utility, utility_ids

REQUIRED = ("utility", "username", "password")
OPTIONAL = ("external_id", "totp_secret", "security_answer")
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A row that can go in, and the line it begins at."""

    line: int
    utility: str
    username: str
    external_id: str | None
    secrets: Mapping[SecretKind, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row that cannot, and why."""

    line: int
    why: str


def read_file(path: Path) -> str:
    """The text of a file that only we can read. Raises UsageError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(f"{path} is not a file.")
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
                raise UsageError(
                    f"{path} has passwords in it and must be yours and readable by you only: chmod 600 {path}"
                )
            content = file.read()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}.") from exc
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise UsageError(f"{path} is not UTF-8 text in line {line}; save it as UTF-8.") from None


def rows(text: str) -> Iterator[NewCustomer | WrongRow]:
    """The rows after the header. Raises UsageError, before the first, if the header will not do."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = _columns(reader)
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield WrongRow(line, f"this is not CSV: {exc}")
            continue
        if not values:
            continue
        if len(values) == len(columns):
            yield _row(line, dict(zip(columns, values, strict=True)))
        else:
            counted = "is 1 field" if len(values) == 1 else f"are {len(values)} fields"
            yield WrongRow(line, f"there {counted}, but {len(columns)} in the header")


def _columns(reader: Iterator[Sequence[str]]) -> Sequence[str]:
    wanted = f"{','.join(REQUIRED)}[,{','.join(OPTIONAL)}]"
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as exc:
        raise UsageError(f"The header is not CSV ({exc}); it is to be: {wanted}") from None
    if missing := [name for name in REQUIRED if name not in columns]:
        raise UsageError(f"The header lacks {', '.join(missing)}; it is to be: {wanted}")
    if unknown := [name for name in columns if name not in {*REQUIRED, *OPTIONAL}]:
        raise UsageError(f"The column “{unknown[0]}” is not known; the header is to be: {wanted}")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise UsageError(f"The column {twice[0]} is there twice.")
    return columns


def _row(line: int, values: Mapping[str, str]) -> NewCustomer | WrongRow:
    utility = _utility(values["utility"].strip())
    if utility is None:
        return WrongRow(line, f"there is no such utility; there are: {', '.join(utility_ids())}")
    username = values["username"].strip()
    if problem := utility.username_problem(username):
        return WrongRow(line, _unquoted(problem, username, f"the user name is none for {utility.name}"))
    secrets = {kind: values[kind.value] for kind in SecretKind if values.get(kind.value)}
    for kind, secret in secrets.items():
        if problem := problem_of(kind, secret):
            return WrongRow(line, _sentence_part(problem))
    external_id = values.get("external_id", "").strip() or None
    return NewCustomer(line, utility.id, username, external_id, secrets)


def _unquoted(problem: str, given: str, otherwise: str) -> str:
    """The utility's sentence without what was given, which may stand in the wrong column."""
    part = _sentence_part(problem.replace(f", not “{given}”", ""))
    return otherwise if given and given in part else part


def _sentence_part(sentence: str) -> str:
    return sentence.removesuffix(".")


@cache
def _utility(utility_id: str) -> Utility | None:
    try:
        return load_utility(utility_id)
    except UnknownUtility:
        return None
