"""Records, as `run` writes them, read together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def read(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The records of files."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def joined(records: Sequence[dict[str, Any]], name: str = "way") -> list[dict[str, Any]]:
    """The rows of one record, or of several: a row whose `name` a later record has, too, is told by that."""
    if len(records) == 1:
        return list(records[0]["rows"])
    return list({row[name]: row for record in records for row in record["rows"]}.values())
