"""What commands print: JSON or text on standard output, everything else on standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any


def emit(result: dict[str, Any], *, as_json: bool, text: Callable[[dict[str, Any]], str]) -> None:
    """Prints a result as one JSON object, or as text for people."""
    if as_json:
        print(json.dumps(_finite(result), ensure_ascii=False))
    else:
        print(text(result))


def say(message: str = "") -> None:
    """Tells a person what goes on: standard error."""
    print(message, file=sys.stderr, flush=True)


def complain(message: str) -> None:
    """Reports an error in one line."""
    say("product-matching: error: " + " ".join(message.split()))


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Lines up columns: the first to the left, the others to the right; numbers with three digits."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "  ".join(
            _pad(cell, width, left=column == 0) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _width(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _pad(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(text))
    return text + space if left else space + text


def _finite(value: Any) -> Any:
    """JSON knows no nan: what is undefined is null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
