"""What a portal may do to its visitors on demand, beyond failing: written as JSON, and what is left of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

BillTrick = Literal["", "large", "endless", "elsewhere"]
ExportTrick = Literal["", "bomb", "outside", "elsewhere"]
Handed = Literal["bill", "export"]
_TRICKS: Mapping[Handed, tuple[str, ...]] = {"bill": get_args(BillTrick), "export": get_args(ExportTrick)}


class BadHostility(ValueError):
    """It cannot be read; the text says why."""


@dataclass(slots=True)
class Hostility:
    """What a portal does to its visitors.

    foreign: the host with its port to which all leads. pages: every page calls it, by all ways there are, and
    has buttons that pay. pay: every button of a page pays. names: every document's name leads out of its
    folder. bills, exports: what becomes of the first ones that are handed out, in turn: "" nothing, "large"
    80 MB, "endless" 80 MB that were not announced, "elsewhere" a redirect to the foreign host, "bomb" what
    unpacks to 1 GiB, "outside" a ZIP whose members' names lead out of their folder.
    """

    foreign: str = ""
    pages: bool = False
    pay: bool = False
    names: bool = False
    bills: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)

    @property
    def is_on(self) -> bool:
        """Whether anything is."""
        return self.pages or self.pay or self.names or bool(self.bills) or bool(self.exports)

    def trick(self, handed: Handed) -> str:
        """What becomes of the document that is handed out now."""
        left = self.bills if handed == "bill" else self.exports
        return left.pop(0) if left else ""

    def as_json(self) -> dict[str, object]:
        """What is on, and what is left."""
        every = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in every.items() if value}


def parse_hostility(data: object) -> Hostility:
    """Raises BadHostility."""
    if not isinstance(data, dict):
        raise BadHostility("it must be an object.")
    given = dict(data)
    foreign = given.pop("foreign", "")
    if not isinstance(foreign, str):
        raise BadHostility("foreign must be a host with its port.")
    flags = {name: given.pop(name, False) for name in ("pages", "pay", "names")}
    if wrong := [name for name, value in flags.items() if not isinstance(value, bool)]:
        raise BadHostility(f"{wrong[0]} must be true or false.")
    bills, exports = _tricks("bill", given.pop("bills", [])), _tricks("export", given.pop("exports", []))
    if given:
        raise BadHostility(f"there is nothing called {next(iter(given))!r}.")
    if not foreign and (flags["pages"] or "elsewhere" in (*bills, *exports)):
        raise BadHostility("foreign is missing: the host with its port to which all leads.")
    return Hostility(foreign, flags["pages"], flags["pay"], flags["names"], bills, exports)


def _tricks(handed: Handed, given: object) -> list[str]:
    known = _TRICKS[handed]
    if not isinstance(given, list) or not all(one in known for one in given):
        raise BadHostility(f"{handed}s must be a list of {', '.join(map(repr, known))}.")
    return list(given)
