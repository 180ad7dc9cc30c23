import json

import numpy as np
import pytest

from product_matching.bundle import load_bundle
from product_matching.cli import main


@pytest.fixture(scope="module")
def bundle(trained, tiny_shop, tmp_path_factory):
    """A bundle that knows its split, as `train` writes it."""
    out = tmp_path_factory.mktemp("compress") / "big"
    words = ["--config", "tiny", "--set", "train.epochs=1", "--json"]
    assert main(["train", str(tiny_shop.catalog), "--out", str(out), *words]) == 0
    return out


def test_a_table_says_what_changes(bundle, tiny_shop, tmp_path, capsys):
    out = tmp_path / "small"
    words = ["compress", str(bundle), "--out", str(out), "--catalog", str(tiny_shop.catalog)]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    before, after = result["before"], result["after"]
    assert (before["weights"], after["weights"]) == ("float32", "int8")
    assert after["variables"] < 0.5 * before["variables"]
    assert after["model.keras"] < 0.75 * before["model.keras"]
    assert {"text_ms", "image_ms", "recall@10", "accuracy"} <= after.keys()
    old, new = load_bundle(bundle), load_bundle(out)
    assert new.manifest["compressed_from"] == str(bundle)
    for key in ("split", "thresholds", "config", "data"):
        assert new.manifest[key] == old.manifest[key]
    for name, value in old.manifest["head"].items():
        assert new.manifest["head"][name] == pytest.approx(value, abs=1e-5)
    np.testing.assert_array_equal(old.known_sides.sides, new.known_sides.sides)
    # What evaluate says of the new bundle is what the table said.
    assert main(["evaluate", str(out), str(tiny_shop.catalog), "--json", "--no-whole-catalogue"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["accuracy"] == pytest.approx(after["accuracy"])
    assert metrics["text_to_image"]["recall@10"] == pytest.approx(after["recall@10"])


def test_without_a_table_it_tells_sizes_alone(bundle, tmp_path, capsys):
    out = tmp_path / "half"
    assert main(["compress", str(bundle), "--out", str(out), "--weights", "float16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "weights"
    assert [line.split()[:2] for line in lines[2:4]] == [["before", "float32"], ["after", "float16"]]
    assert "recall" not in lines[0]
    assert main(["compress", str(bundle), "--out", str(out)]) == 2  # it is there already
    assert "--overwrite" in capsys.readouterr().err


def test_a_student_imitates_a_bundle(bundle, tiny_shop, tmp_path, capsys):
    out = tmp_path / "student"
    words = ["--config", "tiny", "--set", "model.dim=16", "--set", "train.epochs=1", "--teacher", str(bundle)]
    assert main(["train", str(tiny_shop.catalog), "--out", str(out), *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bundle"] == str(out)
    assert load_bundle(out).manifest["config"]["train"]["teacher"] == str(bundle)
    words[-1] = str(tmp_path / "nowhere")
    assert main(["train", str(tiny_shop.catalog), "--out", str(tmp_path / "x"), *words]) == 2
    assert "There is no bundle" in capsys.readouterr().err
