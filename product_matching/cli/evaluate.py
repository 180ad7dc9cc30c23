"""`evaluate`: measures a bundle on products it has not seen."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit, say, table
from product_matching.cli.progress import step
from product_matching.errors import ConfigError

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.dataset import Catalog

ABOUT = """
Measures matching and search on products that training has not seen, beside plain baselines, with intervals; by kind of
goods, brand, colour, language, price and length of the text. Writes BUNDLE/report/: index.html (one file, with curves,
pictures and a model card), metrics.json, searches.png and, with the extra plots, plots/*.png and *.svg.
--against BUNDLE asks another bundle the same and says whether the difference is more than chance.
"""
DIRECTIONS = ("text_to_image", "image_to_text", "text_to_product")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("evaluate", help="measure a bundle on held-out products", description=ABOUT)
    parser.add_argument("bundle", help="folder of the bundle")
    add_catalog(parser)
    parser.add_argument(
        "--split",
        choices=["train", "val", "test", "all"],
        default="test",
        help="which products: a side of the training's split, or every row of a table it never saw (default: test)",
    )
    parser.add_argument("--category", default="", metavar="COLUMN", help="column that names the kind of goods")
    parser.add_argument(
        "--against", default="", metavar="BUNDLE", help="put the same questions to this bundle too, and compare the two"
    )
    parser.add_argument(
        "--precision", type=float, default=0.95, metavar="P", help="tell the threshold that reaches it (default: 0.95)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluates and writes the report."""
    from product_matching.bundle import load_bundle

    bundle = load_bundle(options.bundle)
    other = load_bundle(options.against) if options.against else None
    if not 0 < options.precision <= 1:
        raise ConfigError(f"--precision is above 0 and up to 1; got {options.precision:g}.")
    with step("read the catalogue"):
        split = bundle.manifest.get("split", {})
        catalog = read_catalog(
            options, group_by=split.get("group_by", ""), near_duplicates=split.get("near_duplicates", False)
        )
    part = select_part(bundle, catalog, options.split)
    with step(f"evaluate on {len(part)} products"):
        metrics = measure(
            bundle, part, split=options.split, category=options.category, precision=options.precision, other=other
        )
    say(f"report: {bundle.report_folder / 'index.html'}")
    emit(metrics, as_json=options.json, text=metrics_text)


def measure(
    bundle: Bundle,
    part: Catalog,
    *,
    split: str,
    model: Any = None,
    category: str = "",
    precision: float = 0.95,
    other: Bundle | None = None,
) -> dict[str, Any]:
    """Evaluates a bundle and writes its report.

    Args:
        bundle: The bundle.
        part: The products to measure on.
        split: Which side of the split they are, to be told.
        model: The bundle's Keras model, where it is loaded already.
        category: Column that names the kind of goods.
        precision: One of the aims of the thresholds.
        other: A bundle to compare with.
    """
    from product_matching.eval import best_and_worst, embed_catalog, examine, judge, summarise, write_report
    from product_matching.eval.confusion import confusions
    from product_matching.eval.page import Subject

    model = model or bundle.load_model()
    views = embed_catalog(model, part)
    judgement = judge(model, part, category=category, views=views)
    metrics = {"split": split, **summarise(judgement, part, category=category)}
    metrics |= examine(judgement, part, category=category, precision=precision)
    searched = judgement.searched["text_to_image"]
    metrics["confusions"] = confusions(part, judgement.rows, searched.first, category=category)
    name, theirs = _names(bundle, other)
    if other:
        metrics["against"] = _against(judgement, bundle, other, part, category)
    subject = Subject(part, views, judgement, bundle.manifest, name, category, theirs)
    examples = best_and_worst(part, views, searched=searched)
    write_report(bundle.report_folder, metrics, examples, subject)
    return metrics


def _against(judgement: Any, bundle: Bundle, other: Bundle, part: Catalog, category: str) -> dict[str, Any]:
    """The comparison, with a warning where the other bundle has learned from these products."""
    from product_matching.dataset.splitting import SIDES
    from product_matching.eval import compare, judge

    found: dict[str, Any] = {"bundle": str(other.folder), "name": _names(bundle, other)[1], "warning": ""}
    sides = other.known_sides
    seen = int((sides.look_up(part.groups()) == SIDES.index("train")).sum()) if sides else None
    same = all(other.manifest.get(key) == bundle.manifest.get(key) for key in ("split", "data"))
    if seen or (seen is None and not same):
        known = (
            f"was trained on {seen} of these {len(part)} products" if seen else "does not say what it was trained on"
        )
        found["warning"] = f"The other bundle {known}: its numbers may flatter it."
        say(f"warning: {found['warning']}")
    return {**found, "metrics": compare(judgement, judge(other.load_model(), part, category=category))}


def _names(bundle: Bundle, other: Bundle | None) -> tuple[str, str]:
    """What the two are called: name and version of their folders; in full where these are the same."""
    first, second = (one and "/".join(one.folder.resolve().parts[-2:]) for one in (bundle, other))
    if first == second:
        return str(bundle.folder.resolve()), str(other.folder.resolve())
    return first, second or ""


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
    words = result.get("word_search")
    found += [["text to product, search by words (BM25)", *_retrieval(words)]] if words else []
    retrieval = table(["find the product", "recall@1", "recall@5", "recall@10", "mrr", "among"], found)
    note = f"accuracy interval (95 %): {low:.3f} to {high:.3f}; threshold {result['threshold']:.3f}, set on validation"
    more = [part for part in (_worst_text(result), _against_text(result)) if part]
    return "\n\n".join([f"{match}\n{note}", retrieval, *more])


def _worst_text(result: dict[str, Any]) -> str:
    rows = [
        [f"{one['slice']}: {one['value']}", one["products"], one["accuracy"], *one["accuracy_interval"], one["mrr"]]
        for one in result.get("worst_slices", ())
    ]
    return table(["lowest slices", "products", "accuracy", "from", "to", "mrr"], rows) if rows else ""


def _against_text(result: dict[str, Any]) -> str:
    if "against" not in result:
        return ""
    rows = [
        [name.replace("_", " "), row["this"], row["other"], row["difference"], *row["interval"], row["verdict"]]
        for name, row in result["against"]["metrics"].items()
    ]
    return table([f"against {result['against']['name']}", "this", "other", "difference", "from", "to", "verdict"], rows)


def _matching(metrics: dict[str, Any]) -> list[Any]:
    return [metrics[name] for name in ("accuracy", "precision", "recall", "f1", "auc")]


def _retrieval(metrics: dict[str, Any]) -> list[Any]:
    return [metrics[name] for name in ("recall@1", "recall@5", "recall@10", "mrr", "gallery")]
