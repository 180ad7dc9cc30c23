from types import SimpleNamespace

import pandas as pd

from product_matching import bundle as bundles
from product_matching import search
from product_matching.cli.main import main


def test_index_groups_products_as_their_training_did(tmp_path, monkeypatch, capsys):
    path = tmp_path / "catalog.csv"
    shop = {"product_id": ["a", "b", "c"], "title": ["Red cup", "Blue cup", "Lamp"], "parent": ["1", "1", "2"]}
    pd.DataFrame(shop).to_csv(path, index=False)
    trained = SimpleNamespace(folder=tmp_path, grouping={"group_by": "parent", "near_duplicates": False})
    indexed = []

    def build_index(bundle, catalog, **_):
        indexed.append(catalog)
        return SimpleNamespace(
            size=3,
            backend_name="exact",
            backend=SimpleNamespace(info={}),
            vector_info={"type": "float32", "bytes": 8, "recall@10": 1.0},
        )

    monkeypatch.setattr(bundles, "load_bundle", lambda _: trained)
    monkeypatch.setattr(search, "build_index", build_index)
    assert main(["index", str(tmp_path), str(path), "--json"]) == 0
    first, second, third = indexed[0].groups()
    assert first == second != third
