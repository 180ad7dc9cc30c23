"""What an evaluation leaves in a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from product_matching._folders import replaced_folder


def write_report(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Writes `metrics.json` into the report folder, in place of the last report."""
    with replaced_folder(folder) as fresh:
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        (fresh / "metrics.json").write_text(text + "\n", encoding="utf-8")
