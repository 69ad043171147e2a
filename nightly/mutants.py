"""Scripts broken in one thing each: a locator, an outcome's text, a reader's field."""

from __future__ import annotations

import ast
import copy
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meterfarm import records
from meterfarm.nightly.mangling import mangled
from meterfarm.nightly.sites import Site, SiteKind, sites

_RECORDS = {
    name: {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    }
    for name, kind in vars(records).items()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}
"""By record, the fields that may be left out."""
FAMILIES = "_families"
_EXCUSE = re.compile(r"#\s*not caught:\s*(.+)$")
_FAMILY = re.compile(rf"\butilities\.{FAMILIES}\.(\w+)")


@dataclass(frozen=True, slots=True)
class Mutant:
    """``source`` is what the file becomes. ``names`` are the outcomes that stand beside what is broken.

    ``file`` is one of the script's folder, or one of its family's, with that folder's name. ``excuse`` is why
    nobody can notice it, as a comment at the line or above it has it: ``# not caught: reason``.
    """

    number: int
    file: str
    line: int
    kind: SiteKind
    was: str
    became: str
    names: frozenset[str]
    source: str
    excuse: str = ""

    @property
    def is_of_family(self) -> bool:
        """Whether other scripts have what is broken, too."""
        return self.file.startswith(f"{FAMILIES}/")


def mutants(folder: Path) -> Sequence[Mutant]:
    """All that a utility's folder and its family have, in the order of their files and lines."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    sources |= _of_family(folder.with_name(FAMILIES), sources.values())
    trees = {name: ast.parse(source) for name, source in sources.items()}
    found: list[Mutant] = []
    for name, tree in trees.items():
        broken = [*_mangled_texts(name, tree, trees), *_left_out_fields(name, tree)]
        lines = sources[name].splitlines()
        for mutant in sorted(broken, key=lambda mutant: mutant.line):
            excuse = _excuse(lines[max(mutant.line - 2, 0) : mutant.line])
            found.append(dataclasses.replace(mutant, number=len(found) + 1, excuse=excuse))
    return found


def _excuse(lines: Sequence[str]) -> str:
    """Of a line above only if it is nothing but a comment."""
    *above, own = lines
    found = _EXCUSE.search(own) or next(filter(None, (_EXCUSE.match(line.strip()) for line in above)), None)
    return found[1].strip() if found else ""


def _of_family(folder: Path, users: Iterable[str]) -> Mapping[str, str]:
    """The modules of families that these sources import, and those that they import in turn."""
    found: dict[str, str] = {}
    waiting = [name for source in users for name in _FAMILY.findall(source)]
    while waiting:
        name = waiting.pop(0)
        file = f"{FAMILIES}/{name}.py"
        if file not in found:
            found[file] = (folder / f"{name}.py").read_text(encoding="utf-8")
            waiting += _FAMILY.findall(found[file])
    return dict(sorted(found.items()))


def _mangled_texts(name: str, tree: ast.Module, trees: Mapping[str, ast.Module]) -> Iterator[Mutant]:
    for place, site in enumerate(sites(tree, trees.values())):
        became = mangled(site.text, is_pattern=site.is_pattern)
        fresh = copy.deepcopy(tree)
        same = sites(fresh, trees.values())[place]
        same.node.value = became
        yield _mutant(name, site, site.text, became, ast.unparse(fresh))


def _left_out_fields(name: str, tree: ast.Module) -> Iterator[Mutant]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _optional(node)]
    for place, call in enumerate(calls):
        for number, keyword in enumerate(call.keywords):
            if keyword.arg not in _optional(call):
                continue
            fresh = copy.deepcopy(tree)
            same = [node for node in ast.walk(fresh) if isinstance(node, ast.Call) and _optional(node)][place]
            del same.keywords[number]
            was = f"{ast.unparse(call.func)}({ast.unparse(keyword)})"
            site = Site(ast.Constant(""), keyword.value.lineno, SiteKind.FIELD, is_pattern=False)
            yield _mutant(name, site, was, "left out", ast.unparse(fresh))


def _optional(call: ast.Call) -> set[str]:
    name = ast.unparse(call.func)
    return _RECORDS.get(name, set()) if name not in {"Challenge", "FactorOption"} else set()


def _mutant(name: str, site: Site, was: str, became: str, source: str) -> Mutant:
    return Mutant(0, name, site.line, site.kind, was, became, site.names, source + "\n")
