"""`evaluate`: measures a bundle on products it has not seen."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.evaluation_text import metrics_text
from product_matching.cli.output import emit, say
from product_matching.cli.progress import step
from product_matching.errors import ConfigError

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.dataset import Catalog

ABOUT = """
Measures matching and search on products that training has not seen, beside plain baselines, with intervals; by kind of
goods, brand, colour, language, price and length of the text. Writes BUNDLE/report/: index.html (one file, with curves,
pictures and a model card), metrics.json, searches.png and, with the extra plots, plots/*.png and *.svg.
Searches: text to image, image to text, title to product, photo to product (a second photo where there is one), photo
and title to product; product to others of its kind and family; words for a kind, a colour or a tag to products and
pictures.
--against BUNDLE asks another bundle the same and says whether the difference is more than chance.
"""
WHOLE = 20_000
"""Products of a table up to which the whole of it is searched, too, without being asked to."""


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
    parser.add_argument(
        "--whole-catalogue",
        action=argparse.BooleanOptionalAction,
        default=None,
        help=f"also search among all products of the table, as a shopper does; all of them are embedded for it "
        f"(default: for tables of up to {WHOLE:,} products)",
    )
    parser.add_argument(
        "--interactions",
        default="",
        metavar="TABLE",
        help="who had what (user_id, product_id): also tell what the bestsellers would be found by",
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
        catalog = read_catalog(options, **bundle.grouping)
    part = select_part(bundle, catalog, options.split)
    with step(f"evaluate on {len(part)} products"):
        metrics = measure(
            bundle,
            part,
            split=options.split,
            category=options.category,
            precision=options.precision,
            other=other,
            whole=_whole(options, catalog),
            train=select_part(bundle, catalog, "train", quiet=True) if options.split in ("val", "test") else None,
            popularity=_popularity(options.interactions, part) if options.interactions else None,
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
    whole: Catalog | None = None,
    train: Catalog | None = None,
    popularity: Any = None,
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
        whole: All products, these among them, to search among.
        train: The products of the training, to compare with.
        popularity: How often each product of the part was had: float [N].
    """
    from product_matching.eval import best_and_worst, examine, judge, summarise, whole_catalogue, write_report
    from product_matching.eval.confusion import confusions
    from product_matching.eval.page import Subject

    model = model or bundle.load_model()
    views, all_views = _embedded(model, part, whole)
    judgement = judge(model, part, category=category, views=views)
    metrics = {"split": split, **summarise(judgement, part, category=category)}
    metrics |= examine(judgement, part, category=category, precision=precision, train=train, popularity=popularity)
    if whole is not None:
        seen = bundle.trained_on(whole.groups())
        metrics["whole_catalogue"] = whole_catalogue(judgement, part, whole, all_views, seen=seen)
    searched = judgement.searched["text_to_image"]
    metrics["confusions"] = confusions(part, judgement.rows, searched.first, category=category)
    name, theirs = _names(bundle, other)
    if other:
        metrics["against"] = _against(judgement, bundle, other, part, category)
    subject = Subject(part, views, judgement, bundle.manifest, name, category, theirs)
    examples = best_and_worst(part, views, searched=searched)
    write_report(bundle.report_folder, metrics, examples, subject)
    return metrics


def _whole(options: argparse.Namespace, catalog: Catalog) -> Catalog | None:
    """The table, if it is to be searched as a whole; with --split all it is searched anyway."""
    if options.split == "all" or options.whole_catalogue is False:
        return None
    if options.whole_catalogue is None and len(catalog) > WHOLE:
        say(f"not searched among all {len(catalog):,} products, which takes long: --whole-catalogue does it")
        return None
    return catalog


def _popularity(path: str, part: Catalog) -> Any:
    """How often each product was had, 0 for one that nobody had."""
    from product_matching.recommendation import load_interactions

    events = load_interactions(path)
    had = dict(zip(events.products, events.product_counts(), strict=True))
    return part.table["product_id"].map(had).fillna(0).to_numpy(float)


def _embedded(model: Any, part: Catalog, whole: Catalog | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The vectors of the held-out products, and those of all."""
    from product_matching.eval import embed_catalog

    if whole is None:
        return embed_catalog(model, part), {}
    views = embed_catalog(model, whole)
    places = dict(zip(whole.table["product_id"], range(len(whole)), strict=True))
    rows = [places[name] for name in part.table["product_id"]]
    return {name: vectors[rows] for name, vectors in views.items()}, views


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


def select_part(bundle: Bundle, catalog: Catalog, split: str, *, quiet: bool = False) -> Catalog:
    """The side of the training's split that is asked for.

    Args:
        bundle: The bundle.
        catalog: The table.
        split: The side, or `"all"`.
        quiet: Warn of nothing, and return an empty side as it is.

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
    if not same and not quiet:
        say("warning: the table is not the one of the training; products that are in both keep their side of the split")
    parts = catalog.split(known["seed"], val=known["val"], test=known["test"], known=sides)
    part = dict(zip(("train", "val", "test"), parts, strict=True))[split]
    if sides:
        check_unseen(part, split, sides)
    if not len(part) and not quiet:
        raise DataError(f"No product of {len(catalog)} lies on the side {split!r} of the split.")
    return part
