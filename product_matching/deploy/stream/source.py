"""Where events come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MAX_LINE = 16 << 20
"""Bytes of one event; a picture in base64 fits."""
PositionOf = Callable[[str], int]


@dataclass(frozen=True)
class Record:
    """An event as it was sent.

    Attributes:
        text: JSON in UTF-8.
        source: Name under which the position is kept; "" where it cannot be read again from there.
        after: Position behind it.
    """

    text: bytes
    source: str = ""
    after: int = 0


class Source(Protocol):
    """Something that is read from a position on.

    Attributes:
        positions: By name of a source: up to where the database says it was read when reading from it began.
    """

    positions: dict[str, int]

    def open(self, position_of: PositionOf) -> None:
        """Begins to read, or begins anew, behind what the database holds."""

    def read(self, most: int, seconds: float) -> list[Record] | None:
        """So many records or fewer, after so many seconds at most; None where no more will come."""

    def done(self, positions: dict[str, int]) -> None:
        """Is told what the database holds now."""

    def close(self) -> None:
        """Ends."""
