"""Freezing and LoRA on each kind of backbone."""

import keras
import keras_hub
import numpy as np
import pytest

from product_matching.errors import ConfigError
from product_matching.model import add_lora, freeze, merge_lora, parameter_counts
from product_matching.text import TextEncoder

WIDTH, HEADS, RANK = 16, 2, 4
HUB = keras_hub.models
TEXT = {"vocabulary_size": 50, "num_layers": 3, "num_heads": HEADS, "hidden_dim": WIDTH, "intermediate_dim": 24}
IMAGE = {"image_shape": (32, 32, 3), "patch_size": 8, "num_layers": 3, "num_heads": HEADS, "hidden_dim": WIDTH}
MAKERS = {
    "bert": lambda: HUB.BertBackbone(**TEXT, max_sequence_length=8),
    "gpt2": lambda: HUB.GPT2Backbone(**TEXT, max_sequence_length=8),
    "vit": lambda: HUB.ViTBackbone(**IMAGE, mlp_dim=24),
    "dinov2": lambda: HUB.DINOV2Backbone(**IMAGE, intermediate_dim=24, position_embedding_shape=(32, 32)),
    "resnet": lambda: HUB.ResNetBackbone(
        input_conv_filters=[8],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 2],
        stackwise_num_strides=[1, 2],
        block_type="basic_block_vd",
        image_shape=(32, 32, 3),
    ),
    "mobilenet": lambda: keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3), include_preprocessing=False
    ),
}
LAST = {
    "bert": ["transformer_layer_2"],
    "gpt2": ["transformer_layer_2", "layer_norm"],
    "vit": ["transformer_block_3", "vit_encoder/ln"],
    "dinov2": ["layers_2", "layernorm"],
    "resnet": ["stack1_block1"],
    "mobilenet": ["expanded_conv_10", "conv_1"],
}
TARGETS = {"bert": ["query", "value"], "gpt2": ["query", "value"], "vit": ["query", "value"], "dinov2": ["query"]}
LORA = [*TARGETS, "resnet"]


@pytest.fixture(params=MAKERS)
def kind(request):
    return request.param


def run(kind, backbone, **options):
    rng = np.random.default_rng(0)
    if kind in ("bert", "gpt2"):
        ids = rng.integers(0, 50, (2, 8))
        inputs = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": np.ones_like(ids)}
        found = backbone({tensor.name: inputs[tensor.name] for tensor in backbone.inputs}, **options)
        return np.asarray(found["sequence_output"] if isinstance(found, dict) else found)
    pixels = rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
    return np.asarray(backbone({"images": pixels} if isinstance(backbone.input, dict) else pixels, **options))


def shake(backbone):
    rng = np.random.default_rng(1)
    for variable in backbone.trainable_variables:
        variable.assign(rng.normal(0, 0.1, variable.shape))


def test_frozen_all_learns_nothing_and_says_the_same(kind):
    backbone = MAKERS[kind]()
    before, weights = run(kind, backbone), backbone.get_weights()
    freeze(backbone)
    assert backbone.trainable_variables == []
    assert parameter_counts(backbone)[0] == 0
    training = kind not in ("bert", "gpt2")  # which drop units out in training, frozen or not
    np.testing.assert_allclose(run(kind, backbone, training=training), before, atol=1e-5)
    for ours, old in zip(backbone.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, old)  # statistics of batches too


def test_last_block_learns_with_what_stands_behind_it(kind):
    backbone = MAKERS[kind]()
    freeze(backbone, 1)
    paths = [variable.path for variable in backbone.trainable_variables]
    assert paths
    for path in paths:
        assert any(name in path for name in LAST[kind]), path
    for name in LAST[kind]:
        assert any(name in path for path in paths), name


def test_frozen_anew_is_as_asked_last():
    backbone = MAKERS["bert"]()
    counts = []
    for blocks in (3, 1, 2, 0, 1):
        freeze(backbone, blocks)
        counts.append(parameter_counts(backbone)[0])
    assert counts[1] == counts[4] == counts[2] / 2 == counts[0] / 3
    assert counts[3] == 0


def test_more_blocks_than_there_are_is_an_error():
    with pytest.raises(ConfigError, match="has 3 blocks; 4 of them"):
        freeze(MAKERS["bert"](), 4)
    with pytest.raises(ConfigError, match="has 3 blocks; 4 of them"):
        add_lora(MAKERS["bert"](), RANK, ["query"], blocks=4)


def test_lora_counted_by_hand():
    backbone = MAKERS["bert"]()
    everything = sum(int(np.prod(variable.shape)) for variable in backbone.variables)
    assert add_lora(backbone, RANK, ["query", "value"]) == 6
    by_hand = 3 * 2 * (WIDTH * HEADS * RANK + RANK * WIDTH // HEADS)
    assert parameter_counts(backbone) == (by_hand, everything)
    last = MAKERS["bert"]()
    assert add_lora(last, RANK, ["query", "value"], blocks=1) == 2
    assert parameter_counts(last)[0] == by_hand / 3
    assert {"transformer_layer_2" in variable.path for variable in last.trainable_variables} == {True}


def test_lora_on_a_network_of_the_size_of_minilm_trains_under_two_per_cent():
    backbone = HUB.BertBackbone(30522, 6, 12, 384, 1536)
    add_lora(backbone, 8, ["query", "value"])
    trained, frozen = parameter_counts(backbone)
    assert trained < 0.02 * (trained + frozen)


@pytest.mark.parametrize("kind", LORA)
def test_lora_starts_as_the_plain_network_and_is_merged_without_a_trace(kind, tmp_path):
    backbone = MAKERS[kind]()
    plain, shapes = run(kind, backbone), [weight.shape for weight in backbone.weights]
    changed = add_lora(backbone, RANK, TARGETS.get(kind, ["conv2d"]))
    np.testing.assert_allclose(run(kind, backbone), plain, atol=1e-6)
    shake(backbone)
    adapted = run(kind, backbone)
    assert abs(adapted - plain).max() > 1e-3
    assert merge_lora(backbone) == changed
    np.testing.assert_allclose(run(kind, backbone), adapted, atol=1e-5, rtol=1e-5)
    assert [weight.shape for weight in backbone.weights] == shapes
    backbone.save(tmp_path / "merged.keras")
    again = keras.saving.load_model(tmp_path / "merged.keras")
    np.testing.assert_allclose(run(kind, again), adapted, atol=1e-5, rtol=1e-5)


def test_an_encoder_notices_that_its_network_was_adapted():
    encoder = TextEncoder(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red"], layers=1, heads=2, hidden_dim=8, max_tokens=8)
    plain = encoder.encode(["red red"])
    add_lora(encoder.backbone, 2, ["query", "value", "dense"])
    np.testing.assert_allclose(encoder.encode(["red red"]), plain, atol=1e-6)
    shake(encoder)
    adapted = encoder.encode(["red red"])
    assert abs(adapted - plain).max() > 1e-3
    np.testing.assert_allclose(adapted[0], reference(encoder), atol=1e-5)
    merge_lora(encoder)
    np.testing.assert_allclose(encoder.encode(["red red"]), adapted, atol=1e-5)


def reference(encoder):
    """The same without a graph."""
    row = np.asarray(encoder(encoder.preprocessor(["red red"], [""])))[0]
    return row / np.linalg.norm(row)


def test_merged_kernel_is_the_sum_by_hand():
    backbone = MAKERS["resnet"]()
    add_lora(backbone, RANK, ["conv2d"])
    shake(backbone)
    layer = backbone.get_layer("stack1_block0_1_conv")
    kernel, a, b = (np.asarray(v) for v in (layer._kernel, layer.lora_kernel_a, layer.lora_kernel_b))
    merge_lora(backbone)
    np.testing.assert_allclose(layer.kernel, kernel + np.einsum("hwcr,rf->hwcf", a, b), atol=1e-6)


def test_a_target_that_is_nowhere_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"No layer of .* is named wuery\. Known: .*query"):
        add_lora(MAKERS["bert"](), RANK, ["wuery"])
