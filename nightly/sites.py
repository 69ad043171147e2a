"""The texts in a script that pages, documents and exports are matched by: what can be broken in it. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

_LOCATORS = {
    *("label", "role", "button", "link", "text", "placeholder", "css", "test_id", "frame", "attribute"),
    *("xpath", "open", "document", "post", "containing", "with_text", "choose"),
}
_PATTERNS = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "split"}
_FIELDS = {"removeprefix", "removesuffix", "startswith", "endswith", "strptime", "find"}
_MESSAGES = {
    *("Stop", "SessionEnded", "ItemFailed", "FormatError", "ValueError", "Challenge", "must_be_answerable"),
    *("CodeMail", "CodeText", "Verified", "ZoneInfo", "evaluate", "note"),
}
"""Calls with sentences for people, or with what no page or document holds, so that no visit meets it."""
_SENTENCES = {"what", "why", "message", "reason"}
"""Parameters of a script's own functions that take sentences for people."""
_LEFT_ALONE = {"mail_codes", "text_codes", "__all__"}
_LOCATING = {"xpath", "selector", "button", "label", "role"}
_PATTERN = "pattern"


class SiteKind(StrEnum):
    """What a text in a script is used for."""

    LOCATOR = "locator"
    OUTCOME_TEXT = "outcome text"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Site:
    """A text in the source. ``names`` are outcomes in the same call; a pattern is a regular expression."""

    node: ast.Constant
    line: int
    kind: SiteKind
    is_pattern: bool
    names: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The text itself."""
        return str(self.node.value)


def sites(tree: ast.Module, package: Iterable[ast.Module]) -> Sequence[Site]:
    """In the order of ``ast.walk``; ``package`` is all of the script, with the functions that it may call."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    functions = {
        node.name: [argument.arg for argument in node.args.args]
        for module in package
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    texts = [
        node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    found = [_site(node, parents, functions) for node in texts if str(node.value).strip()]
    return [site for site in found if site is not None]


def _site(
    node: ast.Constant, parents: Mapping[ast.AST, ast.AST], functions: Mapping[str, Sequence[str]]
) -> Site | None:
    if _is_left_alone(node, parents):
        return None
    child: ast.AST = node
    while (parent := parents.get(child)) is not None:
        if isinstance(parent, ast.Raise | ast.Expr | ast.FormattedValue | ast.ClassDef | ast.Return):
            return None
        if isinstance(parent, ast.Call):
            return _in_call(node, child, parent, functions)
        if isinstance(parent, ast.Subscript) and child is parent.slice:
            return Site(node, node.lineno, SiteKind.FIELD, is_pattern=False)
        if isinstance(parent, ast.Compare):
            kind = SiteKind.OUTCOME_TEXT if " " in str(node.value) else SiteKind.FIELD
            return Site(node, node.lineno, kind, is_pattern=False)
        if isinstance(parent, ast.Assign | ast.AnnAssign):
            return _constant(node, parent, parents)
        child = parent
    return None


def _is_left_alone(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether it is a part of what an error says, of how mails and messages are recognised, or of exports."""
    within: ast.AST | None = node
    while within is not None:
        if isinstance(within, ast.Raise):
            return True
        if isinstance(within, ast.Assign | ast.AnnAssign) and _targets(within) & _LEFT_ALONE:
            return True
        within = parents.get(within)
    return False


def _constant(
    node: ast.Constant, assigned: ast.Assign | ast.AnnAssign, parents: Mapping[ast.AST, ast.AST]
) -> Site | None:
    """A module's own constant; what a class declares is not matched by anything."""
    if not isinstance(parents.get(assigned), ast.Module):
        return None
    text = str(node.value)
    is_outcome_text = text.endswith(".") or any(
        isinstance(user, ast.Name) and user.id in _targets(assigned) and _is_in_sign(user, parents)
        for user in parents
    )
    kind = SiteKind.OUTCOME_TEXT if is_outcome_text else SiteKind.FIELD
    return Site(node, node.lineno, kind, is_pattern="\\" in text or "(" in text)


def _targets(assigned: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = assigned.targets if isinstance(assigned, ast.Assign) else [assigned.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _is_in_sign(user: ast.Name, parents: Mapping[ast.AST, ast.AST]) -> bool:
    keyword = parents.get(user)
    call = parents.get(keyword) if isinstance(keyword, ast.keyword) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) == "Sign"


def _in_call(
    node: ast.Constant, child: ast.AST, call: ast.Call, functions: Mapping[str, Sequence[str]]
) -> Site | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    first = bool(call.args) and child is call.args[0]
    keyword = child.arg if isinstance(child, ast.keyword) else ""
    if name == "Sign":
        return _of_sign(node, call, keyword) if keyword else None
    if name in _MESSAGES:
        return None
    if name in _PATTERNS:
        return Site(node, node.lineno, SiteKind.FIELD, is_pattern=True) if first else None
    if name in _LOCATORS or (name == "get" and first):
        is_field = name == "get" and not str(node.value).startswith("/")
        return Site(node, node.lineno, SiteKind.FIELD if is_field else SiteKind.LOCATOR, is_pattern=False)
    if name in _FIELDS:
        return Site(node, node.lineno, SiteKind.FIELD, is_pattern=False)
    if name in functions:
        parameter = keyword or _parameter(child, call, functions[name])
        kind = SiteKind.LOCATOR if parameter in _LOCATING else SiteKind.FIELD
        if parameter and parameter not in _SENTENCES:
            return Site(node, node.lineno, kind, is_pattern=parameter == _PATTERN)
    return None


def _of_sign(node: ast.Constant, call: ast.Call, keyword: str) -> Site:
    names = frozenset(
        part.attr.lower()
        for part in ast.walk(call)
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "Outcome"
    )
    is_pattern = keyword in {"path", "hash"}
    return Site(node, node.lineno, SiteKind.OUTCOME_TEXT, is_pattern=is_pattern, names=names)


def _parameter(child: ast.AST, call: ast.Call, parameters: Sequence[str]) -> str:
    """The name of what the argument is given for; "" if it cannot be found."""
    if child not in call.args:
        return ""
    names = parameters[1:] if parameters[:1] == ["self"] else parameters
    place = call.args.index(child)
    return names[place] if place < len(names) else ""
