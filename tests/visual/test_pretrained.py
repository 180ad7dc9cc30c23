"""Pretrained image encoders against transformers itself, on checkpoints that it writes on the spot."""

import json
import shutil

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf
import transformers
from PIL import Image

from product_matching.checkpoints.applications import APPLICATIONS, load_application
from product_matching.checkpoints.converting import converted
from product_matching.errors import CheckpointError, ConfigError
from product_matching.visual import ImageEncoder

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")

SIZE = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
SQUARE = {"image_size": 32, "patch_size": 8, "initializer_range": 0.2}
KINDS = ["vit", "deit", "dinov2", "resnet18", "resnet50"]
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
RESNET = {"embedding_size": 64, "hidden_act": "relu"}


def network_for(kind):
    config = {
        "vit": lambda: transformers.ViTConfig(**SIZE, **SQUARE),
        "deit": lambda: transformers.DeiTConfig(**SIZE, **SQUARE),
        "dinov2": lambda: transformers.Dinov2Config(**SIZE, **SQUARE, mlp_ratio=2),
        "resnet18": lambda: transformers.ResNetConfig(
            hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic", **RESNET
        ),
        "resnet50": lambda: transformers.ResNetConfig(
            hidden_sizes=[256, 512, 1024, 2048], depths=[3, 4, 6, 3], layer_type="bottleneck", **RESNET
        ),
    }[kind]()
    network = transformers.AutoModel.from_config(config).eval()
    for name, value in network.named_buffers():  # a trained network's normalisations have seen something
        if name.endswith("running_mean"):
            value.copy_(0.1 * torch.randn_like(value))
        elif name.endswith("running_var"):
            value.copy_(1 + torch.rand_like(value))
    for name, value in network.named_parameters():
        if "position" in name or "cls_token" in name:
            value.data = 0.3 * torch.randn_like(value)
    return network


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    torch.manual_seed(0)
    made = {}
    for kind in KINDS:
        made[kind] = tmp_path_factory.mktemp(kind)
        network_for(kind).save_pretrained(made[kind])
        said = {"image_mean": MEAN, "image_std": STD, "rescale_factor": 1 / 255, "size": {"height": 32, "width": 32}}
        (made[kind] / "preprocessor_config.json").write_text(json.dumps(said), encoding="utf-8")
    return made


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def encoders(folders):
    return {kind: ImageEncoder.from_pretrained(folder) for kind, folder in folders.items()}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def files(pixels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for i, one in enumerate(pixels):
        Image.fromarray(one).save(folder / f"{i}.png")
    return [folder / f"{i}.png" for i in range(len(pixels))]


def reference_vectors(folder, pixels, pooling, **options):
    """What transformers and torch compute: [N, dim], of length 1."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    fed = (pixels / 255 - np.array(MEAN)) / np.array(STD)
    with torch.inference_mode():
        hidden = network(torch.tensor(fed.transpose(0, 3, 1, 2), dtype=torch.float32), **options).last_hidden_state
    if hidden.ndim == 4:
        hidden = hidden.flatten(2).transpose(1, 2)
        prefix = 0
    else:
        prefix = 2 if "distillation" in json.dumps(list(network.state_dict())) else 1
    rows = {"cls": hidden[:, 0], "average": hidden[:, prefix:].mean(dim=1)}
    rows["gem"] = hidden[:, prefix:].clamp(min=1e-6).pow(3).mean(dim=1).pow(1 / 3)
    rows = rows[pooling].numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_vectors_are_those_of_transformers(encoders, folders, kind, files, pixels):
    encoder = encoders[kind]
    assert encoder.pooling == ("average" if kind.startswith("resnet") else "cls")
    expected = reference_vectors(folders[kind], pixels, encoder.pooling)
    found = encoder.encode(files)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("pooling", ["average", "gem"])
@pytest.mark.parametrize("named", ["deit", "resnet18"])
def test_each_pooling_is_the_documented_one(encoders, folders, named, pooling, files, pixels):
    config = encoders[named].get_config()
    encoder = ImageEncoder(encoders[named].backbone, **{**without(config, "backbone", "name"), "pooling": pooling})
    expected = reference_vectors(folders[named], pixels, pooling)
    np.testing.assert_allclose(encoder.encode(files), expected, atol=1e-4)


def without(config, *names):
    return {name: value for name, value in config.items() if name not in (*names, "trainable", "dtype")}


def test_attention_pooling_starts_as_the_average(encoders, files):
    config = without(encoders["vit"].get_config(), "backbone", "name")
    both = [ImageEncoder(encoders["vit"].backbone, **{**config, "pooling": p}) for p in ("attention", "average")]
    np.testing.assert_allclose(both[0].encode(files), both[1].encode(files), atol=1e-5)
    assert len(both[0].trainable_variables) == len(both[1].trainable_variables) + 1


@pytest.mark.parametrize("named", ["vit", "dinov2"])
@pytest.mark.parametrize("size", [48, 24])
def test_position_embeddings_are_interpolated_as_transformers_does(folders, named, size):
    pixels = np.random.default_rng(1).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    encoder = ImageEncoder.from_pretrained(folders[named], size=size)
    options = {"interpolate_pos_encoding": True} if named == "vit" else {}
    expected = reference_vectors(folders[named], pixels, "cls", **options)
    raw = np.asarray(encoder(pixels))
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), expected, atol=1e-4)


def test_a_resnet_takes_any_size(folders):
    encoder = ImageEncoder.from_pretrained(folders["resnet18"], size=50)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 50, 50, 3), dtype=np.uint8)
    raw = np.asarray(encoder(pixels))
    expected = reference_vectors(folders["resnet18"], pixels, "average")
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), expected, atol=1e-4)


def test_a_size_that_the_patches_do_not_fill_is_refused(folders):
    with pytest.raises(CheckpointError, match=r"multiple of 8; got 33. Near: 32, 40"):
        ImageEncoder.from_pretrained(folders["vit"], size=33)


@pytest.mark.parametrize("named", ["dinov2", "resnet18"])
def test_saved_encoder_needs_no_checkpoint(folders, named, tmp_path):
    encoder = ImageEncoder.from_pretrained(folders[named], size=40)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    encoder.save(tmp_path / "image.keras")
    again = keras.saving.load_model(tmp_path / "image.keras")
    np.testing.assert_allclose(again(pixels), encoder(pixels), atol=1e-5)
    assert without(again.get_config(), "backbone") == without(encoder.get_config(), "backbone")


def test_a_weights_file_of_keras_applications_brings_its_own_preprocessing(tmp_path, files, pixels):
    keras.utils.set_random_seed(0)
    network = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")
    path = tmp_path / "my_resnet50_notop.weights.h5"
    keras.applications.ResNet50(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(path)
    network.load_weights(path)
    fed = keras.applications.resnet.preprocess_input(pixels.astype("float32"))
    rows = np.asarray(network(fed))
    encoder = ImageEncoder.from_pretrained(path, size=32)
    np.testing.assert_allclose(
        encoder.encode(files), rows / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "builder", "options"),
    [
        ("mobilenetv3small", "MobileNetV3Small", {"include_preprocessing": True}),
        ("efficientnetb0", "EfficientNetB0", {}),  # which scales pixels itself, always
    ],
)
def test_pixels_are_scaled_as_keras_applications_scales_them(name, builder, options, tmp_path, pixels):
    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, builder)(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg", **options
    )
    bare, _ = load_application(name, 32, weights=written(network, name, tmp_path))
    bare.save_weights(tmp_path / f"{name}.weights.h5")
    encoder = ImageEncoder.from_pretrained(tmp_path / f"{name}.weights.h5", size=32)
    np.testing.assert_allclose(encoder(pixels), network(pixels.astype("float32")), atol=1e-4, rtol=1e-3)


def written(network, name, folder):
    """The weights of a network, in the layout of one without a scaling of its own."""
    builder = getattr(keras.applications, APPLICATIONS[name].builder)
    options = APPLICATIONS[name].options
    plain = builder(include_top=False, weights=None, input_shape=(32, 32, 3), **options)
    plain.set_weights(network.get_weights())
    plain.save_weights(folder / "plain.weights.h5")
    return folder / "plain.weights.h5"


def test_a_timm_folder_brings_its_own_preprocessing_and_size(folders, tmp_path):
    config = json.loads((folders["resnet18"] / "config.json").read_text(encoding="utf-8"))
    with converted(folders["resnet18"], config) as named_as_in_timm:
        shutil.copy(named_as_in_timm / "model.safetensors", tmp_path)
    said = {"mean": MEAN, "std": STD, "input_size": [3, 40, 40]}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18", "pretrained_cfg": said}))
    encoder = ImageEncoder.from_pretrained(tmp_path)
    assert encoder.size == 40
    pixels = np.random.default_rng(1).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    raw = np.asarray(encoder(pixels))
    expected = reference_vectors(folders["resnet18"], pixels, "average")
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), expected, atol=1e-4)


def test_a_keras_preset_brings_its_own_preprocessing(tmp_path, pixels):
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(32, 32, 3), patch_size=8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32
    )
    backbone.save_to_preset(str(tmp_path))
    encoder = ImageEncoder.from_pretrained(tmp_path)
    expected = np.asarray(backbone(tf.cast(pixels, tf.float32)))[:, 0]
    np.testing.assert_allclose(encoder(pixels), expected, atol=1e-4)


def test_a_weights_file_without_a_name_asks_for_the_architecture(tmp_path):
    (tmp_path / "best.weights.h5").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"Give architecture, one of: .*resnet50"):
        ImageEncoder.from_pretrained(tmp_path / "best.weights.h5")
    with pytest.raises(CheckpointError, match="Did you mean 'resnet50'"):
        ImageEncoder.from_pretrained(tmp_path / "best.weights.h5", architecture="resnet5")


def test_a_network_without_class_token_cannot_pool_by_it(encoders):
    with pytest.raises(ConfigError, match="no class token"):
        ImageEncoder(encoders["resnet18"].backbone, pooling="cls")


def test_a_model_of_another_kind_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"'bert'.*Known: deit, dinov2, resnet, vit"):
        ImageEncoder.from_pretrained(tmp_path)
