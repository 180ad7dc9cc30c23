"""The demo's shoppers: what they bought, what is recommended to them, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.features import features_of_index
from product_matching.cli.output import table
from product_matching.cli.recommend import reason_text
from product_matching.cli.train_recommender import fit_into_bundle

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.dataset import Catalog
    from product_matching.eval.contact_sheet import Row
    from product_matching.recommendation import Interactions, ProductFeatures, Recommender
    from product_matching.search import ProductIndex

SHOWN = 6
"""Products of each shopper that are printed and drawn, and recommendations."""
SHOPPERS = 3
HYBRID = {"sources": ["item-knn", "content", "content:long", "content:near", "popularity"], "threads": 1}
"""Without matrix factorisation, which needs an extra. More threads would save nothing at this size."""


def recommend_to_shoppers(
    bundle: Bundle, index: ProductIndex, catalog: Catalog, purchases: Path
) -> tuple[dict[str, Any], list[Row]]:
    """Fits the hybrid into the bundle and recommends to three shoppers.

    Returns:
        `models` (metrics by name: on the last purchase of each shopper, held out), `shoppers` as
        `[{"user", "bought", "recommended"}]`; and the rows of a contact sheet.
    """
    from product_matching.recommendation import load_interactions

    interactions, features = load_interactions(purchases), features_of_index(index)
    model, metrics = fit_into_bundle(bundle, interactions, features, settings=HYBRID)
    shoppers = [_shopper(model, str(user)) for user in interactions.users[:SHOPPERS]]
    measured = {"hybrid": metrics, "popularity": _popularity(interactions, features)}
    rows = [row for shopper in shoppers for row in _rows(shopper, _Goods(catalog))]
    return {"models": measured, "shoppers": shoppers}, rows


def recommendation_text(result: dict[str, Any]) -> str:
    """Three shoppers, and the hybrid beside popularity."""
    lines = []
    for shopper in result["shoppers"]:
        hits = [[hit["rank"], hit["product_id"], reason_text(hit["because"])] for hit in shopper["recommended"]]
        lines += [f"shopper {shopper['user']} bought {', '.join(shopper['bought'])}"]
        lines += [table(["rank", "product", "because"], hits), ""]
    rows = [
        [name, metrics["hr@10"], *metrics["intervals"]["hr@10"], metrics["ndcg@10"], metrics["coverage"]]
        for name, metrics in result["models"].items()
    ]
    header = ["the last purchase foreseen", "hr@10", "from", "to", "ndcg@10", "coverage"]
    return "\n".join([*lines, table(header, rows)])


def _popularity(interactions: Interactions, features: ProductFeatures) -> dict[str, Any]:
    from product_matching.recommendation import build_recommender, evaluate_recommender, split_interactions

    split = split_interactions(interactions)
    return evaluate_recommender(build_recommender("popularity").fit(split.before_test, features), split.test)


def _shopper(model: Recommender, user: str) -> dict[str, Any]:
    """A shopper's recommendations, and of their purchases those that speak for them and the latest."""
    from product_matching.recommendation import explain

    taken = model.histories_of([user])
    ids, scores = model.recommend([user], k=SHOWN)
    found = explain(model, taken, ids[0])
    bought = list(dict.fromkeys(model.products.ids[taken.products].tolist()))
    cited = {reason.product_id for reason in found}
    # Sorted by whether they are cited, then by time; shown in order of time.
    shown = sorted(range(len(bought)), key=lambda place: (bought[place] in cited, place))[-SHOWN:]
    recommended = [
        {
            **{"product_id": str(name), "score": float(score), "rank": rank},
            "because": {"source": reason.source, "product_id": reason.product_id or None},
        }
        for rank, (name, score, reason) in enumerate(zip(ids[0], scores[0], found, strict=True), 1)
    ]
    return {"user": user, "bought": [bought[place] for place in sorted(shown)], "recommended": recommended}


def _rows(shopper: dict[str, Any], goods: _Goods) -> list[Row]:
    from product_matching.eval.contact_sheet import Row, Tile

    letters = {name: chr(ord("a") + place) for place, name in enumerate(shopper["bought"])}
    bought = [Tile(*goods.shown(name), note=letter) for name, letter in letters.items()]
    recommended = [
        Tile(
            *goods.shown(hit["product_id"]), note=reason_text(hit["because"], letters.get(hit["because"]["product_id"]))
        )
        for hit in shopper["recommended"]
    ]
    return [Row(f"{shopper['user']} bought", bought), Row(f"recommended to {shopper['user']}", recommended)]


class _Goods:
    """Pictures and short names of a catalogue's products."""

    def __init__(self, catalog: Catalog) -> None:
        table = catalog.table
        words = table["colour"] + " " + table["pattern"] + " " + table["kind"]
        self.words = dict(zip(table["product_id"], words, strict=True))
        self.images = dict(zip(table["product_id"], catalog.image_paths(), strict=True))

    def shown(self, product_id: str) -> tuple[str, str]:
        return self.images[product_id], self.words[product_id]
