import numpy as np
import pytest

from product_matching.config import load_config
from product_matching.errors import ConfigError
from product_matching.model import build_model, drop_text_layers

CONFIG = ["text.layers=3", "text.pooling=attention"]
INPUTS = ["red striped mug", "红色跑鞋"]


@pytest.fixture(scope="module")
def model(tiny_split):
    return build_model(load_config("tiny", CONFIG), tiny_split[0])


@pytest.mark.slow
def test_keeping_all_layers_changes_nothing(model):
    same = drop_text_layers(model, 3)
    np.testing.assert_allclose(same.text_encoder.encode(INPUTS), model.text_encoder.encode(INPUTS), atol=1e-6)
    for one, other in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_first_and_the_last_layer_are_kept(model):
    small = drop_text_layers(model, 2).text_encoder.backbone
    assert small.num_layers == 2
    old = model.text_encoder.backbone
    for place, number in enumerate((0, 2)):
        for one, other in zip(
            small.get_layer(f"transformer_layer_{place}").get_weights(),
            old.get_layer(f"transformer_layer_{number}").get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)
    # What a tower without its middle layer computes, layer by layer.
    tokens = model.text_encoder.preprocessor(INPUTS, ["", ""])
    run = {name: tokens[name] for name in ("token_ids", "segment_ids", "padding_mask")}
    words = old.token_embedding(run["token_ids"])
    hidden = old.embeddings_layer_norm(
        words + old.position_embedding(words) + old.segment_embedding(run["segment_ids"])
    )
    for number in (0, 2):
        hidden = old.get_layer(f"transformer_layer_{number}")(hidden, padding_mask=run["padding_mask"])
    np.testing.assert_allclose(small(run)["sequence_output"], hidden, atol=1e-5)


@pytest.mark.parametrize("layers", [0, 4, -1])
def test_no_more_than_there_are(model, layers):
    with pytest.raises(ConfigError, match="3 layers 1 to 3"):
        drop_text_layers(model, layers)
