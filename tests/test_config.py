import dataclasses
import json
import re
import tomllib
from importlib import resources

import pytest

from product_matching.config import Config, config_from_dict, config_to_dict, load_config, presets
from product_matching.errors import ConfigError


@pytest.mark.parametrize("name", presets())
def test_preset_loads(name):
    assert isinstance(load_config(name), Config)


def test_presets_are_the_known_ones():
    assert {"small", "tiny"} <= set(presets())


def test_small_is_the_default():
    assert load_config() == load_config("small")


def test_file_is_read(tmp_path):
    (tmp_path / "my.toml").write_text("seed = 3\n[text]\nlayers = 6\n[image]\nfilters = [64, 32, 16]\n")
    config = load_config(tmp_path / "my.toml")
    assert (config.seed, config.text.layers, config.image.filters) == (3, 6, (64, 32, 16))
    assert config.model == Config().model


def test_overrides_change_what_they_name_and_the_last_wins():
    config = load_config("tiny", ["train.epochs=3", "seed = 5", "model.dim=8", "train.epochs=4"])
    assert (config.train.epochs, config.seed, config.model.dim) == (4, 5, 8)
    assert config.text == load_config("tiny").text


@pytest.mark.parametrize(
    ("override", "section", "name", "value"),
    [
        ("optimizer.learning_rate=1", "optimizer", "learning_rate", 1.0),
        ("optimizer.learning_rate=3e-4", "optimizer", "learning_rate", 0.0003),
        ("train.augment=0.5", "train", "augment", 0.5),
        ("train.augment=.5", "train", "augment", 0.5),
        ("optimizer.learning_rate=3.e-4", "optimizer", "learning_rate", 0.0003),
        ("train.linear_start=True", "train", "linear_start", True),
        ("text.pretrained=./3.", "text", "pretrained", "./3."),
        ("image.backbone=vit", "image", "backbone", "vit"),
        ('image.backbone="vit"', "image", "backbone", "vit"),
        ("image.blocks=[2, 2]", "image", "blocks", (2, 2)),
        ("split.group_by=款式", "split", "group_by", "款式"),
        ("text.pretrained=a=b", "text", "pretrained", "a=b"),
    ],
)
def test_override_takes_a_value_of_toml_or_bare_words(override, section, name, value):
    found = getattr(getattr(load_config("tiny", [override]), section), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.epoch=3", r"'train.epoch'. Did you mean 'train.epochs'\?"),
        ("trian.epochs=3", r"'trian'. Did you mean 'train'\?"),
        ("train.epochs", "form section.key=value"),
        ("=3", "form section.key=value"),
        ("train=3", "'train' is a section, not a value"),
        ("seed.x=3", "'seed'|seed takes"),
        ("train.epochs.x=3", "value, not a section|train.epochs takes"),
        ("image.backbone=resnet5", r"Did you mean 'resnet'\? Known: resnet, vit"),
        ("train.mixed_precision=half", "Known: float32, mixed_bfloat16, mixed_float16"),
    ],
)
def test_wrong_key_is_named_and_the_nearest_offered(override, said):
    with pytest.raises(ConfigError, match=said):
        load_config("tiny", [override])


@pytest.mark.parametrize(
    "override",
    [
        "train.epochs=three",
        "train.epochs=3.0",
        "train.epochs=true",
        "train.augment=true",
        "optimizer.learning_rate=high",
        "text.pretrained=3",
        "image.filters=64",
        "image.filters=[]",
        'image.filters=["64"]',
        "train.epochs=2024-01-01",
        "image.backbone=[1]",
    ],
)
def test_value_of_another_type_is_refused_by_its_key(override):
    with pytest.raises(ConfigError, match=re.escape(override.partition("=")[0])):
        load_config("tiny", [override])


@pytest.mark.parametrize(
    "override",
    [
        "train.epochs=0",
        "train.batch_size=-1",
        "optimizer.learning_rate=0",
        "optimizer.learning_rate=nan",
        "model.temperature=-1",
        "text.dropout=1",
        "text.dropout=-0.1",
        "split.val=1.0",
        "split.val=nan",
        "text.heads=3",
        "image.blocks=[1]",
        "text.max_tokens=2",
        "image.filters=[64, 0]",
        "image.blocks=[1, -1]",
        "optimizer.weight_decay=-1",
        "optimizer.clip_norm=-1",
        "optimizer.learning_rate=inf",
        "train.patience=-1",
        "train.same_kind=0",
    ],
)
def test_value_outside_its_range_is_refused_by_its_key(override):
    key = override.partition("=")[0]
    with pytest.raises(ConfigError, match=re.escape(key)):
        load_config("tiny", [override])


def test_shares_of_the_split_leave_something_to_train_on():
    with pytest.raises(ConfigError, match="nothing is left"):
        load_config("tiny", ["split.val=0.5", "split.test=0.5"])


def test_unknown_preset_offers_the_nearest():
    with pytest.raises(ConfigError, match=r"Unknown preset 'smal'\. Did you mean 'small'\?.*ends in \.toml"):
        load_config("smal")


def test_absent_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no configuration file .*absent"):
        load_config(tmp_path / "absent.toml")


@pytest.mark.parametrize("content", [b"[train\nepochs = 3", b"seed = ", b"seed = 1\nseed = 2", "# 红".encode("gbk")])
def test_file_that_is_no_toml_is_a_clear_error(tmp_path, content):
    (tmp_path / "my.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"my\.toml"):
        load_config(tmp_path / "my.toml")


def test_unknown_key_of_a_file_is_refused(tmp_path):
    (tmp_path / "my.toml").write_text("[optimizer]\nlearning_rat = 0.1\n")
    with pytest.raises(ConfigError, match=r"Did you mean 'optimizer\.learning_rate'"):
        load_config(tmp_path / "my.toml")


@pytest.mark.parametrize("name", presets())
def test_configuration_survives_plain_values_and_json(name):
    config = load_config(name)
    assert config_from_dict(config_to_dict(config)) == config
    assert config_from_dict(json.loads(json.dumps(config_to_dict(config)))) == config


def test_nothing_gives_the_defaults():
    assert config_from_dict({}) == Config()


def test_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().seed = 1


def test_presets_begin_with_their_command():
    for name in presets():
        text = (resources.files("product_matching") / "configs" / f"{name}.toml").read_text(encoding="utf-8")
        assert re.search(rf"^#   product-matching (.* --config )?{name}$", text, re.MULTILINE)
        assert set(tomllib.loads(text)) <= {field.name for field in dataclasses.fields(Config)}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("text.lora_rank=8", "text.lora_rank is for a pretrained tower"),
        ("image.trainable_blocks=0", "image.trainable_blocks is for a pretrained tower"),
        ("train.head_epochs=2", "train.head_epochs is for a pretrained tower"),
        ("train.head_epochs=-1", "train.head_epochs must not be below 0"),
        ("text.trainable_blocks=-2", "at least -1"),
        ("text.learning_rate_factor=0.0", "must be above 0"),
        ("model.matryoshka=[128]", "widths between 0 and model.dim; got 128"),
        ("image.stem=[]", "image.stem takes a list of int"),
    ],
)
def test_options_of_pretrained_towers_are_checked(override, message):
    with pytest.raises(ConfigError, match=message):
        load_config("small", [override] if "-2" not in override else ["text.pretrained=x", override])


def test_lora_and_blocks_exclude_each_other():
    with pytest.raises(ConfigError, match=r"leave text.trainable_blocks at -1"):
        load_config("small", ["text.pretrained=x", "text.lora_rank=8", "text.trainable_blocks=1"])
    for more in ("text.lora_blocks=2", "text.lora_blocks=-1"):
        with pytest.raises(ConfigError, match=r"text.lora_blocks is 0 or the number of blocks"):
            load_config("small", ["text.pretrained=x", more])
    assert load_config("small", ["text.pretrained=x", "text.lora_rank=8"]).text.lora_rank == 8


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["image.beside_size=96"], r"image\.beside_size is for the tower of image\.beside"),
        (["image.beside=x", "image.beside_size=0"], r"image\.beside_size must be above 0"),
        (
            ["image.beside=x", "image.pretrained=x", "image.trainable_blocks=0"],
            r"image\.beside and image\.pretrained name the same checkpoint.*leave image\.beside empty",
        ),
        (["text.beside=x", "train.typed=0.5"], r"give train\.cached_text_views 2 or more"),
        (["text.beside=x", "train.typed=0.5", "train.cached_text_views=6", "train.augment=0"], r"train\.typed"),
    ],
)
def test_a_tower_beside_another_is_checked(overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_config("small", overrides)


def test_a_tower_may_stand_beside_one_of_the_same_checkpoint_that_learns():
    config = load_config("small", ["image.beside=x", "image.pretrained=x", "image.lora_rank=4"])
    assert (config.image.beside, config.image.beside_size) == ("x", 128)
    views = ["text.beside=x", "train.typed=0.5", "train.cached_text_views=6"]
    assert load_config("small", views).train.typed == 0.5


def test_an_empty_list_survives_the_manifest():
    config = load_config("small")
    assert config_from_dict(json.loads(json.dumps(config_to_dict(config)))) == config
