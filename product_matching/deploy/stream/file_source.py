"""Events of a file, one JSON object a line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

from product_matching.deploy.stream.source import MAX_LINE, PositionOf, Record
from product_matching.errors import ConfigError


class FileSource:
    """Reads a file from where the last reader stopped.

    Args:
        path: Its name is the name of its position: a file that grows may be read again and again.
        follow: Whether to wait for more at its end. Then a last line without a line feed is not complete yet.

    Raises:
        ConfigError: On opening, if there is no such file, or it is shorter than what was read of it.
    """

    def __init__(self, path: Path, *, follow: bool = False) -> None:
        self.path, self.follow, self.positions = Path(path), follow, {}
        self.name = f"file:{self.path.resolve()}"
        self._file: BinaryIO | None = None

    def open(self, position_of: PositionOf) -> None:
        """Opens it behind what was read."""
        self.close()
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise ConfigError(f"The events {self.path} cannot be read: {error.strerror}.") from error
        at, size = position_of(self.name), self.path.stat().st_size
        if at > size:
            raise ConfigError(
                f"{self.path} has {size:,} bytes, and {at:,} of it were read before: it is another file. "
                "Give a new file a new name."
            )
        self.positions[self.name] = at
        self._file.seek(at)

    def read(self, most: int, seconds: float) -> list[Record] | None:
        """Lines that are there; waits only where there are none."""
        until, found = time.monotonic() + seconds, []
        while len(found) < most:
            record = self._line()
            if record is not None:
                found.append(record)
            elif found or not self.follow or time.monotonic() > until:
                break
            else:
                time.sleep(min(0.1, seconds))
        return found if found or self.follow else None

    def done(self, positions: dict[str, int]) -> None:
        """Keeps them in mind."""
        self.positions |= positions

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def _line(self) -> Record | None:
        assert self._file is not None  # open() comes first
        at = self._file.tell()
        text = part = self._file.readline(MAX_LINE + 1)
        while len(part) > MAX_LINE and not part.endswith(b"\n"):  # the event is refused, its rest passed over
            part = self._file.readline(MAX_LINE + 1)
        if not text or (self.follow and not part.endswith(b"\n")):
            self._file.seek(at)
            return None
        return Record(text, self.name, self._file.tell())
