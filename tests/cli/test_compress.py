import json

import numpy as np
import pandas as pd
import pytest

from product_matching.bundle import load_bundle
from product_matching.cli import main
from product_matching.config import config_to_dict, load_config
from product_matching.dataset.splitting import KnownSides
from product_matching.deploy import export

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(trained, tiny_catalog, tmp_path_factory):
    """A bundle that knows its split, as `train` writes it."""
    parts = trained[1:]
    manifest = {
        "split": {"seed": 0, "val": 0.2, "test": 0.2},
        "data": {"fingerprint": tiny_catalog.fingerprint()},
        "thresholds": {"f1": 0.5},
        "config": config_to_dict(load_config("tiny")),
    }
    sides = KnownSides.of(part.groups() for part in parts)
    out = tmp_path_factory.mktemp("compress") / "big"
    return export(trained[0], out, manifest=manifest, sides=sides, rejected=pd.DataFrame({"reason": ["no title"]}))


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
    assert (out / "rejected.csv").read_text() == (bundle / "rejected.csv").read_text()


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
    words = ["--config", "tiny", "--set", "train.epochs=1", "--limit", "60", "--teacher", str(bundle)]
    assert main(["train", str(tiny_shop.catalog), "--out", str(out), *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bundle"] == str(out)
    assert load_bundle(out).manifest["config"]["train"]["teacher"] == str(bundle)
    words[-1] = str(tmp_path / "nowhere")
    assert main(["train", str(tiny_shop.catalog), "--out", str(tmp_path / "x"), *words]) == 2
    assert "There is no bundle" in capsys.readouterr().err
