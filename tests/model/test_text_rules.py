"""Options of cleaning on their way from the configuration into the model."""

import keras
import numpy as np
import pytest

from product_matching.config import load_config
from product_matching.dataset import Catalog
from product_matching.model import build_model

CATALOG = Catalog.from_records(
    [
        {
            "product_id": str(i),
            "title": "無線滑鼠",
            "description": f"第{i}款。本店支持七天無理由退貨，歡迎選購。",
            "tags": "新品|滑鼠",
        }
        for i in range(25)
    ]
)


@pytest.mark.slow
def test_model_keeps_its_rules(tmp_path):
    pytest.importorskip("opencc")
    model = build_model(load_config("tiny", ["text.simplify_chinese=true", "text.boilerplate=0.5"]), CATALOG)
    rules = model.preprocessor.text.rules
    assert rules.boilerplate == ["本店支持七天無理由退貨,歡迎選購。"]
    assert "无" in model.preprocessor.text.vocabulary
    assert "無" not in model.preprocessor.text.vocabulary
    assert model.preprocessor.tags.vocabulary == ["滑鼠"]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    texts = (["無線滑鼠", "无线滑鼠"], ["本店支持七天無理由退貨，歡迎選購。", ""])
    ours, theirs = (one.preprocessor.text(*texts)["token_ids"].numpy() for one in (model, again))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(ours[0], ours[1])


def test_by_default_there_are_none(tiny_model):
    assert not tiny_model.preprocessor.text.rules
