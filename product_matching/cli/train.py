"""`train`: fits a model to a catalogue and writes a bundle."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit, say
from product_matching.cli.progress import step, training_progress
from product_matching.cli.validate import short_text

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.config import Config
    from product_matching.dataset import Catalog
    from product_matching.dataset.splitting import KnownSides
    from product_matching.model import ProductModel

MOSTLY_KNOWN = 0.5
"""Share of the products from which a bundle's catalogue is taken for an earlier one of the same shop."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("train", help="fit a model to a catalogue and write a bundle")
    add_catalog(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="BUNDLE", help="folder of the new bundle")
    parser.add_argument("--config", default="small", metavar="FILE", help="a preset or a .toml file (default: small)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value, e.g. train.epochs=3 (repeatable)",
    )
    parser.add_argument(
        "--init", type=Path, metavar="BUNDLE", help="learn on from this bundle's model, an earlier one of this shop"
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="BUNDLE",
        help="learn to score pairs like this bundle's model too, a larger one (train.teacher; how much: "
        "train.teacher_weight)",
    )
    parser.add_argument("--resume", action="store_true", help="go on after the last epoch of a run that was stopped")
    parser.add_argument("--overwrite", action="store_true", help="replace the bundle that is there")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Trains, calibrates, measures on validation, exports."""
    from product_matching.bundle import free_path
    from product_matching.config import load_config
    from product_matching.dataset.inspection import inspect_catalog
    from product_matching.deploy.exporting import check_backend

    teacher = [f"train.teacher={json.dumps(str(options.teacher), ensure_ascii=False)}"] if options.teacher else []
    config = load_config(options.config, [*options.set, *teacher])
    check_backend()  # better to fail now than after the training
    free_path(options.out, overwrite=options.overwrite)
    with step("read the catalogue"):
        catalog = read_catalog(options, group_by=config.split.group_by, near_duplicates=config.split.near_duplicates)
    say(short_text(inspect_catalog(catalog)[0]))
    state = options.out.absolute().with_name(f".{options.out.name}.training")
    if options.resume and not state.is_dir():
        say(f"nothing to resume at {state}: starting with the first epoch")
    try:
        folder, metrics, _ = train_bundle(
            catalog,
            config,
            options.out,
            overwrite=options.overwrite,
            init=options.init,
            state=state,
            resume=options.resume,
        )
    except KeyboardInterrupt:
        if state.is_dir():
            say("stopped; the last full epoch is kept: the same command with --resume goes on from it")
        raise
    if folder is None:
        say("this worker's part is done; the chief writes the bundle")
        return
    shutil.rmtree(state, ignore_errors=True)
    result = {"bundle": str(folder), "validation": metrics, "rejected": len(catalog.rejected)}
    emit(result, as_json=options.json, text=_text)


def train_bundle(
    catalog: Catalog,
    config: Config,
    out: Path,
    *,
    overwrite: bool = False,
    init: Path | None = None,
    state: Path | None = None,
    resume: bool = False,
    seconds: dict[str, float] | None = None,
) -> tuple[Path | None, dict[str, Any], ProductModel]:
    """Trains a model and writes its bundle.

    Args:
        catalog: All products; the configuration says how they are split.
        config: Of model and training.
        out: Folder of the bundle.
        overwrite: Replace the bundle that is there.
        init: A bundle whose model learns on, instead of a new one.
        state: Folder that keeps the state after each epoch.
        resume: Go on from what `state` holds.
        seconds: Takes the seconds of each step.

    Returns:
        The bundle's folder, the metrics on validation products, and the model. Of several workers (`train.devices`)
        the first alone calibrates, measures and writes; the others get no folder and no metrics.
    """
    from product_matching.dataset.leaks import check_leaks
    from product_matching.dataset.splitting import KnownSides
    from product_matching.deploy import export
    from product_matching.errors import DataError
    from product_matching.train import devices_scope, fit
    from product_matching.train.devices import is_chief, on_one_device
    from product_matching.train.features import kept_features

    parts = catalog.split(config.seed, val=config.split.val, test=config.split.test)
    train, val, test = parts
    check_leaks(
        {"train": train, "val": val, "test": test},
        images=config.split.near_duplicates and not config.split.group_by,
    )
    if not len(train):
        raise DataError(f"Of {len(catalog)} products none is left to train on after the split. Lower split.test.")
    say(f"{len(train)} products to train on, {len(val)} for validation, {len(test)} held out for the test")
    teacher = _teacher(config)
    with kept_features(config) as keeping:
        with devices_scope(config):  # once around both: a scope cannot be entered again
            config, model = _built(config, train, init, seconds)
            keeping = replace(config, train=replace(config.train, feature_cache=keeping.train.feature_cache))
            batch_size = min(config.train.batch_size, len(train))
            progress = training_progress(config.train.epochs, len(train) // batch_size, batch_size)
            with step("train", seconds):
                history = fit(
                    model, train, val, keeping, callbacks=[progress], checkpoints=state, resume=resume, teacher=teacher
                )
        model = on_one_device(model)
        if not is_chief(config):
            return None, {}, model
        with step("calibrate on validation products", seconds):
            metrics, thresholds = _calibrate(model, val, train, folder=keeping.train.feature_cache)
    manifest = {
        **_about(config, catalog, parts),
        "metrics": {"validation": metrics},
        "thresholds": thresholds,
        "history": history,
    }
    with step("export the bundle", seconds):
        sides = KnownSides.of(part.groups() for part in parts)
        folder = export(model, out, manifest=manifest, rejected=catalog.rejected, sides=sides, overwrite=overwrite)
    return folder, metrics, model


def _built(
    config: Config, train: Catalog, init: Path | None, seconds: dict[str, float] | None
) -> tuple[Config, ProductModel]:
    """A new model, or a bundle's that learns on, and the configuration that it has."""
    from product_matching.bundle import load_bundle
    from product_matching.model import build_model, parameter_counts

    with step("build the model", seconds):
        if init:
            config, model = _start_from(load_bundle(init), config, train)
        else:
            model = build_model(config, train)
    trained, frozen = parameter_counts(model)
    pieces = len(model.preprocessor.text.vocabulary)
    say(f"{trained:,} parameters learn, {frozen:,} are frozen; vocabulary of {pieces:,} word pieces")
    return config, model


def _teacher(config: Config) -> ProductModel | None:
    """The model that the configuration says to imitate."""
    from product_matching.bundle import load_bundle

    return load_bundle(config.train.teacher).load_model() if config.train.teacher else None


def _about(config: Config, catalog: Catalog, parts: Sequence[Catalog]) -> dict[str, Any]:
    """What a manifest tells of a training's configuration and data."""
    from product_matching.config import config_to_dict

    options = config_to_dict(config)
    sizes = dict(zip(("train_products", "val_products", "test_products"), map(len, parts), strict=True))
    data = {"fingerprint": catalog.fingerprint(), "rows": len(catalog), "rejected": len(catalog.rejected)}
    return {"config": options, "split": {"seed": config.seed, **options["split"], **sizes}, "data": data}


def _start_from(bundle: Bundle, config: Config, train: Catalog) -> tuple[Config, ProductModel]:
    """A bundle's model, and the configuration with the parts that shaped that model."""
    from product_matching.config import config_from_dict, config_to_dict
    from product_matching.model import adapt_again

    built = ("text", "image", "tags", "model")
    parts = {**config_to_dict(config), **{name: bundle.manifest["config"][name] for name in built}}
    parts["train"] = {**parts["train"], "linear_start": False}  # it is what this model has learned that goes on
    say(f"the model of {bundle.folder} learns on; options of {', '.join(built)} are those it was built with")
    _tell_of_another_shop(bundle.known_sides, train)
    config, model = config_from_dict(parts), bundle.load_model()
    adapt_again(model, config)
    return config, model


def _tell_of_another_shop(sides: KnownSides | None, train: Catalog) -> None:
    """Says what is known of learning on in another shop, where the bundle knew few of the products."""
    known = 1.0 if sides is None else float((sides.look_up(train.groups()) >= 0).mean())
    if known < MOSTLY_KNOWN:
        say(
            f"only {known:.0%} of these products were known to it: what another shop has taught is worth less than a "
            "hundred products of one's own; compare with a training without --init (--config frozen is best for few)"
        )


def _calibrate(
    model: ProductModel, val: Catalog, train: Catalog, *, folder: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Calibrates and measures on validation products; what frozen towers gave for them is in the folder."""
    from product_matching.errors import DataError
    from product_matching.eval import calibrate, evaluate

    embed = embedded_once(folder)
    try:
        thresholds = calibrate(model, val, references=train, embed=embed).thresholds
        return evaluate(model, val, views=embed(model, val)), thresholds
    except DataError as error:
        say(f"warning: not calibrated, probabilities are rough: too few validation products. {error}")
        return {}, {}


def embedded_once(folder: str) -> Callable[[ProductModel, Catalog], dict[str, Any]]:
    """`embed_catalog`, which finds in a folder what a frozen tower has given for the same products already."""
    from product_matching.eval.embedding import embed_catalog
    from product_matching.train.features import frozen_features

    def embed(model: ProductModel, catalog: Catalog) -> dict[str, Any]:
        return embed_catalog(model, catalog, features=frozen_features(model, catalog, folder=folder))

    return embed


def _text(result: dict[str, Any]) -> str:
    metrics, folder = result["validation"], result["bundle"]
    lines = [f"bundle: {folder}"]
    if metrics:
        lines.append(
            f"validation: accuracy {metrics['accuracy']:.3f}, "
            f"text to image recall@10 {metrics['text_to_image']['recall@10']:.3f}"
        )
    return "\n".join([*lines, f"next: product-matching evaluate {folder} CATALOG"])
