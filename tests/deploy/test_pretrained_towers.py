"""Pretrained towers from the configuration to the SavedModel."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from product_matching.bundle import load_bundle
from product_matching.cli.train import train_bundle
from product_matching.config import load_config
from product_matching.deploy import export
from product_matching.model import build_model, parameter_counts
from product_matching.text import SequencePreprocessor
from product_matching.text.tokenizer import SubwordTokenizer
from product_matching.train import features, fit, fitting

pytestmark = pytest.mark.slow

TEXTS = ["red striped mug", "红色条纹马克杯，350毫升", "", "a <b>very</b> long title " * 10]


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_catalog):
    """A random GPT-2 and a random ViT, as transformers writes them."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    text, image = tmp_path_factory.mktemp("gpt2"), tmp_path_factory.mktemp("vit")
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator(list(tiny_catalog.texts()), trainer)
    state = json.loads(trained.to_str())["model"]
    tokenizer = transformers.GPT2Tokenizer(vocab=state["vocab"], merges=[tuple(merge) for merge in state["merges"]])
    tokenizer.save_pretrained(text)
    size = {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 64, "vocab_size": len(tokenizer)}
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    transformers.GPT2Model(transformers.GPT2Config(**size, **ends)).save_pretrained(text)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    transformers.ViTModel(transformers.ViTConfig(**size, image_size=32, patch_size=8)).save_pretrained(image)
    return text, image


def told(patch):
    """A list that takes the name of each frozen tower that is run over a catalogue."""
    computed, compute = [], features._Keeper._compute

    def compute_and_tell(keeper, name, *rest):
        computed.append(name)
        return compute(keeper, name, *rest)

    patch.setattr(features._Keeper, "_compute", compute_and_tell)
    return computed


@pytest.fixture(scope="module")
def built(folders, tiny_split):
    text, image = folders
    overrides = [f"text.pretrained={text}", "text.lora_rank=2", "text.learning_rate_factor=0.5", "text.max_tokens=16"]
    # The power of this pooling learns where the tower does.
    overrides += [f"image.pretrained={image}", "image.trainable_blocks=0", "image.pooling=gem"]
    config = load_config("tiny", [*overrides, "train.epochs=1", "train.head_epochs=1"])
    train = tiny_split[0].take(np.arange(64))
    model = build_model(config, train)
    with pytest.MonkeyPatch.context() as patch:
        learning, compiled = [], fitting._compile

        def compile_and_tell(model, *arguments, **options):
            learning.append({variable.name for variable in model.trainable_variables})
            compiled(model, *arguments, **options)

        patch.setattr(fitting, "_compile", compile_and_tell)
        computed = told(patch)
        history = fit(model, train, tiny_split[1], config)
    return model, history, learning, computed


def weights_on_disk(folder):
    """Numbers in the SavedModel's variables, without the tokenizer's tables."""
    listed = tf.train.list_variables(str(folder / "variables" / "variables"))
    return sum(int(np.prod(shape)) for name, shape in listed if name.startswith("weights/"))


def test_lora_and_a_frozen_tower_train_by_configuration(built):
    model, history, (first, then), computed = built
    assert sorted(computed) == ["image", "image", "text", "text"]  # of train and of val, once for both parts
    assert then - first == {"lora_kernel_a", "lora_kernel_b"}  # which stand still in the epoch of the heads
    assert np.isfinite(history["loss"]).all()
    assert model.image_encoder.trainable_variables == []
    assert {variable.name for variable in model.text_encoder.trainable_variables} == {"lora_kernel_a", "lora_kernel_b"}
    assert any(np.asarray(v).any() for v in model.text_encoder.trainable_variables if v.name == "lora_kernel_b")


def test_export_merges_lora_and_says_the_same(built, folders, tiny_catalog, tmp_path):
    model, *_ = built
    photos = [Path(path).read_bytes() for path in tiny_catalog.image_paths() if path][:2]

    def ours():
        tokens = model.preprocessor.text(TEXTS, [""] * len(TEXTS))
        text = model.embed_one("text", model.text_vector(tokens), tokens["has_text"])
        pixels = model.preprocessor.decode_batch(tf.constant(photos))
        return np.asarray(text), np.asarray(model.embed_one("image", model.image_vector(pixels), tf.ones(2, tf.bool)))

    before, lora = ours(), parameter_counts(model.text_encoder)[0]
    assert lora
    folder = export(model, tmp_path / "lora" / "1")
    for adapted, merged in zip(before, ours(), strict=True):
        np.testing.assert_allclose(merged, adapted, atol=1e-5)
    encoders = load_bundle(folder).encoders
    np.testing.assert_allclose(encoders.embed_text(TEXTS), before[0], atol=1e-5)
    np.testing.assert_allclose(encoders.embed_image(photos), before[1], atol=1e-5)
    again = load_bundle(folder).load_model()  # without the checkpoints
    tokens = again.preprocessor.text(TEXTS, [""] * len(TEXTS))
    found = again.embed_one("text", again.text_vector(tokens), tokens["has_text"])
    np.testing.assert_allclose(found, before[0], atol=1e-5)
    assert weights_on_disk(folder) == sum(int(np.prod(weight.shape)) for weight in again.weights) > 0


TOKENIZERS = {
    "wordpiece": SubwordTokenizer(
        "wordpiece",
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "mug", "红", "##s"],
        {"normalizer": [["NFD"], ["StripAccents"], ["Lowercase"]], "split_on_cjk": True, "unknown": "[UNK]"},
        prefix=[2],
        suffix=[3],
    ),
    "sentencepiece": SubwordTokenizer(
        "sentencepiece",
        ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁red", "▁mug", "红", "s"],
        {
            "scores": [0.0, 0.0, 0.0, 0.0, -3.0, -1.0, -1.0, -2.0, -2.5],
            "unknown": "<unk>",
            "special": ["<s>", "<pad>", "</s>"],
            "charsmap": "",
            "normalizer": [["Lowercase"]],
        },
        prefix=[0],
        suffix=[2],
        pad=1,
    ),
}


@pytest.mark.parametrize(
    ("kind", "hand"),
    [
        ("wordpiece", [[2, 4, 5, 7, 3, 0, 0, 0], [2, 6, 1, 3, 0, 0, 0, 0]]),
        ("sentencepiece", [[0, 5, 6, 8, 2, 1, 1, 1], [0, 4, 7, 3, 2, 1, 1, 1]]),
    ],
)
def test_tokenizers_counted_by_hand_are_the_same_after_export(kind, hand, tmp_path):
    preprocessor = SequencePreprocessor(TOKENIZERS[kind].get_config() | {}, max_tokens=16)
    module = tf.Module()
    module.tables = preprocessor.tables
    module.tokenize = tf.function(lambda text: preprocessor(text, tf.zeros_like(text))["token_ids"])
    texts = tf.constant(["RED mugs", "红z"])
    np.testing.assert_array_equal(module.tokenize(texts), hand)
    tf.saved_model.save(module, str(tmp_path))
    again = tf.saved_model.load(str(tmp_path))
    np.testing.assert_array_equal(again.tokenize(texts), hand)


def test_checkpoints_stand_beside_towers_from_scratch(folders, tiny_catalog, tmp_path, monkeypatch):
    computed = told(monkeypatch)
    beside = [f"text.beside={folders[0]}", f"image.beside={folders[1]}", "image.beside_size=32", "train.epochs=1"]
    folder, metrics, model = train_bundle(tiny_catalog, load_config("tiny", beside), tmp_path / "shop")
    assert sorted(computed) == ["beside_image", "beside_image", "beside_text", "beside_text"]  # of train and val, once
    assert (model.beside_image.pooling, model.beside_text.pooling) == ("cls", "last")
    assert model.image_encoder.trainable_variables
    assert 0 <= metrics["accuracy"] <= 1
    tokens = model.preprocessor.words(TEXTS, [""] * len(TEXTS))
    vectors = model.embed_one("text", model.text_vector(tokens), tokens["has_text"])
    np.testing.assert_allclose(load_bundle(folder).encoders.embed_text(TEXTS), vectors, atol=2e-5)


def test_training_runs_frozen_towers_once_over_each_part(folders, tiny_catalog, tmp_path, monkeypatch):
    computed = told(monkeypatch)
    frozen = [f"text.pretrained={folders[0]}", "text.trainable_blocks=0", "text.max_tokens=16"]
    frozen += [f"image.pretrained={folders[1]}", "image.trainable_blocks=0", "train.epochs=1", "model.references=200"]
    bundle, metrics, _ = train_bundle(tiny_catalog, load_config("tiny", frozen), tmp_path / "shop")
    assert sorted(computed) == ["image", "image", "text", "text"]  # train and val, for the fit and the calibration
    assert 0 <= metrics["accuracy"] <= 1
    assert load_bundle(bundle).manifest["config"]["train"]["feature_cache"] == ""
