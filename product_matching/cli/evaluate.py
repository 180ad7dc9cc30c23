"""`evaluate`: measures a bundle on products it has not seen."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit, say, table
from product_matching.cli.progress import step

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.dataset import Catalog

DIRECTIONS = ("text_to_image", "image_to_text", "text_to_product")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("evaluate", help="measure a bundle on held-out products")
    parser.add_argument("bundle", help="folder of the bundle")
    add_catalog(parser)
    parser.add_argument(
        "--split",
        choices=["train", "val", "test", "all"],
        default="test",
        help="which products: a side of the training's split, or every row of a table it never saw (default: test)",
    )
    parser.add_argument("--category", default="", metavar="COLUMN", help="column that names the kind of goods")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluates and writes the report."""
    from product_matching.bundle import load_bundle
    from product_matching.eval import best_and_worst, embed_catalog, evaluate, write_report

    bundle = load_bundle(options.bundle)
    with step("read the catalogue"):
        split = bundle.manifest.get("split", {})
        catalog = read_catalog(
            options, group_by=split.get("group_by", ""), near_duplicates=split.get("near_duplicates", False)
        )
    part = select_part(bundle, catalog, options.split)
    with step(f"evaluate on {len(part)} products"):
        model = bundle.load_model()
        views = embed_catalog(model, part)
        metrics = {"split": options.split, **evaluate(model, part, category=options.category, views=views)}
        write_report(bundle.report_folder, metrics, best_and_worst(part, views))
    say(f"report: {bundle.report_folder}")
    emit(metrics, as_json=options.json, text=metrics_text)


def select_part(bundle: Bundle, catalog: Catalog, split: str) -> Catalog:
    """The side of the training's split that is asked for.

    Raises:
        DataError: If no product lies on that side.
    """
    from product_matching.dataset.leaks import check_unseen
    from product_matching.errors import BundleError, DataError

    known = bundle.manifest.get("split")
    same = bundle.manifest.get("data", {}).get("fingerprint") == catalog.fingerprint()
    sides = bundle.known_sides
    if split == "all":
        seen = check_unseen(catalog, "all", sides) if sides else len(catalog) * same
        if seen:
            say(f"warning: the bundle was trained on {seen} of these {len(catalog)} products; these numbers flatter it")
        return catalog
    if known is None:
        raise BundleError(f"{bundle.folder} does not say how its data was split. Evaluate it with --split all.")
    if not same:
        say("warning: the table is not the one of the training; products that are in both keep their side of the split")
    parts = catalog.split(known["seed"], val=known["val"], test=known["test"], known=sides)
    part = dict(zip(("train", "val", "test"), parts, strict=True))[split]
    if sides:
        check_unseen(part, split, sides)
    if not len(part):
        raise DataError(f"No product of {len(catalog)} lies on the side {split!r} of the split.")
    return part


def metrics_text(result: dict[str, Any]) -> str:
    """The tables that a person reads."""
    rows = [[f"this model ({result['products']} products)", *_matching(result)]]
    rows += [[name, *_matching(baseline)] for name, baseline in result["baselines"].items()]
    low, high = result["accuracy_interval"]
    match = table(["image and text match?", "accuracy", "precision", "recall", "f1", "auc"], rows)
    found = [[name.replace("_", " "), *_retrieval(result[name])] for name in DIRECTIONS if name in result]
    found += [
        [f"text to image, {name}", *_retrieval(baseline["text_to_image"])]
        for name, baseline in result["baselines"].items()
    ]
    retrieval = table(["find the product", "recall@1", "recall@5", "recall@10", "mrr", "among"], found)
    note = f"accuracy interval (95 %): {low:.3f} to {high:.3f}; threshold {result['threshold']:.3f}, set on validation"
    return f"{match}\n{note}\n\n{retrieval}"


def _matching(metrics: dict[str, Any]) -> list[Any]:
    return [metrics[name] for name in ("accuracy", "precision", "recall", "f1", "auc")]


def _retrieval(metrics: dict[str, Any]) -> list[Any]:
    return [metrics[name] for name in ("recall@1", "recall@5", "recall@10", "mrr", "gallery")]
