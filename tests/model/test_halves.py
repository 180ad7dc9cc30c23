"""Towers cut in two: together the halves are the tower."""

import keras
import numpy as np
import pytest

from product_matching.model import add_lora, freeze
from product_matching.model.halves import cut
from product_matching.text import TextEncoder
from product_matching.visual import ImageEncoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "shoe", "bag"]


def text_tower(**options):
    keras.utils.set_random_seed(0)
    size = {"layers": 3, "heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "dropout": 0.0, "max_tokens": 8}
    return TextEncoder(WORDS, **size, **options)


def image_tower(**options):
    keras.utils.set_random_seed(0)
    return ImageEncoder.from_scratch("resnet", size=16, filters=(64, 8), blocks=(1, 2), stem=(4,), **options)


def applications_tower():
    keras.utils.set_random_seed(0)
    network = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3))
    return ImageEncoder(network)


def texts(tower):
    return tower.preprocessor(["red shoe", "blue", "red blue bag shoe"], ["bag", "", "shoe"])


def images(tower):
    pixels = np.random.default_rng(0).integers(0, 256, (3, tower.size, tower.size, 3)).astype("uint8")
    return {"image": pixels}


def both(tower, halves):
    """What the tower gives, and what its halves give."""
    if isinstance(tower, TextEncoder):
        inputs = texts(tower)
        kept = {"text_hidden": halves.below(inputs), "padding_mask": inputs["padding_mask"]}
        return tower(inputs), halves.above(kept)
    inputs = images(tower)
    return tower(inputs["image"]), halves.above({"image_hidden": halves.below(inputs)})


@pytest.mark.parametrize("make", [text_tower, image_tower, lambda: text_tower(pooling="cls", normalize=True)])
@pytest.mark.parametrize("blocks", [1, 2])
def test_halves_are_the_tower(make, blocks):
    tower = make()
    freeze(tower.backbone, blocks)
    whole, halved = both(tower, cut(tower))
    np.testing.assert_allclose(whole, halved, atol=1e-5)


def test_low_rank_updates_of_the_last_block_stand_above_the_cut():
    tower = text_tower()
    add_lora(tower.backbone, 2, ("query", "value"), blocks=1)
    halves = cut(tower)
    assert halves.name == "transformer_layer_1"
    for weight in tower.backbone.trainable_variables:
        weight.assign(keras.random.normal(weight.shape, seed=1))
    whole, halved = both(tower, halves)
    np.testing.assert_allclose(whole, halved, atol=1e-5)
    learning = {id(weight) for weight in tower.trainable_variables}
    assert learning and not learning & {id(weight) for weight in halves.frozen_weights}


def test_a_frozen_backbone_is_kept_whole_below_a_pooling_that_learns():
    for tower in (image_tower(pooling="gem"), text_tower(pooling="attention")):
        freeze(tower.backbone)
        assert len(tower.trainable_variables) == 1
        whole, halved = both(tower, cut(tower))
        np.testing.assert_allclose(whole, halved, atol=1e-5)


def test_nothing_is_cut_where_nothing_can_be_kept():
    assert cut(text_tower()) is None  # all of it learns
    frozen = image_tower()
    frozen.trainable = False
    assert cut(frozen) is None
    every_block = text_tower()
    freeze(every_block.backbone, 3)
    assert cut(every_block) is None  # only the embeddings stand still
    vit = ImageEncoder.from_scratch("vit", size=16, hidden_dim=16, layers=3, heads=2, intermediate_dim=32)
    freeze(vit.backbone, 1)
    assert cut(vit) is None


@pytest.mark.slow
def test_a_network_of_keras_applications_is_cut():
    tower = applications_tower()
    freeze(tower.backbone, 2)
    halves = cut(tower)
    assert len(halves.frozen_weights) < len(tower.weights)
    whole, halved = both(tower, halves)
    np.testing.assert_allclose(whole, halved, atol=1e-5)


def test_a_tower_that_was_cut_is_saved_as_it_was(tmp_path):
    tower = text_tower()
    freeze(tower.backbone, 1)
    expected, names = tower(texts(tower)), [weight.path for weight in tower.weights]
    cut(tower)
    assert [weight.path for weight in tower.weights] == names
    tower.save(tmp_path / "tower.keras")
    again = keras.models.load_model(tmp_path / "tower.keras")
    np.testing.assert_allclose(again(texts(again)), expected, atol=1e-6)
