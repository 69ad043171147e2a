"""What every file of the project keeps to: imports go one way, and some things stand nowhere."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from meterfarm.fake_utility.registry import fake_portals
from meterfarm.utilities import load_utility, utility_ids

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "meterfarm"
NOT_OURS = {"out", "build", "__pycache__"}
LEVELS = (
    {"records", "support"},
    {"formats", "mfa"},
    {"storage"},
    {"scrapers"},
    {"utilities"},
    {"farm"},
    {"services"},
    {"web"},
    {"worker", "api", "library"},
    {"console"},
    {"nightly"},
    {"cli"},
)
APART = {"fake_utility", "bench", "tests"}
ROOMS = set().union(*LEVELS) | APART
MAY_IMPORT = {room: {room}.union(*LEVELS[:level]) for level, rooms in enumerate(LEVELS) for room in rooms} | {
    "fake_utility": {"fake_utility"},
    "bench": ROOMS,
    "tests": ROOMS,
    "__init__": ROOMS - {"tests", "bench", "nightly", "fake_utility"},
    "setup": set(),
}
MAY_IMPORT["console"] |= {"fake_utility"}
MAY_IMPORT["library"] |= {"fake_utility"}
MAY_IMPORT["nightly"] |= {"fake_utility"}
MAY_IMPORT["cli"] |= {"fake_utility", "bench"}


Node = TypeVar("Node", bound=ast.AST)


def _files() -> list[Path]:
    return [
        path
        for path in sorted(ROOT.rglob("*.py"))
        if not any(part in NOT_OURS or part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]


FILES = _files()
CODE = [path for path in FILES if path.relative_to(ROOT).parts[0] != "tests"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _room(path: Path) -> str:
    return (path.relative_to(ROOT).parts[0] if path.is_relative_to(ROOT) else path.name).removesuffix(".py")


@cache
def _all_nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(path)))


@cache
def _imported(path: Path) -> tuple[tuple[int, str], ...]:
    """Line and dotted name of all that a file imports, inside functions too, and by ``import_module``."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in _all_nodes(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            within = node.module or ""
            if node.level:
                within = f"{PACKAGE}.{_room(path)}"
            yield from ((node.lineno, f"{within}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            yield from ((node.lineno, text) for text in _strings(node.args[0]))


def _imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of each room that a file imports from."""
    for line, name in _imported(path):
        top, _, rest = name.partition(".")
        if top == PACKAGE:
            yield line, rest.partition(".")[0]
        elif top == "tests":
            yield line, top


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _strings(node: ast.AST) -> list[str]:
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


@cache
def _docstrings(path: Path) -> set[int]:
    """The lines at which bare strings stand: docstrings, and those under an attribute."""
    return {
        node.lineno
        for node in _nodes(path, ast.Expr)
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def _nodes(path: Path, kind: type[Node]) -> list[Node]:
    return [node for node in _all_nodes(path) if isinstance(node, kind)]


def _at(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{_name(path)}:{node.lineno}"


def test_every_file_is_in_a_room() -> None:
    assert {_room(path) for path in FILES} <= ROOMS | {"__init__", "setup"}
    assert {"records", "scrapers", "utilities", "cli", "tests"} <= {_room(path) for path in FILES}


def test_imports_go_one_way() -> None:
    assert not [
        f"{_name(path)}:{line} imports {name}; it may import only {sorted(MAY_IMPORT[_room(path)])}"
        for path in FILES
        for line, name in _imported_rooms(path)
        if name in ROOMS and name not in MAY_IMPORT[_room(path)]
    ]


def test_tests_import_neither_measurements_nor_each_other() -> None:
    """What several share is a module that is neither a test module nor a conftest."""
    tests = [path for path in FILES if _room(path) == "tests"]
    assert not [
        f"{_name(path)}:{line} imports {name}"
        for path in tests
        for line, name in _imported(path)
        if (name.startswith("tests.") and re.search(r"\.(test_|conftest\b)", name))
        or (name.startswith(f"{PACKAGE}.bench") and path.parent.name != "bench")
    ]


def test_measurements_take_only_a_server_from_the_tests() -> None:
    """They are made in a checkout, and a real Postgres is started by the same module for both."""
    taken = {name for path in CODE for _, name in _imported(path) if name.partition(".")[0] == "tests"}
    assert taken <= {"tests.postgres.Postgres"}


STORE_DOOR = {"store", "settings", "vault", "customers", "runs", "data", "channels", "webhooks"}
"""Beside ``meterfarm.storage`` itself, which has the room's errors."""


def test_no_room_passes_the_stores_door() -> None:
    """The benchmarks measure what is behind it, and tests look there."""
    assert not [
        f"{_name(path)}:{line} imports {name}"
        for path in CODE
        if _room(path) not in ("storage", "bench")
        for line, name in _imported(path)
        if name.startswith(f"{PACKAGE}.storage.") and not _is_in_door(name)
    ]


def _is_in_door(name: str) -> bool:
    module, _, rest = name.removeprefix(f"{PACKAGE}.storage.").partition(".")
    below = (ROOT / "storage" / module).is_dir() and (ROOT / "storage" / module / f"{rest}.py").exists()
    return (module in STORE_DOOR and not below) or (module[:1].isupper() and not rest)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Nor inside a function: what needs that belongs in a third module."""
    graph = {_module(path): _imported_modules(path) for path in CODE}
    settled: set[str] = set()
    while free := {name for name, imports in graph.items() if name not in settled and imports <= settled}:
        settled |= free
    assert not {name: imports - settled for name, imports in graph.items() if name not in settled}


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)))


MODULES = {_module(path) for path in CODE}


def _imported_modules(path: Path) -> set[str]:
    """The modules of ours that a file imports, packages only where a name of their own is imported."""
    found = set()
    for _, name in _imported(path):
        module = name
        while module and module not in MODULES:
            module = module.rpartition(".")[0]
        if module and module != _module(path):
            found.add(module)
    return found


def test_storage_is_of_a_size_that_a_person_can_hold() -> None:
    modules = [path for path in CODE if _room(path) == "storage"]
    assert len(modules) <= 45
    folders = [path.parent for path in modules]
    assert {folder.name: folders.count(folder) for folder in folders if folders.count(folder) > 15} == {}


def test_a_room_has_one_name() -> None:
    """Under two names a module would be there twice: ``meterfarm.records`` is never also ``records``."""
    bare = ROOMS - {"tests"}
    assert not [
        f"{_name(path)}:{line} imports {name}"
        for path in FILES
        for line, name in _imported(path)
        if name.partition(".")[0] in bare
    ]
    ours = {name for name, module in list(sys.modules.items()) if name in bare and _is_ours(module)}
    assert not ours


def _is_ours(module: ModuleType) -> bool:
    """pytest names the root after the checkout's folder, which may be called like a room."""
    file = str(getattr(module, "__file__", None) or "")
    return file.startswith(str(ROOT)) and file != str(ROOT / "__init__.py")


def test_the_walk_sees_imports_wherever_they_stand(tmp_path: Path) -> None:
    source = tmp_path / "some.py"
    source.write_text(
        "import meterfarm.cli.main\ndef inside():\n    from meterfarm.storage.store import Store\n"
        "    from meterfarm import records\n    importlib.import_module(f'meterfarm.console.{name}')\n"
    )
    assert {name for _, name in _imported_rooms(source)} == {"cli", "storage", "records", "console"}


def test_no_class_has_the_name_of_another() -> None:
    """In what is installed. The fake utility has a vocabulary of its own, so that the two can be compared.

    The shapes of the API are called as its documentation calls them.
    """
    named: dict[str, list[str]] = {}
    for path in CODE:
        if _room(path) in ROOMS - {"fake_utility"} and not path.is_relative_to(ROOT / "api" / "models"):
            for node in _nodes(path, ast.ClassDef):
                named.setdefault(node.name, []).append(_at(path, node))
    assert not {name: places for name, places in named.items() if len(places) > 1}


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_modules_that_the_docs_name_are_there() -> None:
    rooms = "|".join(sorted(ROOMS | {"docs", "deploy"}))
    assert not [
        f"{_name(page)}: {named}"
        for page in PAGES
        for named in re.findall(rf"`((?:{rooms})/[\w/]+(?:\.py|/))`", page.read_text(encoding="utf-8"))
        if not (ROOT / named).exists()
    ]


def test_log_events_are_a_noun_and_a_verb() -> None:
    """`run.claimed` can be searched for, a sentence cannot. The fake utility logs nothing of the farm."""
    logs = {"debug", "info", "warning", "error", "critical", "note", "_log", "_note"}
    assert not [
        f"{_at(path, call)}: {event}"
        for path in CODE
        if _room(path) in ROOMS - {"fake_utility"}
        for call in _nodes(path, ast.Call)
        if call.args and _called(call) in logs
        for event in _strings(call.args[0])
        if not re.fullmatch(r"[a-z_]*\.[a-z_]+", event)
    ]


def test_texts_say_who_does_what() -> None:
    """Of these words a few are left that no other fits; a file's ``tell()`` counts as well."""
    loose = re.compile(r"\b(told|tell|said|whose)\b")
    found = [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in CODE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if loose.search(line)
    ]
    assert len(found) <= 40, "\n".join(found)


def test_no_assert_is_used_to_handle_errors() -> None:
    assert not [_at(path, node) for path in CODE for node in _nodes(path, ast.Assert)]


def test_nothing_sleeps_to_wait_for_a_page() -> None:
    calls = [
        _at(path, call)
        for path in FILES
        for call in _nodes(path, ast.Call)
        if ast.unparse(call.func) == "time.sleep" or _called(call) == "wait_for_timeout"
    ]
    imports = [
        _at(path, node)
        for path in FILES
        for node in _nodes(path, ast.ImportFrom)
        if node.module == "time" and "sleep" in {alias.name for alias in node.names}
    ]
    assert not calls + imports


def test_services_know_no_command_line() -> None:
    """What an API shares with the commands draws in nothing that draws on a terminal."""
    not_there = {"typer", "rich", "click", "meterfarm.console"}
    assert not [
        f"{_name(path)}:{line} imports {name}"
        for path in CODE
        if _room(path) == "services"
        for line, name in _imported(path)
        if not not_there.isdisjoint({name.partition(".")[0], ".".join(name.split(".")[:2])})
    ]


def test_flask_is_nowhere() -> None:
    assert not [
        _name(path)
        for path in FILES
        if "flask" in {name.lower().partition(".")[0] for _, name in _imported(path)}
    ]
    for declared in ("pyproject.toml", "requirements.txt"):
        if (ROOT / declared).exists():
            assert "flask" not in (ROOT / declared).read_text(encoding="utf-8").lower()


def test_the_engine_names_no_utility() -> None:
    names = {"speculoos"}
    for utility_id in utility_ids():
        names |= {utility_id, load_utility(utility_id).name.lower()}
    for path in sorted(
        [*(ROOT / "scrapers").rglob("*.py"), *(ROOT / "farm").rglob("*.py"), ROOT / "worker.py"]
    ):
        text = path.read_text(encoding="utf-8").lower()
        assert not {name for name in names if name in text}, _name(path)


def test_a_portal_with_a_fake_is_named_in_its_two_folders_alone() -> None:
    """But for the one that examples are of: commands, demo and nightly find the others. What a benchmark's
    naive script does at a portal is that portal's own."""
    names = set().union(*({portal.id, *portal.hosts} for portal in fake_portals() if portal.hosts))
    assert names
    journeys = ROOT / "bench" / "journeys"
    others = [path for path in CODE if _room(path) not in ("utilities", "fake_utility")]
    for path in (path for path in others if path.parent != journeys):
        text = path.read_text(encoding="utf-8").lower()
        assert not {name for name in names if name in text}, _name(path)


def test_nothing_knows_the_test_customers_answers() -> None:
    outside = [path for path in CODE if _room(path) != "fake_utility"]
    assert not [
        _at(path, node)
        for path in outside
        for node in _nodes(path, ast.Constant)
        if node.lineno not in _docstrings(path) and re.search(r"(?<!\d)1234(?!\d)|\bCook\b", str(node.value))
    ]
