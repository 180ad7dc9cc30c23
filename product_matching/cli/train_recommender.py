"""`train-recommender`: fits a recommender on interactions and puts it into a bundle."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_interactions, add_json, read_interactions
from product_matching.cli.output import emit, say, table
from product_matching.cli.progress import step

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.recommendation import Interactions, ProductFeatures, Recommender


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("train-recommender", help="fit a recommender on interactions, for `recommend`")
    parser.add_argument("bundle", help="folder of the bundle; the vectors of its index are used where there is one")
    add_interactions(parser)
    parser.add_argument("--model", default="hybrid", metavar="NAME", help="which recommender (default: hybrid)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE", help="an option of the model (repeatable)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measures on the last event of each user, then fits on all events and saves."""
    from product_matching.recommendation import build_recommender

    settings = parse_settings(options.set)
    build_recommender(options.model, **settings)  # a wrong name or option is told before anything is read

    from product_matching.bundle import load_bundle
    from product_matching.cli.features import features_of_index, index_of

    bundle = load_bundle(options.bundle)
    with step("read the interactions"):
        interactions = read_interactions(options)
    index = index_of(bundle)
    features = None if index is None else features_of_index(index)
    model, metrics = fit_into_bundle(bundle, interactions, features, options.model, settings)
    counts = {"events": len(interactions), "users": len(model.users.ids), "products": len(model.products)}
    result = {"bundle": str(bundle.folder), "model": options.model, **counts, "rejected": len(interactions.rejected)}
    emit({**result, "metrics": metrics}, as_json=options.json, text=_text)


def fit_into_bundle(
    bundle: Bundle,
    interactions: Interactions,
    features: ProductFeatures | None,
    name: str = "hybrid",
    settings: dict[str, Any] | None = None,
) -> tuple[Recommender, dict[str, Any] | None]:
    """Measures on the last event of each user, then fits on all events and saves into the bundle.

    Returns:
        The model, and its metrics; None where no user has three events.
    """
    from product_matching.recommendation import build_recommender

    metrics, probabilities = _measure(name, settings or {}, interactions, features)
    with step(f"fit {name} on {len(interactions)} events"):
        model = build_recommender(name, **(settings or {})).fit(interactions, features)
    model.rank_probabilities = probabilities
    model.save(bundle.recommender_folder)
    return model, metrics


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """Options of a model from `name=value`; a value is read as JSON where it is JSON.

    Raises:
        ConfigError: If there is no `=`.
    """
    from product_matching.errors import ConfigError

    settings: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not (name and separator):
            raise ConfigError(f"--set takes OPTION=VALUE, e.g. neighbours=100; got {pair!r}.")
        try:
            settings[name] = json.loads(value)
        except json.JSONDecodeError:
            settings[name] = value
    return settings


def _measure(
    name: str, settings: dict[str, Any], interactions: Interactions, features: ProductFeatures | None
) -> tuple[dict[str, Any] | None, Any]:
    """Metrics and probabilities by rank, foreseeing the last event of each user; None where no user has three."""
    from product_matching.errors import DataError
    from product_matching.recommendation import build_recommender, split_interactions

    try:
        split = split_interactions(interactions)
    except DataError as error:
        say(f"not measured: {error}")
        return None, None
    with step("measure on the last event of each user"):
        model: Recommender = build_recommender(name, **settings).fit(split.before_test, features)
        return _measured(model, split.test)


def _measured(model: Recommender, test: Interactions) -> tuple[dict[str, Any], Any]:
    from product_matching.recommendation.evaluation import metrics_of, rank_targets
    from product_matching.recommendation.rank_probability import rank_probabilities

    outcome = rank_targets(model, test, k=10)
    return metrics_of(outcome, model, ks=(5, 10)), rank_probabilities(outcome.ranks.ranks)


def _text(result: dict[str, Any]) -> str:
    lines = [f"{result['model']} fitted on {result['events']} events of {result['users']} users"]
    if result["metrics"]:
        names = ("hr@5", "hr@10", "ndcg@10", "mrr", "coverage")
        lines.append(table([*names], [[result["metrics"][name] for name in names]]))
    return "\n".join([*lines, f"next: product-matching recommend {result['bundle']} --user ID"])
