"""The most recently used values, by a key."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class RecentCache(Generic[V]):
    """Keeps `size` values; the one that was not asked for the longest goes first. Safe between threads."""

    def __init__(self, size: int) -> None:
        self.size, self.hits, self.misses = size, 0, 0
        self._values: OrderedDict[bytes, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes) -> V | None:
        """The value, or None."""
        with self._lock:
            if key in self._values:
                self.hits += 1
                self._values.move_to_end(key)
                return self._values[key]
            self.misses += 1
            return None

    def put(self, key: bytes, value: V) -> None:
        """Keeps a value."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self.size:
                self._values.popitem(last=False)

    def renewed(self) -> RecentCache[V]:
        """An empty one that counts on."""
        fresh: RecentCache[V] = RecentCache(self.size)
        fresh.hits, fresh.misses = self.hits, self.misses
        return fresh


def content_key(parts: Iterable[str | bytes]) -> bytes:
    """SHA-256 of parts, each with its length, so that ("ab", "") and ("a", "b") differ."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
