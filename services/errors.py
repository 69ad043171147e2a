"""The errors of this room: what is wrong with a request, in a sentence for whoever made it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from meterfarm.storage import AlreadyThere, AnswerRefused, RunRefused
from meterfarm.support.errors import RequestError


class ServiceError(RequestError):
    """A request that cannot be done as it was made: one sentence: what, where, what to do; never a secret."""


class InvalidRequest(ServiceError):
    """A value in the request cannot be used, or values do not fit together."""


class NotFound(ServiceError):
    """What the request names does not exist."""


class Conflict(ServiceError):
    """What the request names is in a state in which this cannot be done, or exists already."""


@contextmanager
def store_refusals() -> Iterator[None]:
    """The boundary around a change in the store.

    Raises:
        Conflict: the store refused the change.
    """
    try:
        yield
    except (AlreadyThere, RunRefused, AnswerRefused) as exc:
        raise Conflict(str(exc)) from exc
