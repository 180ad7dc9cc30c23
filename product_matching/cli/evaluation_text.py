"""What `evaluate` prints for a person."""

from __future__ import annotations

from typing import Any

from product_matching.cli.output import table

DIRECTIONS = ("text_to_image", "image_to_text", "text_to_product", "image_to_product", "photo_text_to_product")
LISTS = ("product_to_product", "tag_to_product", "tag_to_image")


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
    found += [
        [f"{name.replace('_', ' ')}, {title}", *_retrieval(row)]
        for name, plain in result.get("plain_searches", {}).items()
        for title, row in plain.items()
        if name in DIRECTIONS
    ]
    whole = result.get("whole_catalogue", {})
    found += [
        [f"{name.replace('_', ' ')}, whole catalogue", *_retrieval(whole[name])] for name in DIRECTIONS if name in whole
    ]
    trained = whole.get("trained_text_to_image")
    found += [["  products of the training, whole catalogue", *_retrieval(trained)]] if trained else []
    words = result.get("word_search")
    found += [["text to product, search by words (BM25)", *_retrieval(words)]] if words else []
    retrieval = table(["find the product", "recall@1", "recall@5", "recall@10", "mrr", "among"], found)
    note = f"accuracy interval (95 %): {low:.3f} to {high:.3f}; threshold {result['threshold']:.3f}, set on validation"
    more = [part for part in (_lists_text(result), _worst_text(result), _against_text(result)) if part]
    return "\n\n".join([f"{match}\n{note}", retrieval, *more])


def _lists_text(result: dict[str, Any]) -> str:
    """Searches for all products that share a value: the model's, those without a model, and chance."""
    plain, rows = result.get("plain_searches", {}), []
    for name in LISTS:
        for column, row in result.get(name, {}).items():
            others = plain.get(f"{name}, {column}", {})
            rows.append([f"{name.replace('_', ' ')}, {column}", *_list_row(row)])
            rows += [[f"  {title}", *_list_row(other)] for title, other in others.items()]
    header = ["find all that share it", "precision@1", "precision@10", "by chance", "mrr", "queries", "among"]
    return table(header, rows) if rows else ""


def _list_row(row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in ("precision@1", "precision@10", "expected", "mrr", "queries", "gallery")]


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
