"""What a portal may do wrong on demand, and how that is written as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import PlainTextResponse, Response

FILES = ("/static/", "/favicon.ico", "/robots.txt")
"""Neither pages nor documents: these are never late."""


class BadFaults(ValueError):
    """Faults that cannot be read; the text says which."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What a portal does wrong.

    down: everything is answered with 503. slow_seconds: so late come pages and documents, or only those with
    one of slow_paths in their path and query. error_paths: 500 where path and query have one of these.
    retry_after: everything is answered with 429 and
    so many seconds. requests: it ends after so many requests that it met; None: it does not.
    """

    down: bool = False
    slow_seconds: float = 0
    slow_paths: tuple[str, ...] = ()
    error_paths: tuple[str, ...] = ()
    retry_after: int | None = None
    requests: int | None = None

    def late(self, target: str) -> bool:
        """Whether answers to this path are slow."""
        if not self.slow_seconds:
            return False
        if self.slow_paths:
            return any(part in target for part in self.slow_paths)
        return not target.startswith(FILES)

    def answer(self, target: str) -> Response | None:
        """What is answered instead of the portal's own answer, if anything."""
        if self.down:
            return PlainTextResponse("Service Unavailable", 503)
        if self.retry_after is not None:
            headers = {"Retry-After": str(self.retry_after)}
            return PlainTextResponse("Too Many Requests", 429, headers)
        if any(part in target for part in self.error_paths):
            return PlainTextResponse("Internal Server Error", 500)
        return None

    def as_json(self) -> dict[str, object]:
        """The faults that are on."""
        given: dict[str, object] = {"down": True} if self.down else {}
        if self.slow_seconds:
            given["slow_seconds"] = self.slow_seconds
        if self.slow_paths:
            given["slow_paths"] = list(self.slow_paths)
        if self.error_paths:
            given["error_paths"] = list(self.error_paths)
        if self.retry_after is not None:
            given["too_many"] = {"retry_after": self.retry_after}
        if self.requests is not None:
            given["requests"] = self.requests
        return given


def parse_faults(data: object) -> Faults:
    """Raises BadFaults."""
    given = dict(_mapping("the faults", data))
    too_many = given.pop("too_many", None)
    faults = Faults(
        down=_flag("down", given.pop("down", False)),
        slow_seconds=_number("slow_seconds", given.pop("slow_seconds", 0)),
        slow_paths=_texts("slow_paths", given.pop("slow_paths", [])),
        error_paths=_texts("error_paths", given.pop("error_paths", [])),
        retry_after=None if too_many is None else _retry_after(too_many),
        requests=_count("requests", given.pop("requests")) if "requests" in given else None,
    )
    if given:
        raise BadFaults(f"There is no fault called {next(iter(given))!r}.")
    return faults


def _mapping(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadFaults(f"{name} must be an object.")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadFaults(f"{name} must be true or false.")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise BadFaults(f"{name} must be a number from 0 up.")
    return value


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadFaults(f"{name} must be a whole number from 0 up.")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise BadFaults(f"{name} must be a list of texts.")
    return tuple(value)


def _retry_after(value: object) -> int:
    too_many = _mapping("too_many", value)
    if set(too_many) != {"retry_after"}:
        raise BadFaults('too_many must be {"retry_after": SECONDS}.')
    return _count("retry_after", too_many["retry_after"])
