"""Tables of comma- or tab-separated values, where a broken line costs that line alone."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

import pandas as pd

from product_matching.dataset.encodings import UNDECODED

Record = tuple[int, list[str], str]
"""Line where it starts, its fields, what is wrong with it."""


class BadLine(NamedTuple):
    """A line that holds no row: its number from 1 and why."""

    line: int
    reason: str


def read_delimited(
    path: Path, separator: str, *, encoding: str, limit: int | None = None
) -> tuple[pd.DataFrame, list[BadLine]]:
    """Reads a table whose first line names the columns.

    A row has as many fields as the header. A quote that is opened and never closed would swallow the lines after it;
    such a line is set aside and reading goes on with the next one.

    Args:
        path: The file.
        separator: Between fields; a field in double quotes may hold it, line ends, and double quotes written twice.
        encoding: Name for Python.
        limit: Records to read, good and bad.

    Returns:
        Strings, white space at their ends removed, indexed by the line where each row starts; and the lines left out.

    Raises:
        pandas.errors.EmptyDataError: If there is no header.
    """
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        records = _Records(file, separator)
        _, header, fault = next(iter(records), (0, [], ""))
        if not header:
            raise pd.errors.EmptyDataError
        if fault:
            raise ValueError(f"the header {fault}")
        records.width = len(header)
        good, lines, bad = [], [], []
        for line, fields, fault in records:
            if fault:
                bad.append(BadLine(line, f"the line {fault}"))
            else:
                good.append(fields)
                lines.append(line)
            if limit and len(good) + len(bad) == limit:
                break
    table = pd.DataFrame(good, columns=_named(header), index=pd.Index(lines, dtype="int64"), dtype=object)
    return table, bad


def _named(header: list[str]) -> list[str]:
    return [name or f"column {place}" for place, name in enumerate(header, 1)]


class _Records:
    """The records of a file, with the lines they stand on and the power to put lines back."""

    def __init__(self, file: TextIO, separator: str) -> None:
        self.width = 0
        self._file = file
        self._separator = separator
        self._waiting: deque[str] = deque()  # read and put back
        self._taken: list[str] = []  # lines of the record being read
        self._line = 0

    def __iter__(self) -> Iterator[Record]:
        while (record := self._next()) is not None:
            if record[1]:
                yield record

    def _next(self) -> Record | None:
        """The next record, with no fields for an empty line; None at the end of the file."""
        start, self._taken = self._line + 1, []
        try:
            fields = next(csv.reader(self._lines(), delimiter=self._separator, strict=True), None)
        except csv.Error:  # text behind a closing quote, or no closing quote before the end or csv.field_size_limit()
            fields = []
        if fields is None:
            return None
        if len(self._taken) > 1 and (not fields or self._fault(fields)):
            self._put_back()
            return start, [""], "opens a quote that it does not close"
        # Text behind a closing quote on one line is a quote mark that nobody doubled: `"5" wide"`.
        fields = fields or next(csv.reader(self._taken, delimiter=self._separator))
        return start, [field.strip() for field in fields][: self.width or None], self._fault(fields)

    def _lines(self) -> Iterator[str]:
        while True:
            line = self._waiting.popleft() if self._waiting else self._file.readline()
            if not line:
                return
            self._line += 1
            self._taken.append(line)
            yield line

    def _put_back(self) -> None:
        self._waiting.extendleft(reversed(self._taken[1:]))
        self._line -= len(self._taken) - 1
        del self._taken[1:]

    def _fault(self, fields: list[str]) -> str:
        if any(not line.isascii() and UNDECODED.search(line) for line in self._taken):
            return "holds bytes that the file's encoding does not have"
        if not self.width or not fields:
            return ""
        if len(fields) < self.width or any(fields[self.width :]):
            return f"has {len(fields)} fields, the header {self.width}"
        return ""
