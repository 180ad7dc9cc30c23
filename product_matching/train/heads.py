"""Training of all but the pretrained towers, before these learn too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from product_matching.config import Config
from product_matching.model import ProductModel


def of_the_heads(config: Config) -> Config:
    """The configuration of the epochs in which pretrained towers stand still; what is logged comes after them."""
    options = config.train
    return replace(config, train=replace(options, epochs=options.head_epochs, head_epochs=0, log_dir="", wandb=""))


@contextmanager
def pretrained_towers_at_rest(model: ProductModel, config: Config) -> Iterator[None]:
    """Nothing of a tower that came with weights learns in here; what learned before does so afterwards."""
    towers = ((model.text_encoder, config.text), (model.image_encoder, config.image))
    learning = [weight for tower, section in towers if section.pretrained for weight in tower.trainable_variables]
    try:
        for weight in learning:
            weight.trainable = False
        yield
    finally:
        for weight in learning:
            weight.trainable = True
