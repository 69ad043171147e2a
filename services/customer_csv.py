"""The text of a bulk import as rows: those that can be added, and those that cannot, each with its line.

No sentence repeats what stands in a row: columns get mixed up, and then a password is anywhere.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from meterfarm.records import SecretKind
from meterfarm.scrapers.utility import Utility
from meterfarm.services.customer_fields import (
    problem_of_name,
    problem_of_question,
    problem_of_secret,
    tidied,
)
from meterfarm.services.errors import InvalidRequest
from meterfarm.utilities import UtilityUnavailable, directory, load_utility, utility_ids

REQUIRED = ("utility", "username", "password")
OPTIONAL = ("external_id", "totp_secret", "security_answer")
_QUESTIONS = 3
_NUMBERED = tuple(
    f"security_{what}_{number}" for number in range(1, _QUESTIONS + 1) for what in ("question", "answer")
)
"""Columns of answers that are each to one question."""
_DELIMITERS = (",", ";", "\t")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LONGEST_QUOTED = 20
"""Lines that are looked through for the end of a quote."""
_UNCLOSED = (
    "this is not CSV: a quote that begins in this line is not closed in it, and no field has a line break; "
    "write it without, and a quote in a secret twice"
)


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A row that can go in, and the line it begins at."""

    line: int
    utility: str
    username: str
    external_id: str | None
    secrets: Mapping[SecretKind, str] = field(repr=False)
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row that cannot, and why."""

    line: int
    why: str


def rows(text: str) -> Iterator[NewCustomer | WrongRow]:
    """The rows after the header.

    Nothing that a row holds has a line break in it, so each line is a row: a quote that is not closed in its
    line does not swallow those that follow.

    Raises:
        InvalidRequest: before the first row, if the header cannot be used.
    """
    lines = _LINE_END.split(text)
    at, delimiter = _beginning(lines)
    columns = _columns(lines[at] if at < len(lines) else "", delimiter)
    number = at + 1
    while number < len(lines):
        line = lines[number]
        values = _values(line, delimiter) if line else []
        number += 1
        if isinstance(values, _Unclosed):
            yield WrongRow(number, _UNCLOSED)
            number += _continued(lines, number, columns, delimiter)
        elif isinstance(values, csv.Error):
            yield WrongRow(number, f"this is not CSV: {values}")
        elif not any(map(tidied, values)):
            continue  # also what a spreadsheet saves of an empty row
        elif len(values) == len(columns):
            yield _row(number, dict(zip(columns, values, strict=True)))
        else:
            counted = "is 1 field" if len(values) == 1 else f"are {len(values)} fields"
            yield WrongRow(number, f"there {counted}, but {len(columns)} in the header")


def _beginning(lines: Sequence[str]) -> tuple[int, str]:
    """The index of the header's line, and what separates fields: as ``sep=`` says, else the header."""
    first = next((number for number, line in enumerate(lines) if tidied(line)), 0)
    if declared := re.fullmatch(r"\ufeff*\"?sep=(.)(\1|\")*", lines[first], re.IGNORECASE):
        return first + 1, declared[1]
    known = {*REQUIRED, *OPTIONAL, *_NUMBERED}
    found = {
        delimiter: len(
            {tidied(name).lower() for name in lines[first].replace('"', "").split(delimiter)} & known
        )
        for delimiter in _DELIMITERS
    }
    return first, max(_DELIMITERS, key=lambda delimiter: found[delimiter])


class _Unclosed(csv.Error):
    """A quote was opened in the line, and not closed."""


def _values(line: str, delimiter: str) -> Sequence[str] | csv.Error:
    try:
        (values,) = csv.reader([line], strict=True, delimiter=delimiter)
    except csv.Error as exc:
        return _Unclosed() if "unexpected end of data" in str(exc) else exc
    return values


def _continued(lines: Sequence[str], number: int, columns: Sequence[str], delimiter: str) -> int:
    """How many of the lines after an open quote go with it: those to its end, unless a row is among them."""
    for count in range(1, _LONGEST_QUOTED):
        after = lines[number : number + count]
        if len(after) < count or len(_fields(after[-1], delimiter)) == len(columns):
            return 0
        joined = "\n".join(lines[number - 1 : number + count])
        if len(_fields(joined, delimiter)) == len(columns):
            return count
    return 0


def _fields(text: str, delimiter: str) -> Sequence[str]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter))
    except csv.Error:
        return ()
    return rows[0] if len(rows) == 1 else ()


def _columns(line: str, delimiter: str) -> Sequence[str]:
    wanted = f"{','.join(REQUIRED)}[,{','.join(OPTIONAL)}]"
    names = _values(line, delimiter) if line else []
    if isinstance(names, csv.Error):
        raise InvalidRequest(
            f"The header is not CSV ({names or 'a quote is not closed'}); it is to be: {wanted}"
        )
    columns = [tidied(name).lower() for name in names]
    if missing := [name for name in REQUIRED if name not in columns]:
        raise InvalidRequest(f"The header lacks {', '.join(missing)}; it is to be: {wanted}")
    if unknown := [name for name in columns if name not in {*REQUIRED, *OPTIONAL, *_NUMBERED}]:
        raise InvalidRequest(f"The column “{unknown[0]}” is not known; the header is to be: {wanted}")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise InvalidRequest(f"The column {twice[0]} is there twice.")
    return columns


def _row(line: int, values: Mapping[str, str]) -> NewCustomer | WrongRow:
    utility = _utility(tidied(values["utility"]))
    if utility is None:
        return WrongRow(line, f"there is no such utility; there are: {', '.join(utility_ids())}")
    username, external_id = tidied(values["username"]), tidied(values.get("external_id", ""))
    for what, given in (("user name", username), ("external id", external_id)):
        if problem := problem_of_name(what, given):
            return WrongRow(line, _sentence_part(problem))
    if problem := utility.username_problem(username):
        return WrongRow(line, _unquoted(problem, username, f"the user name is none for {utility.name}"))
    secrets = {kind: values[kind.value] for kind in SecretKind if values.get(kind.value)}
    for kind, secret in secrets.items():
        if problem := problem_of_secret(kind, secret):
            return WrongRow(line, _sentence_part(problem))
    answers = _answers(values)
    if isinstance(answers, str):
        return WrongRow(line, answers)
    return NewCustomer(line, utility.id, username, external_id or None, secrets, answers)


def _answers(values: Mapping[str, str]) -> Mapping[str, str] | str:
    """The answers that are each to one question, or why they cannot be."""
    answers = {}
    for number in range(1, _QUESTIONS + 1):
        question, answer = (values.get(f"security_{what}_{number}", "") for what in ("question", "answer"))
        if not tidied(question) and not answer:
            continue
        problem = problem_of_question(question) or problem_of_secret(SecretKind.SECURITY_ANSWER, answer)
        if not problem and not answer:
            problem = f"The security question {number} has no answer."
        if problem:
            return _sentence_part(problem)
        answers[question] = answer
    return answers


def _unquoted(problem: str, given: str, otherwise: str) -> str:
    """The utility's sentence without what was given, which may stand in the wrong column."""
    part = _sentence_part(problem.replace(f", not “{given}”", ""))
    return otherwise if given and given in part else part


def _sentence_part(sentence: str) -> str:
    return sentence.removesuffix(".")


@cache
def _utility(name: str) -> Utility | None:
    entry = directory().find(name)
    try:
        return load_utility(entry.id) if entry is not None else None
    except UtilityUnavailable:
        return None
