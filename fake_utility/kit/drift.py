"""Drift: what a seed makes of a portal that was redesigned. What is done to answers is in `drifting.py`.

*Mild* drift is what a careful script survives: a person reads the same. *Severe* drift is on top of that what
nobody survives without a new script: other words, controls without names, JSON with other keys. The seed
decides which it is, what of it there is, and where severe drift is.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Literal

Strength = Literal["mild", "severe"]
Where = Literal["everywhere", "at the sign-in", "behind the sign-in"]
Case = Literal["upper", "lower", "title", ""]

MILD = ("names", "attributes", "nesting", "order", "spacing", "case", "punctuation", "extras", "json-order")
SEVERE = ("words", "json-keys")
PLACES: tuple[Where, ...] = ("everywhere", "at the sign-in", "behind the sign-in")
MOST = 2**32 - 1
_MILD_SHARE = 0.5
_FEWEST = 4
_OF_SIGN_IN = re.compile(r"log-?in|sign-?in|/mfa|oauth|selfasserted|b2c_", re.IGNORECASE)
_ASKS_PASSWORD = re.compile(rb"""type=["']?password""")


class BadDrift(ValueError):
    """It is no seed; the text says why."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What one seed does. `kinds` are names of `MILD` and `SEVERE`, and "controls" where those lose names."""

    seed: int
    strength: Strength
    kinds: tuple[str, ...]
    where: Where = "everywhere"
    case: Case = ""
    prefix: str = ""

    def has(self, kind: str) -> bool:
        """Whether this is done anywhere."""
        return kind in self.kinds

    def at(self, host: str, path: str, content: bytes = b"") -> "Drift":
        """As it is for one answer: severe kinds are only where this drift has them."""
        is_sign_in = bool(_OF_SIGN_IN.search(f"{host}{path}") or _ASKS_PASSWORD.search(content))
        if self.where == "everywhere" or (self.where == "at the sign-in") is is_sign_in:
            return self
        kinds = tuple(kind for kind in self.kinds if kind in MILD)
        return Drift(self.seed, self.strength, kinds, self.where, self.case, self.prefix)

    def renamed(self, name: str) -> str:
        """Another name, always the same, for an id, a class or a data attribute."""
        return f"n{blake2b(f'{self.seed}/{name}'.encode(), digest_size=5).hexdigest()}"

    def as_json(self) -> dict[str, object]:
        """As the control page shows it."""
        return {"seed": self.seed, "strength": self.strength, "where": self.where, "kinds": list(self.kinds)}

    def __str__(self) -> str:
        where = f", {self.where}" if self.strength == "severe" else ""
        return f"drift {self.seed} is {self.strength}{where}: {', '.join(self.kinds)}"


class DriftSwitch:
    """Holds the drift that is on. `scripts` are the portal's own, whose names stay."""

    def __init__(self, on: Drift | None, scripts: str) -> None:
        self.on = on
        names = re.findall(r"[A-Za-z_][\w-]*", re.sub(r"(?m)(^|\s)//.*$", "", scripts))
        self._names = frozenset(names)
        self._beginnings = tuple({name for name in names if name.endswith("-")})

    def is_own(self, name: str) -> bool:
        """Whether the scripts work by this name, or put it together (`#view-${name}`)."""
        first, *more = name.split("-")
        in_dataset = first + "".join(part.title() for part in more)
        return name in self._names or in_dataset in self._names or name.startswith(self._beginnings)


def drift_of(seed: int) -> Drift:
    """What a seed does."""
    draw = Random(f"drift {seed}")  # noqa: S311 - the same each time
    strength: Strength = "mild" if draw.random() < _MILD_SHARE else "severe"
    some = draw.sample(MILD, draw.randint(_FEWEST, len(MILD)))
    kinds = tuple(kind for kind in MILD if kind in some)
    case: Case = draw.choice(("upper", "lower", "title")) if "case" in kinds else ""
    prefix = draw.choice(("v2", "cms", "fld", "x")) + "_"
    if strength == "mild":
        return Drift(seed, strength, kinds, case=case, prefix=prefix)
    severe = (*SEVERE, *(("controls",) if draw.random() < 0.5 else ()))
    return Drift(seed, strength, (*kinds, *severe), draw.choice(PLACES), case, prefix)


def parse_drift(given: object) -> Drift | None:
    """What `{"seed": N}` asks for, `{"seed": null}` for none. Raises BadDrift."""
    if not isinstance(given, dict) or set(given) != {"seed"}:
        raise BadDrift('write {"seed": N}, null for none')
    seed = given["seed"]
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MOST:
        raise BadDrift(f"a seed is a whole number from 0 to {MOST}")
    return drift_of(seed)
