"""`recommend`: ranked products for a shopper."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_json
from product_matching.cli.output import emit, say, table

if TYPE_CHECKING:
    import numpy as np

    from product_matching.bundle import Bundle
    from product_matching.recommendation import Recommender
    from product_matching.search import ProductIndex


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("recommend", help="rank products for a shopper, by id or by what they took")
    parser.add_argument("bundle", help="folder of a bundle with a recommender, or with an index")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", metavar="ID", help="a shopper of the interactions; an unknown one gets what is popular")
    who.add_argument("--history", metavar="IDS", help="products that they took, oldest first, separated by commas")
    parser.add_argument("-k", type=int, default=10, help="how many products (default: 10)")
    parser.add_argument(
        "--filter", action="append", default=[], metavar="CONDITION", help="as of `search`, e.g. price<20 (repeatable)"
    )
    parser.add_argument("--include-seen", action="store_true", help="also what is in the history already")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Recommends."""
    from product_matching.errors import ConfigError
    from product_matching.search.filters import parse_filter

    filters = [parse_filter(text) for text in options.filter]
    if options.k < 1:
        raise ConfigError(f"-k takes a number of products from 1; got {options.k}.")

    from product_matching.bundle import load_bundle
    from product_matching.cli.features import index_of

    bundle = load_bundle(options.bundle)
    index = index_of(bundle)
    model = _recommender(bundle, index, options)
    candidates = None
    if filters:
        candidates = _filtered(bundle, index, filters)
    history = [name.strip() for name in (options.history or "").split(",") if name.strip()]
    _tell_unknown(model, options.user, history)
    asked = {"users": [options.user]} if options.user is not None else {"histories": [history]}
    wanted = {"k": options.k, "candidates": candidates, "exclude_seen": not options.include_seen}
    ids, scores = model.recommend(**asked, **wanted)
    results = _results(bundle, index, model, ids[0], scores[0])
    _add_reasons(results, model, asked)
    result = {"user": options.user, "history": history, "model": type(model).__name__, "results": results}
    emit(result, as_json=options.json, text=_text)


def _recommender(bundle: Bundle, index: ProductIndex | None, options: argparse.Namespace) -> Recommender:
    from product_matching.errors import BundleError
    from product_matching.recommendation import Recommender

    if bundle.recommender_folder.is_dir():
        return Recommender.load(bundle.recommender_folder)
    line = f"product-matching train-recommender {bundle.folder} INTERACTIONS"
    if options.user is not None or index is None:
        raise BundleError(f"{bundle.folder} has no recommender yet. Fit it: {line}")
    say(f"no recommender in the bundle: ranked by likeness to the history. To fit one: {line}")
    return _by_content(index)


def _by_content(index: ProductIndex) -> Recommender:
    """A recommender that knows no shopper: likeness to a history, by the vectors of the index."""
    import numpy as np

    from product_matching.cli.features import features_of_index
    from product_matching.recommendation import Content, Interactions

    # One event that no result depends on: the contract wants to be fitted on something.
    event = Interactions.from_arrays(np.array(["nobody"]), np.array(index.product_ids[:1]))
    return Content().fit(event, features_of_index(index))


def _filtered(bundle: Bundle, index: ProductIndex | None, filters: list[Any]) -> list[str]:
    import numpy as np

    from product_matching.errors import BundleError
    from product_matching.search.filters import mask

    if index is None:
        raise BundleError(
            f"--filter needs the bundle's index. Build it: product-matching index {bundle.folder} CATALOG"
        )
    return [index.product_ids[place] for place in np.flatnonzero(mask(filters, index.products.attributes))]


def _tell_unknown(model: Recommender, user: str | None, history: list[str]) -> None:
    if user is not None and user not in model.users.places:
        say(f"warning: the recommender does not know the user {user!r}: this is what is popular")
    unknown = [name for name in history if name not in model.products.places]
    if unknown:
        say(f"warning: passed over, since the recommender does not know them: {', '.join(unknown[:5])}")


def _results(
    bundle: Bundle, index: ProductIndex | None, model: Recommender, ids: np.ndarray, scores: np.ndarray
) -> list[dict[str, Any]]:
    probabilities = _probabilities(bundle, model, scores)
    attributes = {} if index is None else _attributes(index, ids)
    results = []
    for place, (name, score) in enumerate(zip(ids.tolist(), scores.tolist(), strict=True)):
        if name == "":
            break
        probability = None if probabilities is None else float(probabilities[place])
        hit = {"product_id": name, "score": score, "probability": probability, "rank": place + 1}
        own = attributes.get(name, {})
        results.append({**hit, "title": own.get("title", ""), "attributes": own})
    return results


def _add_reasons(results: list[dict[str, Any]], model: Recommender, asked: dict[str, Any]) -> None:
    from product_matching.recommendation import explain

    found = explain(model, model.histories_of(**asked), [hit["product_id"] for hit in results])
    for hit, reason in zip(results, found, strict=True):
        hit["because"] = {"source": reason.source, "product_id": reason.product_id or None}


def reason_text(because: dict[str, Any], name: str = "") -> str:
    """A reason in words; `name` is what to call the product that it rests on, if not by its id."""
    product = name or because["product_id"]
    if not product:
        return "popular"
    return f"{'like' if because['source'].startswith('content') else 'goes with'} {product}"


def _attributes(index: ProductIndex, ids: np.ndarray) -> dict[str, dict[str, Any]]:
    positions = index.products.known_positions(ids.tolist())
    return {hit.product_id: hit.attributes for hit in index.products.hits(positions, positions)}


def _probabilities(bundle: Bundle, model: Recommender, scores: np.ndarray) -> np.ndarray | None:
    """That the shopper takes it next, by the rank; without interactions, that it matches what they took."""
    import numpy as np

    from product_matching.recommendation import Content
    from product_matching.recommendation.rank_probability import probability_at

    if model.rank_probabilities is not None:
        return probability_at(np.arange(1, len(scores) + 1), model.rank_probabilities)
    if isinstance(model, Content):
        return bundle.head.probability(bundle.head.score(np.where(np.isfinite(scores), scores, -1.0)))
    return None


def _text(result: dict[str, Any]) -> str:
    if not result["results"]:
        return "no product is left to recommend"
    rows = [
        [hit["rank"], hit["product_id"], hit["probability"], hit["title"][:60], reason_text(hit["because"])]
        for hit in result["results"]
    ]
    return table(["rank", "product", "probability", "title", "because"], rows)
