"""The utilities that can be fetched from: one folder each, and those that other distributions ship.

A folder here, named by the utility's id, offers ``UTILITY``, an instance of ``scrapers.utility.Utility``.
Folders with names that begin with ``_`` are no utilities: they hold what several share. Another distribution
ships a utility as an entry point in the group ``meterfarm.utilities``: its name is the id, its value the
object, or a module that has it as ``UTILITY``. There is no list to edit.

A utility that cannot be loaded is broken, and only that one: it is listed with the reason, and the others
work. Layouts of interval tables that only this utility has are ``LAYOUTS`` in its module ``layouts``, if it
has one.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import os
import pkgutil
import re
import tomllib
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from meterfarm.support.environment import child_environment
from meterfarm.support.errors import RequestError
from meterfarm.support.foreign_text import one_line
from meterfarm.support.redact import Secrets
from meterfarm.utilities.catalogue import NEAR, CatalogueEntry, Directory, known_utilities

if TYPE_CHECKING:
    from meterfarm.formats.bills.layout import LayoutReader
    from meterfarm.formats.tables.layout import Layout
    from meterfarm.scrapers.utility import Utility

GROUP = "meterfarm.utilities"
"""The group of entry points by which other distributions ship utilities."""
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OBJECT = "UTILITY"
_FAMILIES = "_families"
BILL_LAYOUT = "bill.toml"
_ENGINE = Path(__file__).parents[1] / "scrapers"
_LONGEST_REASON = 300
_LONGEST_NAME = 80
_SHORTEST_SECRET = 4


class UtilityUnavailable(RequestError):
    """A utility cannot be used; the text is a sentence that says why."""


class UnknownUtility(UtilityUnavailable):
    """There is no such utility; the text names the nearest."""


class UnsupportedUtility(UnknownUtility):
    """It is in the catalogue, and has no script; ``id`` is its id there."""

    def __init__(self, entry: CatalogueEntry) -> None:
        super().__init__(
            f"{entry.name} ({entry.id}) is not supported yet: there is no script for its portal; "
            "`utilities` lists those that there are."
        )
        self.id = entry.id


class BrokenUtility(UtilityUnavailable):
    """It is there, but cannot be loaded. ``reason`` is bounded and has no secret; ``todo`` mends it."""

    def __init__(self, utility_id: str, reason: str, todo: str = "mend its script") -> None:
        super().__init__(f"The utility “{utility_id}” cannot be loaded: {reason.removesuffix('.')}; {todo}.")
        self.id = utility_id
        self.reason = reason
        self.todo = todo


@dataclass(frozen=True, slots=True)
class BrokenBillLayout:
    """A ``bill.toml`` that is no layout: ``file`` is ``<id>/bill.toml``, ``reason`` is bounded.

    The utility's script works nevertheless, if it has one.
    """

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a utility is loaded from; ``fault`` says why it is not loaded at all."""

    entry_point: EntryPoint
    distribution: str = ""
    fault: str = ""


def utility_ids() -> Sequence[str]:
    """The ids of all utilities, in order, broken ones too."""
    return sorted(_sources())


def load_utility(utility_id: str) -> Utility:
    """The utility with exactly this id. ``load_utility_named`` takes its other names too.

    Raises:
        UnknownUtility: there is none; the text names the nearest.
        UnsupportedUtility: it has no script.
        BrokenUtility: it cannot be loaded.
    """
    if not _has_script(utility_id):
        if (entry := known_utilities().get(utility_id)) is not None:
            raise UnsupportedUtility(entry)
        raise UnknownUtility(why_unknown(utility_id))
    found = _loaded(utility_id)
    if isinstance(found, str):
        raise BrokenUtility(utility_id, found)
    return found


def load_utility_named(name: str) -> Utility:
    """The utility of this id, name or alias, however it is spaced, punctuated and capitalised.

    Raises:
        UnknownUtility: there is none; the text names the nearest.
        UnsupportedUtility: it has no script.
        BrokenUtility: it cannot be loaded.
    """
    if _has_script(name):
        return load_utility(name)
    entry = directory().find(name)
    if entry is None:
        raise UnknownUtility(why_unknown(name))
    return load_utility(entry.id)


def why_unknown(name: str) -> str:
    """The sentence about a name that no utility has, with the nearest that one has."""
    several = directory().called(name)
    near, likeness = directory().nearest(name)
    if len(several) > 1:
        hint = f"several are called so, name one of them: {', '.join(entry.id for entry in several)}."
    elif likeness >= NEAR:
        hint = f"did you mean {near.id}?"
    else:
        hint = "`utilities --all` lists those that are known."
    return f"There is no utility “{one_line(name, _LONGEST_NAME)}”; {hint}"


@cache
def directory() -> Directory:
    """All utilities that are known, those with a script as it declares them, by their names."""
    entries = dict(known_utilities())
    for broken in broken_utilities():
        entries.setdefault(broken.id, CatalogueEntry(broken.id, broken.id))
    for script in load_utilities():
        entries[script.id] = entries.get(script.id, CatalogueEntry(script.id, script.name)).with_script(
            script
        )
    return Directory(entries.values())


def load_utilities() -> Sequence[Utility]:
    """All that can be loaded."""
    return [found for utility_id in utility_ids() if not isinstance(found := _loaded(utility_id), str)]


def broken_utilities() -> Sequence[BrokenUtility]:
    """Those that cannot be loaded."""
    return [
        BrokenUtility(utility_id, found)
        for utility_id in utility_ids()
        if isinstance(found := _loaded(utility_id), str)
    ]


def broken_bill_layouts() -> Sequence[BrokenBillLayout]:
    """Each ``<id>/bill.toml`` that is no layout."""
    return [
        BrokenBillLayout(f"{utility_id}/{BILL_LAYOUT}", found)
        for utility_id, found in _bill_layouts(Path(__path__[0])).items()
        if isinstance(found, str)
    ]


def refused_utilities() -> Sequence[BrokenUtility]:
    """Entry points that are left out because a utility with their id is built in; that one works."""
    return [
        BrokenUtility(
            name,
            f"the entry point of {source.distribution} has an id that is built in",
            "rename the entry point",
        )
        for name, found in _shipped().items()
        if name in _folders()
        for source in found
    ]


def _has_script(utility_id: str) -> bool:
    return utility_id in _folders() or utility_id in _sources()


def load_layouts(utility_id: str) -> Sequence[Layout]:
    """The utility's own layouts of interval tables; none for one that is not there.

    Raises:
        BrokenUtility: they cannot be loaded.
    """
    source = _folders().get(utility_id) or _sources().get(utility_id)
    if source is None:
        return ()
    try:
        package = importlib.import_module(source.entry_point.module)
        name = package.__name__ if hasattr(package, "__path__") else package.__name__.rpartition(".")[0]
        if not name or importlib.util.find_spec(f"{name}.layouts") is None:
            return ()
        return cast("Sequence[Layout]", importlib.import_module(f"{name}.layouts").LAYOUTS)
    except (Exception, SystemExit) as exc:
        raise BrokenUtility(utility_id, _reason(exc)) from exc


def load_bill_layouts(root: Path | None = None) -> Sequence[LayoutReader]:
    """The bill layouts that are declarations: each ``<id>/bill.toml`` here, or below ``root``.

    A folder with one may be that of a utility without a script. One that is no layout is left out; here
    ``broken_bill_layouts`` has it.
    """
    found = _bill_layouts(root or Path(__path__[0]))
    return [each for each in found.values() if not isinstance(each, str)]


@cache
def _bill_layouts(root: Path) -> Mapping[str, LayoutReader | str]:
    """By the utility's id; else why one is none."""
    from meterfarm.formats.bills.layout import LayoutReader, layout_of
    from meterfarm.formats.errors import FormatError

    found: dict[str, LayoutReader | str] = {}
    for path in sorted(root.glob(f"*/{BILL_LAYOUT}")):
        try:
            found[path.parent.name] = LayoutReader(path.parent.name, layout_of(path.read_text("utf-8")))
        except (FormatError, OSError, UnicodeDecodeError) as exc:
            found[path.parent.name] = one_line(str(exc), _LONGEST_REASON)
    return found


@cache
def _folders() -> Mapping[str, _Source]:
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    own = {name: f"{__name__}.{name}" for name in names if not name.startswith("_")}
    return {name: _source(EntryPoint(name, value, GROUP)) for name, value in (_declared() | own).items()}


def _declared() -> dict[str, str]:
    """The utilities that a family has many of, each a table of its ``declared.toml``."""
    return {
        utility_id: f"{__name__}.{_FAMILIES}.{path.parent.name}.scripts:{utility_id}"
        for path in Path(__path__[0]).glob(f"{_FAMILIES}/*/declared.toml")
        for utility_id in tomllib.loads(path.read_text(encoding="utf-8"))
    }


@cache
def _shipped() -> Mapping[str, Sequence[_Source]]:
    """Entry points of other distributions by their names."""
    shipped: dict[str, list[_Source]] = {}
    for found in entry_points(group=GROUP):
        if not found.name.startswith("_"):
            distribution = found.dist.name if found.dist is not None else "?"
            shipped.setdefault(one_line(found.name, 64), []).append(
                _source(found, one_line(distribution, 100))
            )
    return shipped


def _source(entry_point: EntryPoint, distribution: str = "") -> _Source:
    well_named = _ID.fullmatch(entry_point.name)
    fault = "" if well_named else "an id has only lowercase letters, digits and underscores, at most 64"
    return _Source(entry_point, distribution, fault)


@cache
def _sources() -> Mapping[str, _Source]:
    sources = dict(_folders())
    for name, found in _shipped().items():
        if name not in sources:
            ships = " and ".join(sorted({source.distribution for source in found}))
            fault = f"several entry points have this id ({ships})" if len(found) > 1 else found[0].fault
            sources[name] = _Source(found[0].entry_point, ships, fault)
    return sources


@cache
def _loaded(utility_id: str) -> Utility | str:
    """The utility, or why it cannot be loaded."""
    from meterfarm.scrapers.utility import Utility

    source = _folders().get(utility_id) or _sources()[utility_id]
    if source.fault:
        return source.fault
    try:
        found = source.entry_point.load()
        if not isinstance(found, Utility):
            found = getattr(found, _OBJECT, found)
        if not isinstance(found, Utility):
            return (
                f"{source.entry_point.value} has no {_OBJECT} that is an instance of scrapers.utility.Utility"
            )
        if getattr(found, "id", "") != utility_id:
            found = copy.copy(found)
            found.id = utility_id
        return _bad_declaration(found) or found
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - whatever a broken script raises
        return _reason(exc)


def _bad_declaration(utility: Utility) -> str:
    """What of the utility's declarations is missing or of another type, or ""."""
    for name, adapter in _declarations().items():
        if not hasattr(utility, name):
            return f"it does not declare {name}"
        try:
            adapter.validate_python(getattr(utility, name), strict=True)
        except ValidationError as exc:
            return one_line(f"its {name} is not as declared: {exc.errors()[0]['msg']}", _LONGEST_REASON)
    return ""


@cache
def _declarations() -> Mapping[str, TypeAdapter[Any]]:
    from meterfarm.scrapers.utility import Utility

    adapters: dict[str, TypeAdapter[Any]] = {}
    for name, hint in get_type_hints(Utility, include_extras=True).items():
        try:
            adapters[name] = TypeAdapter(*(get_args(hint) or (hint,))[:1])
        except PydanticUserError:  # of a type that pydantic does not know: it only has to be there
            adapters[name] = TypeAdapter(Any)
    return adapters


def _reason(error: BaseException) -> str:
    """Kind, place and text of what a script raised, without a value of this process's environment."""
    if isinstance(error, SyntaxError):
        file, line = error.filename or "", error.lineno
    else:
        frames = traceback.extract_tb(error.__traceback__)
        frame = next((each for each in reversed(frames) if not _is_of_engine(each.filename)), frames[-1])
        file, line = frame.filename, frame.lineno
    secrets = Secrets()
    harmless = set(child_environment().values())
    secrets.add(*(v for v in os.environ.values() if len(v) >= _SHORTEST_SECRET and v not in harmless))
    text = secrets.scrub(error.msg if isinstance(error, SyntaxError) else str(error)[:10_000])
    where = f" ({Path(file).name} line {line})" if file and "importlib" not in file else ""
    kind = type(error).__name__
    return one_line(f"{kind}: {text}" if text else kind, _LONGEST_REASON) + where


def _is_of_engine(file: str) -> bool:
    """Whether it is where a declaration is checked, not where it is written."""
    return file.startswith("<") or Path(file).is_relative_to(_ENGINE)
