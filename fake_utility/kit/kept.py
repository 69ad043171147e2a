"""Answers that are kept once they were made."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class Kept:
    """Bytes by key, `limit` bytes in all: beyond that, those go that nobody asked for the longest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._answers: OrderedDict[Hashable, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """What is kept under the key, made now if it is not there."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
            return answer
        answer = self._answers[key] = make()
        self._bytes += len(answer)
        while self._bytes > self._limit:
            self._bytes -= len(self._answers.popitem(last=False)[1])
        return answer
