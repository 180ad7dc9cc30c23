"""Round trips through tensorflow-datasets, with data sets made on the spot."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from product_matching.dataset import Catalog, from_tfds, load_data, make_dataset, to_tfds
from product_matching.errors import DataError


@pytest.fixture(scope="module")
def stored(tiny_catalog, tmp_path_factory):
    """A folder with the first 30 products, one of them without an image, as a data set of two splits."""
    folder = tmp_path_factory.mktemp("tfds")
    some = tiny_catalog.take(np.arange(30))
    table = some.table.copy()
    table.iloc[3, table.columns.get_loc("image")] = ""
    some = Catalog(table, root=some.root)
    parts = {"train": some.take(np.arange(20)), "test": some.take(np.arange(20, 30))}
    return some, folder, to_tfds(some, folder, name="shop", splits=parts)


def test_tfds_reads_what_was_written(stored):
    some, folder, path = stored
    builder = tfds.builder_from_directory(path)
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {"train": 20, "test": 10}
    examples = list(tfds.as_numpy(tfds.load("shop", data_dir=folder, split="test")))
    assert [one["title"].decode() for one in examples] == some.table["title"][20:].tolist()
    assert ["|".join(tag.decode() for tag in one["tags"]) for one in examples] == some.table["tags"][20:].tolist()
    for example, file in zip(examples, some.image_paths()[20:], strict=True):
        expected = np.asarray(Image.open(file).convert("RGB"), dtype=int)
        assert np.abs(example["image"].astype(int) - expected).mean() < 2
    without = list(tfds.as_numpy(builder.as_dataset(split="train")))[3]
    assert not without["has_image"]
    assert without["image"].tolist() == [[[255, 255, 255]]]


def test_a_catalogue_comes_back_as_it_was(stored, tmp_path):
    some, _, path = stored
    again = from_tfds(tfds.builder_from_directory(path), tmp_path, split="train+test")
    columns = [name for name in some.table.columns if name != "image"]
    assert again.table[columns].to_dict("list") == some.table[columns].to_dict("list")
    for ours, theirs in zip(again.image_paths(), some.image_paths(), strict=True):
        assert (open(ours, "rb").read() if ours else b"") == (open(theirs, "rb").read() if theirs else b"")  # noqa: PTH123, SIM115
    assert len(load_data(tmp_path / "catalog.csv")) == 30


def test_training_reads_it_back(stored, tiny_model, tmp_path):
    some, _, path = stored
    again = from_tfds(tfds.builder_from_directory(path), tmp_path, split="train+test")
    ours, theirs = (next(iter(make_dataset(one, tiny_model.preprocessor, batch_size=30))) for one in (again, some))
    for name, value in theirs[0].items():
        np.testing.assert_array_equal(ours[0][name], value)
    np.testing.assert_array_equal(ours[1], theirs[1])


def digits(folder, count=6):
    """A data set as they are found: pictures with a label and two numbers."""
    rng = np.random.default_rng(0)
    rows = [
        (
            i,
            {
                "picture": rng.integers(0, 256, (9, 7, 3), dtype=np.uint8),
                "kind": i % 3,
                "weight": i / 2,
                "box": np.ones(4, np.float32),
            },
        )
        for i in range(count)
    ]
    features = tfds.features.FeaturesDict(
        {
            "picture": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
            "kind": tfds.features.ClassLabel(names=["mug", "鞋", "chair"]),
            "weight": np.float32,
            "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        }
    )
    return tfds.dataset_builders.store_as_tfds_dataset(
        "digits", "1.0.0", features, {"train": rows}, data_dir=str(folder), disable_shuffling=True
    ), rows


def test_any_data_set_with_pictures_and_labels(tmp_path):
    builder, rows = digits(tmp_path / "data")
    catalog = from_tfds(builder, tmp_path / "shop")
    assert catalog.table["title"].tolist() == ["mug", "鞋", "chair", "mug", "鞋", "chair"]
    assert catalog.table["tags"].tolist() == catalog.table["title"].tolist()
    assert catalog.table["weight"].astype(float).tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert "box" not in catalog.table
    for (_, row), path in zip(rows, catalog.image_paths(), strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), row["picture"])


def test_mistakes_are_named(tmp_path, stored):
    builder, _ = digits(tmp_path / "data")
    with pytest.raises(DataError, match=r"Unknown feature 'pictur'. Did you mean 'picture'"):
        from_tfds(builder, tmp_path / "shop", image="pictur")
    with pytest.raises(DataError, match="is there already"):
        to_tfds(stored[0], stored[1], name="shop")
    with pytest.raises(DataError, match="lower case"):
        to_tfds(stored[0], stored[1], name="My Shop")
