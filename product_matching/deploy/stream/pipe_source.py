"""Events of standard input."""

from __future__ import annotations

import queue
import time
from threading import Thread
from typing import BinaryIO

from product_matching.deploy.stream.source import MAX_LINE, PositionOf, Record


class PipeSource:
    """Reads lines as they come. It has no position: who sends the same again is recognised by the ids of the events.

    Args:
        stream: Bytes, one JSON object a line.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.positions: dict[str, int] = {}
        self._stream, self._ended = stream, False
        self._lines: queue.Queue[bytes] = queue.Queue(1024)

    def open(self, position_of: PositionOf) -> None:
        """Begins to read, in a thread: what came is kept before more comes."""
        del position_of
        Thread(target=self._fill, daemon=True).start()

    def read(self, most: int, seconds: float) -> list[Record] | None:
        """Lines that came within so many seconds."""
        until, found = time.monotonic() + seconds, []
        while len(found) < most and not self._ended:
            try:
                line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            self._ended = not line
            found += [Record(line)] if line else []
        return None if self._ended and not found else found

    def done(self, positions: dict[str, int]) -> None:
        """Nothing to keep in mind."""

    def close(self) -> None:
        """Leaves the stream to its owner."""

    def _fill(self) -> None:
        while line := self._stream.readline(MAX_LINE + 1):
            self._lines.put(line)
        self._lines.put(b"")
