"""`demo`: the main job, start to end, on a shop that it makes up."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_json
from product_matching.cli.demo_shoppers import recommend_to_shoppers, recommendation_text
from product_matching.cli.evaluate import measure, select_part
from product_matching.cli.evaluation_text import metrics_text
from product_matching.cli.output import emit, say, table
from product_matching.cli.progress import bar, step
from product_matching.cli.train import train_bundle

if TYPE_CHECKING:
    from product_matching.dataset import Catalog
    from product_matching.eval.contact_sheet import Row
    from product_matching.search import Result, SearchEngine

SHOWN = 6
"""Results of each query that are printed and drawn."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("demo", help="the main job, start to end, on a made-up shop: start here")
    parser.add_argument(
        "--out", type=Path, default=Path("saved_models/demo"), metavar="DIR", help="default: saved_models/demo"
    )
    parser.add_argument("--products", type=int, default=10_000, help="products of the shop (default: 10,000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another shop (default: 0)")
    parser.add_argument("--config", default="demo", metavar="FILE", help="a preset or a .toml file (default: demo)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the configuration"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Makes a shop, checks it, trains, evaluates, indexes, searches, recommends."""
    from product_matching.config import load_config
    from product_matching.dataset import load_data
    from product_matching.dataset.inspection import summarise
    from product_matching.errors import ConfigError

    if not 200 <= options.products <= 100_000:
        raise ConfigError(f"--products takes 200 to 100,000; got {options.products}.")
    config = load_config(options.config, options.set)
    seconds: dict[str, float] = {}
    catalog_file = _make_shop(options, seconds)
    with step("check the table", seconds):
        catalog = load_data(catalog_file)
    counts = summarise(catalog)
    say(f"{counts['accepted']} of {counts['rows']} rows can be used; {counts['groups']} different products")
    folder, _, model = train_bundle(catalog, config, options.out / "1", overwrite=True, seconds=seconds)
    metrics = _evaluate(folder, catalog, model, seconds)
    engine = _index(folder, catalog, seconds)
    with step("search", seconds):
        precision = _attribute_precision(engine, catalog)
        rows, searches = _three_searches(engine, catalog)
    sheet = _draw(rows, options.out / "searches.png")
    with step("recommend", seconds):
        purchases = catalog_file.with_name("interactions.csv")
        recommendation, rows = recommend_to_shoppers(engine.bundle, engine.index, catalog, purchases)
    recommendation["contact_sheet"] = str(_draw(rows, options.out / "recommendations.png"))
    result = {
        "bundle": str(folder),
        "catalog": str(catalog_file),
        "contact_sheet": str(sheet),
        "validation": counts,
        "evaluation": metrics,
        "attribute_precision@10": precision,
        "searches": searches,
        "recommendation": recommendation,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    emit(result, as_json=options.json, text=_text)


def _make_shop(options: argparse.Namespace, seconds: dict[str, float]) -> Path:
    from product_matching._folders import replaced_folder
    from product_matching.dataset import make_sample_shop

    folder = options.out / "shop"
    with (
        step(f"draw a shop of {options.products} products", seconds),
        bar("draw", options.products) as progress,
        replaced_folder(folder) as fresh,
    ):
        shop = make_sample_shop(fresh, products=options.products, seed=options.seed, progress=progress)
    return folder / shop.catalog.name


def _evaluate(folder: Path, catalog: Catalog, model: Any, seconds: dict[str, float]) -> dict[str, Any]:
    from product_matching.bundle import load_bundle

    bundle = load_bundle(folder)
    part = select_part(bundle, catalog, "test")
    with step(f"evaluate on {len(part)} held-out products", seconds):
        train = select_part(bundle, catalog, "train", quiet=True)
        return measure(bundle, part, split="test", model=model, train=train)


def _index(folder: Path, catalog: Catalog, seconds: dict[str, float]) -> SearchEngine:
    from product_matching.bundle import load_bundle
    from product_matching.search import SearchEngine, build_index

    bundle = load_bundle(folder, verify=False)
    with step("embed and index all products", seconds), bar("embed", len(catalog)) as progress:
        index = build_index(bundle, catalog, progress=progress)
    say(f"index: {index.backend_name} {dict(index.backend.info)}")
    return SearchEngine(bundle, index)


def _attribute_precision(engine: SearchEngine, catalog: Catalog) -> dict[str, dict[str, float]]:
    from product_matching.dataset.sample_shop import attribute_precision, attribute_queries

    found = {}
    # A small shop has fewer combinations of attributes that ten products share.
    at_least, count = (10, 50) if len(catalog) >= 3500 else (2, 20)
    for language in ("en", "zh"):
        queries = attribute_queries(catalog.table, language=language, count=count, at_least=at_least)
        results = [[hit.product_id for hit in engine.search(query.text)] for query in queries]
        found[language] = attribute_precision(queries, results, catalog.table)._asdict()
    return found


def _three_searches(engine: SearchEngine, catalog: Catalog) -> tuple[list[Row], list[dict[str, Any]]]:
    """One search in English, one in Chinese, one by the picture of a product and words."""
    from product_matching.dataset.sample_shop import attribute_queries
    from product_matching.eval.contact_sheet import Row, can_show

    at_least = 10 if len(catalog) >= 3500 else 2
    rows, searches = [], []
    for number, language in enumerate(("en", "zh")):
        queries = attribute_queries(catalog.table, language=language, count=12, seed=number, at_least=at_least)
        query = max(queries, key=lambda one: len(one.attributes))
        results = engine.search(query.text, k=SHOWN)
        words = query.text if can_show(query.text) else f"{' '.join(query.attributes.values())} (asked in Chinese)"
        rows.append(Row(words, _tiles(results, query.attributes)))
        searches.append({"text": query.text, "results": [result.to_dict() for result in results]})
    photo = catalog.image_paths()[catalog.table.index[catalog.table["image"] != ""][-1]]
    results = engine.search(image=Path(photo).read_bytes(), k=SHOWN)
    rows.append(Row("by this picture", _tiles(results, {}), image=photo))
    searches.append({"image": photo, "results": [result.to_dict() for result in results]})
    return rows, searches


def _tiles(results: list[Result], asked: dict[str, str]) -> list[Any]:
    from product_matching.eval.contact_sheet import Tile

    def right(result: Result) -> bool | None:
        return all(result.attributes[name] == value for name, value in asked.items()) if asked else None

    return [
        Tile(
            result.attributes["image"],
            " ".join(result.attributes[name] for name in ("colour", "pattern", "kind")),
            right(result),
        )
        for result in results
    ]


def _draw(rows: list[Row], path: Path) -> Path:
    from product_matching.eval.contact_sheet import contact_sheet

    contact_sheet(rows, path)
    return path


def _text(result: dict[str, Any]) -> str:
    searches = []
    for search in result["searches"]:
        asked = repr(search["text"]) if "text" in search else f"the picture {search['image']}"
        hits = [[hit["rank"], hit["product_id"], hit["probability"], hit["title"][:56]] for hit in search["results"]]
        searches += ["", f"search: {asked}", table(["rank", "product", "match", "title"], hits)]
    precision = [
        [f"50 queries ({language})", values["each"], values["all"]]
        for language, values in result["attribute_precision@10"].items()
    ]
    return "\n".join(
        [
            *searches,
            "",
            recommendation_text(result["recommendation"]),
            "",
            metrics_text(result["evaluation"]),
            "",
            table(["attribute precision@10", "each attribute", "all of them"], precision),
            "",
            table(["step", "seconds"], [[name, f"{value:.1f}"] for name, value in result["seconds"].items()]),
            "",
            f"pictures of the searches:        {result['contact_sheet']}",
            f"pictures of the recommendations: {result['recommendation']['contact_sheet']}",
            f"the shop's table:                {result['catalog']}",
            "more of this shop:",
            f"  product-matching recommend {result['bundle']} --user U0004",
            "now with a table of your own:",
            "  product-matching train YOUR_TABLE.csv --out saved_models/shop",
        ]
    )
