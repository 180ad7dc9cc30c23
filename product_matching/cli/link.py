"""`link`: the same products found in two catalogues, or twice in one."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_catalog_options, add_json, column_mapping, read_catalog_at
from product_matching.cli.output import emit, say, table
from product_matching.cli.progress import step

if TYPE_CHECKING:
    import numpy as np

    from product_matching.bundle import Bundle
    from product_matching.search.linking import Links, Listings

    Scorer = Callable[[Listings, Listings], Callable[[np.ndarray], np.ndarray]]

SHOWN = 20
"""Links that are printed; the file has all of them."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "link",
        help="find the same products in two catalogues, or twice in one",
        description="Blocking by words (TF-IDF, model numbers) and, with a bundle of `train`, by the vectors; scoring "
        "by that bundle's head or by a re-ranker of `train-pairs`, which reads any columns. Without RIGHT: "
        "near-duplicate listings within LEFT.",
    )
    parser.add_argument("bundle", help="folder of the bundle, of train or of train-pairs")
    parser.add_argument("left", type=Path, help="table of products, with a column product_id (or id)")
    parser.add_argument("right", type=Path, nargs="?", help="the other table; left out: duplicates within LEFT")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="CSV for the links: left_id, right_id, probability, reason"
    )
    parser.add_argument("--one-to-one", action="store_true", help="no product in two links; best sum of probabilities")
    parser.add_argument(
        "--threshold", type=float, metavar="P", help="links from this probability on (default: the bundle's)"
    )
    parser.add_argument("-k", type=int, default=10, help="candidates for each product (default: 10)")
    parser.add_argument(
        "--blend",
        type=int,
        default=0,
        metavar="N",
        help="look for candidates a second time, by vectors blended with their N nearest: more pairs to score, and "
        "some more of the true ones (default: 0)",
    )
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="CSV of the true links, left_id and right_id: measure"
    )
    add_catalog_options(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Links."""
    from product_matching.bundle import load_bundle
    from product_matching.errors import ConfigError

    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise ConfigError(f"--threshold takes a probability, 0 to 1; got {options.threshold}.")
    bundle = load_bundle(options.bundle, kinds=("product", "pairs"))
    read = _read_records if bundle.kind == "pairs" else _read_products
    with step("read"):
        left = read(bundle, options.left, options)
        right = read(bundle, options.right, options) if options.right else None
        truth = _read_truth(options.truth) if options.truth else None
    result = _link(bundle, left, right, options, truth)
    emit(result, as_json=options.json, text=_text)


def _link(
    bundle: Bundle, left: Listings, right: Listings | None, options: argparse.Namespace, truth: Any
) -> dict[str, Any]:
    from product_matching.search.linking import link_listings, measure_links

    score, threshold = _scorer(bundle, left, left if right is None else right)
    threshold = threshold if options.threshold is None else options.threshold
    how = {"k": options.k, "blend": options.blend, "one_to_one": options.one_to_one}
    with step("link"):
        links = link_listings(left, right, score, threshold=threshold, **how)
    counts = {"left": len(left), "right": len(right) if right is not None else len(left)}
    result: dict[str, Any] = {**counts, "candidates": len(links.candidates), "threshold": threshold}
    result["links"] = links.table.to_dict("records")
    if options.out:
        _write(options.out, links)
        result["file"] = str(options.out)
    return result | (measure_links(links, left, right, truth) if truth is not None else {})


def _scorer(bundle: Bundle, left: Listings, right: Listings) -> tuple[Callable[[np.ndarray], np.ndarray], float]:
    """From candidates to probabilities, and the threshold that the bundle has chosen."""
    if bundle.kind == "product":
        reaches = [bundle.head.reach(side.vectors) for side in (left, right)]

        def by_vectors(pairs: np.ndarray) -> np.ndarray:
            inner = (left.vectors[pairs[:, 0]] * right.vectors[pairs[:, 1]]).sum(axis=1)
            return bundle.head.probability(
                bundle.head.score(inner), *(r[rows] for r, rows in zip(reaches, pairs.T, strict=True))
            )

        return by_vectors, bundle.head.threshold
    model = bundle.load_reranker()

    def by_reranker(pairs: np.ndarray) -> np.ndarray:
        return model.probability(
            model.score([left.records[i] for i in pairs[:, 0]], [right.records[j] for j in pairs[:, 1]])
        )

    return by_reranker, model.threshold


def _read_products(bundle: Bundle, path: Path, options: argparse.Namespace) -> Listings:
    from product_matching.search import embed_products
    from product_matching.search.linking import Listings

    catalog = read_catalog_at(path, options)
    if len(catalog.rejected):
        say(f"warning: {path}: {len(catalog.rejected)} rows cannot be used and are left out")
    records = catalog.table.drop(columns="product_id").to_dict("records")
    return Listings(catalog.table["product_id"].tolist(), records, embed_products(bundle, catalog))


def _read_records(bundle: Bundle, path: Path, options: argparse.Namespace) -> Listings:
    from product_matching.dataset.listings import load_listings
    from product_matching.search.linking import Listings

    columns = bundle.manifest["columns"]
    ids, records = load_listings(
        path, columns=column_mapping(options), encoding=options.encoding, limit=options.limit, known=columns
    )
    return Listings(ids, records)


def _read_truth(path: Path) -> list[tuple[str, str]]:
    from product_matching.dataset.tables import read_table
    from product_matching.errors import DataError

    truth = read_table(path)
    missing = [name for name in ("left_id", "right_id") if name not in truth.columns]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}. It has: {', '.join(truth.columns)}.")
    return list(zip(truth["left_id"], truth["right_id"], strict=True))


def _write(path: Path, links: Links) -> None:
    from product_matching._folders import write_whole

    write_whole(path, links.table.to_csv(index=False, float_format="%.4f").encode("utf-8"))


def _text(result: dict[str, Any]) -> str:
    rows = [
        [f"{found['left_id']} = {found['right_id']}", found["probability"], found["reason"]]
        for found in result["links"]
    ]
    lines = [
        f"{len(rows)} links from {result['candidates']} candidates ({result['left']} x {result['right']} products)"
    ]
    if rows:
        lines += ["", table(["link", "probability", "reason"], rows[:SHOWN])]
    if len(rows) > SHOWN:
        lines.append(
            f"… {len(rows) - SHOWN} more" + (f" in {result['file']}" if "file" in result else "; --out FILE has all")
        )
    if "f1" in result:
        names = ("precision", "recall", "f1", "blocking_recall")
        lines += ["", ", ".join(f"{name.replace('_', ' ')} {result[name]:.3f}" for name in names)]
    return "\n".join(lines)
