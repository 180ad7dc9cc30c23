"""Where weights come from, with hubs that only pretend."""

import huggingface_hub
import kagglehub
import pytest

from product_matching.checkpoints import find_checkpoint
from product_matching.checkpoints.applications import application_name, load_application
from product_matching.checkpoints.describing import describe
from product_matching.errors import CheckpointError


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hugging Face hub that has `owner/there`, and a cache that has `owner/cached`; the calls it gets."""
    calls = []

    def snapshot_download(repository, *, allow_patterns, local_files_only=False):
        calls.append((repository, local_files_only))
        if repository == ("owner/cached" if local_files_only else "owner/there"):
            return str(tmp_path / repository)
        raise FileNotFoundError("no such repository")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    for name in ("PRODUCT_MATCHING_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return calls


def test_a_local_path_comes_first_and_asks_nobody(hub, tmp_path, monkeypatch):
    (tmp_path / "owner" / "there").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find_checkpoint("owner/there").resolve() == tmp_path / "owner" / "there"
    assert hub == []


def test_then_the_cache(hub, tmp_path):
    assert find_checkpoint("hf://owner/cached") == tmp_path / "owner/cached"
    assert hub == [("owner/cached", True)]


def test_then_the_hub(hub, tmp_path):
    assert find_checkpoint("owner/there") == tmp_path / "owner/there"
    assert hub == [("owner/there", True), ("owner/there", False)]


def test_error_names_all_that_was_tried(hub):
    with pytest.raises(CheckpointError) as caught:
        find_checkpoint("owner/nothing")
    for part in ("local path owner/nothing", "the cache of Hugging Face (no such", "Hugging Face (no such repository)"):
        assert part in str(caught.value)


@pytest.mark.parametrize("switch", ["argument", "PRODUCT_MATCHING_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_asks_no_hub(hub, switch, monkeypatch):
    if switch != "argument":
        monkeypatch.setenv(switch, "1")
    with pytest.raises(CheckpointError, match=r"Hugging Face \(not asked: offline\)"):
        find_checkpoint("owner/there", offline=True if switch == "argument" else None)
    assert hub == [("owner/there", True)]


def test_the_argument_wins_over_the_environment(hub, monkeypatch):
    monkeypatch.setenv("PRODUCT_MATCHING_OFFLINE", "1")
    assert find_checkpoint("owner/there", offline=False).name == "there"


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "weights/best.weights.h5"])
def test_what_looks_like_a_path_is_looked_for_nowhere_else(hub, name):
    with pytest.raises(CheckpointError, match="There are no weights at"):
        find_checkpoint(name)
    assert hub == []


def test_a_kerashub_preset_is_looked_for_at_kaggle(hub, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(kagglehub, "model_download", lambda handle: asked.append(handle) or str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    assert find_checkpoint("bert_tiny_en_uncased") == tmp_path
    assert asked[0].startswith("keras/bert/keras/bert_tiny_en_uncased")
    folder = tmp_path / "cache" / "models" / asked[0]
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert find_checkpoint("bert_tiny_en_uncased", offline=True) == folder
    assert (len(asked), hub) == (1, [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no config.json"),
        ("{", "is no JSON"),
        ("{}", "names no model_type"),
        ('{"model_type": "x1"}', "not know"),
    ],
)
def test_a_folder_that_is_no_model_says_why(tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=message):
        describe(tmp_path)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("resnet50_imagenet_notop_float16.weights.h5", "resnet50"),
        ("mobilenet_v3_large.h5", "mobilenetv3large"),
        ("efficientnetv2-b0_notop.h5", "efficientnetv2b0"),
        ("best.weights.h5", ""),
    ],
)
def test_the_name_of_a_file_tells_its_network(text, name):
    assert application_name(text) == name


def test_imagenet_weights_are_looked_for_in_the_cache_first(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"Keras' cache .*not asked: offline"):
        load_application("mobilenetv3small", 32, offline=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"no_top_v2\.h5 cannot be loaded into MobileNetV3Small"):
        load_application("mobilenetv3small", 32, offline=True)
