"""QuickStart programs, cut out of a documentation page in Markdown and led to an API of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_FENCE = re.compile(r"\s*(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r"#{1,6}\s.*quick ?start", re.IGNORECASE)
_LANGUAGES: Mapping[str, Sequence[str]] = {
    "python": ("python", "py"),
    "javascript": ("javascript", "js", "node"),
    "ruby": ("ruby", "rb"),
}
_STRING = r"""(["'`])[^"'`\n]*\2"""


class Uncut(Exception):
    """The page, or a program in it, is not as it is expected to be."""


@dataclass(frozen=True, slots=True)
class Api:
    """Where the programs are to ask, by plain http, and their key."""

    host: str
    port: int
    key: str


def programs(page: str) -> Mapping[str, str]:
    """The programs of a page after its QuickStart heading, the first of each language.

    Raises:
        Uncut: it lacks one of them.
    """
    found: dict[str, str] = {}
    for info, code in _blocks(page):
        words = set(re.findall("[a-z]+", info.lower()))
        for language, names in _LANGUAGES.items():
            if words & set(names):
                found.setdefault(language, code)
    missing = [language for language in _LANGUAGES if language not in found]
    if missing:
        raise Uncut(f"The page has no QuickStart program in {', '.join(missing)}.")
    return found


def _blocks(page: str) -> Iterator[tuple[str, str]]:
    """What is fenced after the first heading about it: what stands behind the fence, and the lines.

    Other headings do not end it: a page that was saved from a browser has some from what is embedded in it.
    """
    is_about, fence, info = False, "", ""
    code: list[str] = []
    for line in page.splitlines():
        if fence:
            if line.strip().startswith(fence):
                if is_about:
                    yield info, "\n".join(code) + "\n"
                fence, code = "", []
            else:
                code.append(line)
        elif (opened := _FENCE.match(line)) is not None:
            fence, info = opened[1], opened[2]
        elif _HEADING.match(line) is not None:
            is_about = True


def led_to(language: str, program: str, api: Api) -> str:
    """The program with domain, scheme and key replaced, and in Ruby the port and whether it is by TLS.

    Raises:
        Uncut: one of them is not in it.
    """
    is_ruby = language == "ruby"
    domain = api.host if is_ruby else f"{api.host}:{api.port}"
    changes = [
        ("the domain", rf"^(\s*(?:const |let |var )?\w*domain\s*=\s*){_STRING}", rf"\g<1>\g<2>{domain}\g<2>"),
        ("the key", rf"^(\s*(?:const |let |var )?\w*api_?key\s*=\s*){_STRING}", rf"\g<1>\g<2>{api.key}\g<2>"),
    ]
    if is_ruby:
        changes += [
            ("the port", r"(Net::HTTP\.new\([^,)]*,\s*)443\b", rf"\g<1>{api.port}"),
            ("use_ssl", r"(\.use_ssl\s*=\s*)true\b", r"\g<1>false"),
        ]
    else:
        changes.append(("the scheme", r"https(://\$?\{\w*domain\})", r"http\g<1>"))
    for what, pattern, replacement in changes:
        program, count = re.subn(pattern, replacement, program, flags=re.MULTILINE | re.IGNORECASE)
        if not count:
            raise Uncut(f"The QuickStart program in {language} does not set {what} where it is looked for.")
    return program
