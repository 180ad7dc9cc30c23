import json

import numpy as np
import pytest
import tensorflow as tf

from product_matching.cli import main
from product_matching.deploy import ConvertedTower, export

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # tf.lite's, of its move to ai_edge_litert


@pytest.fixture(scope="module")
def bundle(trained, tmp_path_factory):
    return export(trained[0], tmp_path_factory.mktemp("convert") / "shop")


def test_the_files_say_what_the_bundle_says(trained, bundle, tmp_path, tiny_shop, capsys):
    words = ["convert", str(bundle), "--out", str(tmp_path), "--catalog", str(tiny_shop.catalog), "--split", "all"]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["bytes"] == {name: (tmp_path / f"{name}.tflite").stat().st_size for name in ("image", "text")}
    for name in ("recall@10", "accuracy"):
        assert result["after"][name] == pytest.approx(result["before"][name], abs=1e-6)
    assert result["after"]["cosine"] == pytest.approx(1, abs=1e-5)
    model = trained[0]
    tokens = model.preprocessor.text(tf.constant(["red mug"]), tf.constant([""]))
    given = {name: tokens[name].numpy() for name in ("token_ids", "segment_ids", "padding_mask")}
    expected = model.embed_one("text", model.text_vector(tokens), tf.ones(1, tf.bool))
    np.testing.assert_allclose(ConvertedTower(tmp_path / "text.tflite")(given), expected, atol=1e-5)


def test_without_a_table_it_tells_sizes_alone(bundle, tmp_path, capsys):
    assert main(["convert", str(bundle), "--out", str(tmp_path), "--dynamic"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(tmp_path / f"{name}.tflite") for name in ("image", "text")]
