import csv
import sys
import types

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from product_matching.config import load_config
from product_matching.errors import MissingExtraError
from product_matching.model import build_model
from product_matching.train import fit

pytestmark = pytest.mark.slow

SMALL = ["image.size=16", "image.filters=[64]", "image.blocks=[1]", "text.max_tokens=8", "train.epochs=2"]


@pytest.fixture(scope="module")
def logged(tiny_split, tmp_path_factory):
    """(folder, history) of a fit that was logged."""
    folder = tmp_path_factory.mktemp("logs")
    config = load_config("tiny", [*SMALL, f"train.log_dir={folder}"])
    return folder, fit(build_model(config, tiny_split[0]), tiny_split[0], tiny_split[1], config)


def events(folder):
    """The tags of the event files below a folder, by kind, and the scalars of `epoch_loss`."""
    tags, losses = set(), []
    for file in folder.rglob("events.*"):
        accumulator = EventAccumulator(str(file))
        accumulator.Reload()
        tags |= set(accumulator.Tags()["tensors"])
        if "epoch_loss" in accumulator.Tags()["tensors"]:
            losses = [
                float(np.frombuffer(e.tensor_proto.tensor_content, "float32")[0])
                if e.tensor_proto.tensor_content
                else e.tensor_proto.float_val[0]
                for e in accumulator.Tensors("epoch_loss")
            ]
    return tags, losses


def test_the_table_of_epochs_holds_the_history(logged):
    folder, history = logged
    with (folder / "epochs.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["loss"]) for row in rows] == pytest.approx(history["loss"])
    assert [float(row["val_mrr"]) for row in rows] == pytest.approx(history["val_mrr"])


def test_tensorboard_has_scalars_the_rate_and_a_page_of_results(logged):
    folder, history = logged
    tags, losses = events(folder)
    assert {"epoch_loss", "epoch_recall@10", "epoch_learning_rate", "queries"} <= tags
    assert "the wanted picture, then those found" in tags
    assert losses == pytest.approx(history["loss"])


def test_the_projector_has_a_vector_a_name_and_a_picture_for_each_product(logged, tiny_split):
    folder = logged[0]
    vectors = np.loadtxt(folder / "vectors.tsv", delimiter="\t")
    names = (folder / "names.tsv").read_text(encoding="utf-8").splitlines()
    assert len(vectors) == len(names) - 1 <= len(tiny_split[1])
    assert all(len(name.split("\t")) == 2 for name in names)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    across = int(np.ceil(np.sqrt(len(vectors))))
    with Image.open(folder / "sprite.png") as sprite:
        assert sprite.size == (16 * across, 16 * across)
    assert 'tensor_path: "vectors.tsv"' in (folder / "projector_config.pbtxt").read_text(encoding="utf-8")


def test_weights_and_biases_gets_configuration_and_epochs(tiny_split, monkeypatch):
    told = []
    run = types.SimpleNamespace(log=told.append, finish=lambda: told.append("finished"))
    fake = types.SimpleNamespace(init=lambda **options: told.append(options) or run)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    config = load_config("tiny", [*SMALL, "train.wandb=shop"])
    fit(build_model(config, tiny_split[0]), tiny_split[0].take(np.arange(40)), tiny_split[1].take(np.arange(0)), config)
    assert told[0]["project"] == "shop"
    assert told[0]["config"]["train"]["epochs"] == 2
    assert [entry["epoch"] for entry in told[1:3]] == [1, 2]
    assert told[3:] == ["finished"]


def test_without_the_extra_its_name_is_said(tiny_split, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    config = load_config("tiny", [*SMALL, "train.wandb=shop"])
    with pytest.raises(MissingExtraError, match=r"product-matching\[wandb\]"):
        fit(
            build_model(config, tiny_split[0]),
            tiny_split[0].take(np.arange(40)),
            tiny_split[1].take(np.arange(0)),
            config,
        )
