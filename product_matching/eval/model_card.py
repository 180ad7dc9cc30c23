"""The model card of a report: what the model is for, what it has seen, and where not to trust it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from product_matching.dataset import Catalog

HONEST, CHANCE = 0.05, 0.75
"""Calibration error from which probabilities are said to be off; accuracy from which decisions are of use."""


def model_card(catalog: Catalog, manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What a user should know before use (after Mitchell et al., 2019).

    Args:
        catalog: The products it was measured on.
        manifest: Of its bundle; `{}` for a model that has none.
        metrics: Of `evaluate`, perhaps with the keys of `examine`.

    Returns:
        `model` and `data`: pairs of a name and what is known; `use` and `limits`: sentences.
    """
    return {
        "model": list(_model(manifest)),
        "data": list(_data(catalog, manifest, metrics)),
        "use": [
            "Search a shop's products by words, by a picture or by both; find similar products; check whether a "
            "picture belongs to a text; recommend products that nobody has bought yet.",
            "Not for: telling originals from counterfeits, recognising people, or any decision about a person.",
            "Where a wrong match costs money, take the threshold from the table of aims and let a person look at what "
            "lies near it.",
        ],
        "limits": list(_limits(catalog, metrics)),
    }


def _model(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    config = manifest.get("config", {})
    text, image = config.get("text", {}), config.get("image", {})
    if image:
        tower = f"{image.get('pretrained') or image.get('backbone', '')}, {manifest.get('image_size')} pixels"
        beside = image.get("beside")
        yield "pictures", tower + (f"; beside it {beside}, {image.get('beside_size')} pixels" if beside else "")
    if text:
        tower = text.get("pretrained") or f"BERT of {text.get('layers')} layers, trained from scratch"
        yield "words", tower + (f"; beside it {text['beside']}" if text.get("beside") else "")
    known = {"vector": manifest.get("dim"), "tags": len(manifest.get("tags", ())) or None}
    known |= {"written": str(manifest.get("created", ""))[:10]}
    yield from ((name, value) for name, value in known.items() if value)
    packages = manifest.get("packages", {})
    yield from ((name, packages[name]) for name in ("product-matching", "tensorflow", "keras") if name in packages)


def _data(catalog: Catalog, manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    data, split = manifest.get("data", {}), manifest.get("split") or {}
    yield from ((name, data[key]) for name, key in (("rows", "rows"), ("rejected rows", "rejected")) if key in data)
    yield from (
        (f"for {side}", split[f"{side}_products"]) for side in ("train", "val", "test") if f"{side}_products" in split
    )
    if data.get("fingerprint"):
        yield "fingerprint", data["fingerprint"][:16]
    yield "measured on", f"{len(catalog):,} products, side {metrics.get('split', 'given')!r} of the split"
    yield "different products among them", len(set(catalog.groups().tolist()))


def _limits(catalog: Catalog, metrics: Mapping[str, Any]) -> Iterator[str]:
    for name, found in metrics.get("baselines", {}).items():
        if found["accuracy"] >= metrics["accuracy"] and name != "chance":
            yield (
                f"Whoever sees “{name}”, without a mistake, matches pictures and texts more accurately "
                f"({found['accuracy']:.3f}) than this model ({metrics['accuracy']:.3f})."
            )
    words = metrics.get("word_search")
    if words and "text_to_product" in metrics and words["mrr"] >= metrics["text_to_product"]["mrr"]:
        yield (
            f"For titles typed as they stand, a search by words (BM25) is better: mean reciprocal rank "
            f"{words['mrr']:.3f}, this model {metrics['text_to_product']['mrr']:.3f}. "
            "The model is for other words and for pictures."
        )
    if metrics["accuracy"] < CHANCE:
        yield f"An accuracy of {metrics['accuracy']:.3f} is too near to chance (0.5) to decide anything by itself."
    if metrics.get("ece", 0) > HONEST:
        yield f"The stated probabilities are off by {metrics['ece']:.3f} on average: rank by them, do not add them up."
    low = [one for one in metrics.get("worst_slices", ()) if one["below"]]
    if low:
        named = "; ".join(
            f"{one['slice']} = {one['value']} ({one['accuracy']:.3f}, {one['products']} products)" for one in low
        )
        yield f"Surely less accurate than elsewhere: {named}."
    low_end, high_end = metrics["accuracy_interval"]
    if high_end - low_end > 0.06:
        yield f"{len(catalog):,} products are few: the accuracy may lie anywhere from {low_end:.3f} to {high_end:.3f}."
    yield (
        "The held-out products are of the same table as those of the training. Another shop, other photographers or "
        "another season can be worse; measure on them with --split all."
    )
    yield "One false pair comes with each true one here. In a shop false pairs, and so mistakes, are far more frequent."
