"""From a configuration and a catalogue to a model: the one place that maps names to classes."""

from __future__ import annotations

import math
from typing import TypeVar

import keras

from product_matching import losses
from product_matching._types import CatalogStatistics
from product_matching.config import Config, ImageConfig, TextConfig, TrainConfig
from product_matching.errors import ConfigError, unknown_name
from product_matching.model.adapters import add_lora, freeze
from product_matching.model.product_model import ProductModel
from product_matching.text import TagLookup, TextEncoder, TextRules, learn_vocabulary, simplified_characters
from product_matching.visual import ImageEncoder
from product_matching.visual.pretrained import load_parts

KNOTS = 256
"""Points of an isotonic calibration that a model keeps."""
Tower = TypeVar("Tower", TextEncoder, ImageEncoder)


def build_model(config: Config, catalog: CatalogStatistics) -> ProductModel:
    """Builds an untrained model.

    Sets Keras' global seed to `config.seed`, so that the same configuration and catalogue start from the same weights.

    Args:
        config: Sizes of the towers and of the joint space; its precision holds for this model alone.
        catalog: The training products: the vocabulary of words and tags is learned from them.
    """
    keras.utils.set_random_seed(config.seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.train.mixed_precision)
    try:
        return _build(config, catalog)
    finally:
        keras.config.set_dtype_policy(before)


def _build(config: Config, catalog: CatalogStatistics) -> ProductModel:
    tags = TagLookup.learn(catalog.tag_lists(), max_tags=config.tags.max_tags, min_count=config.tags.min_count)
    return ProductModel(
        _image_encoder(config.image, offline=config.offline or None),
        _text_encoder(config.text, catalog, offline=config.offline or None),
        tags.vocabulary,
        tag_dim=config.tags.dim,
        dim=config.model.dim,
        hidden_dim=config.model.hidden_dim,
        dropout=config.model.dropout,
        feature_dropout=config.model.feature_dropout,
        modality_dropout=config.model.modality_dropout,
        fusion=config.model.fusion,
        matryoshka=config.model.matryoshka,
        references=config.model.references,
        knots=KNOTS if config.model.calibration == "isotonic" else 0,
        temperature=config.model.temperature,
        # The first batch's matching pairs get probability 1/B, which is their share (Zhai et al. 2023, section 3).
        bias=-math.log(max(config.train.batch_size - 1, 1)),
        beside_image=_beside_image(config.image, offline=config.offline or None) if config.image.beside else None,
        beside_text=_beside_text(config.text, catalog, offline=config.offline or None) if config.text.beside else None,
    )


def adapt_again(model: ProductModel, config: Config) -> None:
    """Lets of a loaded model's pretrained towers that learn which the configuration says, as `build_model` does.

    A file keeps neither which blocks stood still nor, its low-rank updates being merged, that others learned so.
    """
    for encoder, section in ((model.text_encoder, config.text), (model.image_encoder, config.image)):
        if section.pretrained:
            _adapted(encoder, section)


def build_loss(config: TrainConfig) -> keras.losses.Loss:
    """The loss of a configuration."""
    smoothed = {"label_smoothing": config.label_smoothing}
    kinds: dict[str, tuple[type[keras.losses.Loss], dict[str, float]]] = {
        "sigmoid": (losses.SigmoidMatchLoss, {}),
        "infonce": (losses.InfoNCELoss, smoothed),
        "categorical": (losses.CategoricalMatchLoss, smoothed),
        "binary": (losses.BinaryMatchLoss, {}),
        "cosine": (losses.CosineEmbeddingLoss, {"margin": config.margin}),
        "triplet": (losses.TripletLoss, {"margin": config.margin}),
    }
    if config.loss not in kinds:
        raise ConfigError(unknown_name("loss", config.loss, kinds))
    kind, options = kinds[config.loss]
    return kind(**options)


def _text_encoder(config: TextConfig, catalog: CatalogStatistics, *, offline: bool | None) -> TextEncoder:
    rules = _text_rules(config, catalog, pretrained=bool(config.pretrained))
    if config.pretrained:
        encoder = TextEncoder.from_pretrained(
            config.pretrained,
            pooling=config.pooling,
            max_tokens=config.max_tokens,
            offline=offline,
            rules=rules.get_config() if rules else None,
        )
        return _adapted(encoder.extended(catalog.texts()) if config.extend_vocabulary else encoder, config)
    return TextEncoder(
        learn_vocabulary(catalog.texts(), config.vocabulary_size, rules=rules),
        layers=config.layers,
        heads=config.heads,
        hidden_dim=config.hidden_dim,
        intermediate_dim=config.intermediate_dim,
        dropout=config.dropout,
        max_tokens=config.max_tokens,
        rules=rules.get_config() if rules else None,
        pooling="mean" if config.pooling == "auto" else config.pooling,
    )


def _beside_text(config: TextConfig, catalog: CatalogStatistics, *, offline: bool | None) -> TextEncoder:
    # Its vocabulary stays as it is: a token that nothing has learned would only be noise, and the other tower knows it.
    rules = _text_rules(config, catalog, pretrained=True)
    return TextEncoder.from_pretrained(
        config.beside, max_tokens=config.max_tokens, offline=offline, rules=rules.get_config() if rules else None
    )


def _text_rules(config: TextConfig, catalog: CatalogStatistics, *, pretrained: bool) -> TextRules:
    old, new = simplified_characters() if config.simplify_chinese else ("", "")
    boilerplate = catalog.boilerplate(config.boilerplate, compatibility=not pretrained) if config.boilerplate else []
    return TextRules(traditional=old, simplified=new, boilerplate=boilerplate)


def _image_encoder(config: ImageConfig, *, offline: bool | None) -> ImageEncoder:
    if config.pretrained:
        encoder = ImageEncoder.from_pretrained(
            config.pretrained,
            architecture=config.architecture,
            size=config.size,
            pooling=config.pooling,
            offline=offline,
        )
        return _adapted(encoder, config)
    return ImageEncoder.from_scratch(
        config.backbone,
        size=config.size,
        filters=config.filters,
        blocks=config.blocks,
        stem=config.stem,
        patch_size=config.patch_size,
        layers=config.layers,
        heads=config.heads,
        hidden_dim=config.hidden_dim,
        intermediate_dim=config.intermediate_dim,
        dropout=config.dropout,
        pooling="average" if config.pooling == "auto" else config.pooling,
    )


def _beside_image(config: ImageConfig, *, offline: bool | None) -> ImageEncoder:
    architecture = "" if config.pretrained else config.architecture
    parts = load_parts(config.beside, architecture=architecture, size=config.beside_size, offline=offline)
    # Of convolutions the generalised mean tells more than the average, and its power need not learn for that.
    return ImageEncoder(**parts, pooling="cls" if parts["prefix_tokens"] else "gem")


def _adapted(encoder: Tower, config: TextConfig | ImageConfig) -> Tower:
    """The tower, with what shall learn of it."""
    if config.lora_rank:
        add_lora(encoder.backbone, config.lora_rank, config.lora_targets, blocks=config.lora_blocks)
    elif config.trainable_blocks >= 0:
        freeze(encoder.backbone, config.trainable_blocks)
        # A pooling whose one number learns runs the whole frozen tower in each step; attention must learn to be one.
        if config.trainable_blocks == 0 and config.pooling != "attention":
            encoder.trainable = False
    return encoder
