"""What an evaluation leaves in a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from product_matching._folders import replaced_folder
from product_matching.eval.contact_sheet import Row, contact_sheet


def write_report(folder: Path, metrics: Mapping[str, Any], examples: Sequence[Row] = ()) -> None:
    """Writes `metrics.json` and `searches.png` into the report folder, in place of the last report.

    Args:
        folder: Where the report goes.
        metrics: Of `evaluate`.
        examples: Of `best_and_worst`.
    """
    with replaced_folder(folder) as fresh:
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        (fresh / "metrics.json").write_text(text + "\n", encoding="utf-8")
        if examples:
            contact_sheet(examples, fresh / "searches.png")
