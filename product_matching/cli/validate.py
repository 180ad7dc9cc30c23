"""`validate`: what is in a table, and what is wrong with it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit, say, table

if TYPE_CHECKING:
    from product_matching.dataset import Catalog

DUPLICATES = {
    "same_image": "same image file",
    "near_image": "near duplicate images",
    "same_text": "same text",
    "near_text": "near duplicate texts",
    "contradictions": "one picture, contradicting texts",
    "placeholders": "one picture for many products",
}
ABOUT = """
Reads the table as train does and tells what is in it: counts, missing fields, languages, lengths of texts, sizes of
images, tags, price outliers, duplicates of images and texts. --out DIR writes report.html (one file, with thumbnails)
and rejected.csv (each bad row with its line and the reason). --strict makes a rejected row an error, after the report.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    what = "say what is in a table and what is wrong with it"
    parser = commands.add_parser("validate", help=what, description=ABOUT)
    add_catalog(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write report.html and rejected.csv into this folder")
    parser.add_argument("--rejected", metavar="FILE", help="write the rows that cannot be used to this CSV")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Reads and checks the catalogue, tells about it, and only then fails where it must."""
    from product_matching.dataset.inspection import inspect_catalog
    from product_matching.dataset.tables import tell_rejected
    from product_matching.errors import DataError

    catalog = read_catalog(options, strict=False, allow_empty=True, near_duplicates=False)
    report, duplicates = inspect_catalog(catalog)
    if options.rejected:
        catalog.rejected.to_csv(options.rejected, index=False)
    if options.out:
        _write(options.out, report, duplicates, catalog, options.catalog.name)
    emit(report, as_json=options.json, text=report_text)
    if options.strict:
        tell_rejected(catalog.rejected, report["rows"], options.catalog, strict=True)
    if not len(catalog):
        raise DataError(f"{options.catalog} has no usable row.")


def short_text(report: dict[str, Any]) -> str:
    """The report in a few lines, for the start of a training."""
    missing = ", ".join(f"{count:,} without {name}" for name, count in report["missing"].items() if count)
    lines = [
        f"{report['accepted']:,} of {report['rows']:,} rows can be used; {report['groups']:,} different products"
        + (f"; {missing}" if missing else "")
    ]
    lines += [f"  rejected, {count:,}: {reason}" for reason, count in report["reasons"].items()]
    found = [
        f"{counts['products']:,} products in {counts['sets']:,} sets of {DUPLICATES[name]}"
        for name, counts in report["duplicates"].items()
        if counts["sets"] and name in ("near_image", "near_text", "contradictions", "placeholders")
    ]
    lines += ["  " + "; ".join(found)] if found else []
    outliers = report["price"].get("outliers", 0)
    lines += [f"  {outliers:,} odd values in {report['price']['column']}"] if outliers else []
    return "\n".join([*lines, "  all of it: product-matching validate"])


def report_text(report: dict[str, Any]) -> str:
    """The report as tables for people."""
    counts = [(name, f"{report[name]:,}") for name in ("rows", "accepted", "rejected", "groups", "images", "tags")]
    missing = [(f"without {name}", f"{count:,}") for name, count in report["missing"].items()]
    languages = [(f"language: {name}", f"{count:,}") for name, count in report["languages"].items() if count]
    blocks = [table(["products", "count"], [*counts, *missing, *languages])]
    if report["reasons"]:
        blocks.append(table(["why rows are rejected", "count"], list(report["reasons"].items())))
    spreads = [
        *((f"letters of {name}", values) for name, values in report["text_lengths"].items()),
        *((f"{name} of images", values) for name, values in report["image_sizes"].items()),
        *([(report["price"]["column"], report["price"])] if "max" in report["price"] else []),
    ]
    keys = ("min", "median", "p95", "max")
    rows = [(name, *(_number(values[key]) for key in keys)) for name, values in spreads if values]
    if rows:
        blocks.append(table(["", "least", "median", "95 %", "most"], rows))
    sets = [
        (DUPLICATES[name], one["sets"], one["products"], ", ".join(one["examples"][0][:3]) if one["examples"] else "")
        for name, one in report["duplicates"].items()
    ]
    blocks.append(table(["duplicates", "sets", "products", "for example"], sets))
    return "\n\n".join([*blocks, *_notes(report)])


def _notes(report: dict[str, Any]) -> list[str]:
    price, tags = report["price"], report["tag_frequencies"]
    notes = [f"attributes: {', '.join(report['attributes']) or 'none'}"]
    if tags:
        notes.append("frequent tags: " + ", ".join(f"{tag} ({count:,})" for tag, count in list(tags.items())[:10]))
    if price.get("outliers"):
        examples = ", ".join(f"{one['product_id']} ({one[price['column']]})" for one in price["examples"][:5])
        notes.append(f"odd {price['column']}: {price['outliers']:,} products, such as {examples}")
    if report["images_small"]:
        notes.append(f"{report['images_small']:,} images are under 32 pixels high or wide")
    return ["\n".join(notes)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"


def _write(folder: Path, report: dict[str, Any], duplicates: Any, catalog: Catalog, source: str) -> None:
    from product_matching.dataset.inspection import write_page

    folder.mkdir(parents=True, exist_ok=True)
    catalog.rejected.to_csv(folder / "rejected.csv", index=False)
    write_page(folder / "report.html", report, duplicates, catalog, source=source)
    say(f"report: {folder / 'report.html'}; rejected rows: {folder / 'rejected.csv'}")
