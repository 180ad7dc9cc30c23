"""What an evaluation leaves in a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from product_matching._folders import replaced_folder
from product_matching.errors import MissingExtraError
from product_matching.eval.charts import all_charts
from product_matching.eval.contact_sheet import Row, contact_sheet
from product_matching.eval.page import Subject, write_page
from product_matching.eval.plots import write_confusions, write_plots


def write_report(
    folder: Path, metrics: Mapping[str, Any], examples: Sequence[Row] = (), subject: Subject | None = None
) -> None:
    """Writes the report folder, in place of the last report.

    `metrics.json` and `searches.png`; with a subject also `index.html`, one file that needs no other, and `plots/`, the
    curves as PNG and SVG, where matplotlib is installed (extra `plots`).

    Args:
        folder: Where the report goes.
        metrics: Of `evaluate`.
        examples: Of `best_and_worst`.
        subject: What was evaluated.
    """
    with replaced_folder(folder) as fresh:
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        (fresh / "metrics.json").write_text(text + "\n", encoding="utf-8")
        if examples:
            contact_sheet(examples, fresh / "searches.png")
        if subject is None:
            return
        charts, note = list(all_charts(subject.judgement, subject.manifest.get("history", {}))), ""
        try:
            write_plots(charts, fresh / "plots")
            if "confusions" in metrics:
                write_confusions(metrics["confusions"]["matrix"], fresh / "plots")
        except MissingExtraError as error:
            note = f"The curves are in this page alone: {error}"
        write_page(fresh / "index.html", subject, metrics, charts, examples, note=note)
