"""`validate`: what is in a table, and what is wrong with it."""

from __future__ import annotations

import argparse
from typing import Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit, table


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("validate", help="say what is in a table and what is wrong with it")
    add_catalog(parser)
    parser.add_argument("--rejected", metavar="FILE", help="write the rows that cannot be used to this CSV")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Reads and checks the catalogue."""
    catalog = read_catalog(options)
    if options.rejected:
        catalog.rejected.to_csv(options.rejected, index=False)
    emit(summary(catalog), as_json=options.json, text=_text)


def summary(catalog: Any) -> dict[str, Any]:
    """Counts of a catalogue, as `validate --json` prints them."""
    cells = catalog.table
    reasons = catalog.rejected["column"] + ": " + catalog.rejected["reason"].str.replace(r"'[^']*'", "…", regex=True)
    return {
        "rows": len(catalog) + len(catalog.rejected),
        "accepted": len(catalog),
        "rejected": len(catalog.rejected),
        "reasons": {reason: int(count) for reason, count in reasons.value_counts().items()},
        "missing": {name: int((cells[name] == "").sum()) for name in ("image", "title", "description", "tags")},
        "groups": len(set(catalog.groups().tolist())),
        "tags": len({tag for tags in catalog.tag_lists() for tag in tags}),
        "category_column": catalog.category_column(),
        "attributes": catalog.attributes,
    }


def _text(result: dict[str, Any]) -> str:
    counts = [(name, result[name]) for name in ("rows", "accepted", "rejected", "groups", "tags")]
    missing = [(f"without {name}", count) for name, count in result["missing"].items()]
    reasons = [(reason, count) for reason, count in result["reasons"].items()]
    lines = [table(["products", "count"], [*counts, *missing])]
    if reasons:
        lines += ["", table(["why rows are rejected", "count"], reasons)]
    return "\n".join([*lines, "", "attributes: " + (", ".join(result["attributes"]) or "none")])
