"""Catalogues from tensorflow-datasets, and catalogues as data sets that `tfds.load` reads."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow_datasets as tfds

from product_matching._folders import write_whole
from product_matching.dataset.catalog import CORE_COLUMNS, Catalog
from product_matching.dataset.reading import load_data
from product_matching.errors import DataError, unknown_name

TEXTS = ("title", "caption", "captions", "text", "description", "sentence", "name")
"""Features taken, in this order, as the title where none is named."""
_WHITE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC"
)  # a PNG of one pixel
_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"GI": ".gif", b"BM": ".bmp", b"RI": ".webp"}


def from_tfds(
    source: str | tfds.core.DatasetBuilder,
    folder: str | Path,
    *,
    split: str = "train",
    image: str = "",
    text: str = "",
    data_dir: str | Path | None = None,
    download: bool = True,
) -> Catalog:
    """Makes a catalogue of a data set that has images and labels or texts.

    Images are written into a folder, in the bytes that the data set holds, and a table beside them, so that everything
    else works as with any catalogue. The label's name, or the text, becomes the title; a label is a tag, too; other
    features of one value become attributes. A data set of `to_tfds` comes back as it was.

    Args:
        source: Name as of `tfds.load`, or a builder.
        folder: Where `catalog.csv` and `images/` go; what is there is overwritten.
        split: As of `tfds.load`, such as `"train[:10%]"`.
        image, text: Names of the features; by default the first image, and a well-known name or the first label.
        data_dir: As of `tfds.load`.
        download: Download and prepare the data set if it is not there.

    Raises:
        DataError: If the data set has no image, or neither text nor label, or no feature of that name.
    """
    builder = tfds.builder(source, data_dir=data_dir) if isinstance(source, str) else source
    if download and not builder.is_prepared():
        builder.download_and_prepare()
    features = builder.info.features
    image = _chosen(image, features, [n for n, f in features.items() if isinstance(f, tfds.features.Image)], "image")
    labels = [name for name, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    texts = [name for name in TEXTS if name in features]
    text = _chosen(text, features, texts or labels, "text or label")
    examples = builder.as_dataset(split=split, decoders={image: tfds.decode.SkipDecoding()})
    rows = list(_rows(tfds.as_numpy(examples), Path(folder), features, image, text))
    table = pd.DataFrame(rows)
    first = [name for name in CORE_COLUMNS if name in table.columns]
    path = Path(folder) / "catalog.csv"
    write_whole(path, table[[*first, *table.columns.difference(first, sort=False)]].to_csv(index=False).encode("utf-8"))
    return load_data(path)


def to_tfds(
    catalog: Catalog, folder: str | Path, *, name: str = "catalog", splits: dict[str, Catalog] | None = None
) -> Path:
    """Writes a catalogue as a sharded data set.

    Each example has `image` (of several the first, in the bytes of its file; a white pixel where there is none, and
    then `has_image` is false), and as texts `product_id`, `title`, `description`, `tags` (a sequence) and `attributes`
    (by name), in the order of the catalogue. Read it with
    `tfds.builder_from_directory(path).as_dataset(split="train")`, or `tfds.load(name, data_dir=folder)`.

    Args:
        catalog: All products, for the columns; written as the split `"train"` unless `splits` are given.
        folder: tfds' data folder; the data set gets a folder in it.
        name: Of the data set: lower case letters, digits and `_`.
        splits: Catalogues by name of the split, such as those of `Catalog.split`.

    Returns:
        The folder of the data set.

    Raises:
        DataError: If there is a data set of that name, or the name is none.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise DataError(f"A data set is named in lower case letters, digits and _; got {name!r}.")
    if (Path(folder) / name).exists():
        raise DataError(f"{str(Path(folder) / name)!r} is there already. Choose another name, or remove it.")
    parts = splits or {"train": catalog}
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name,
        "1.0.0",
        features=_features(catalog.attributes),
        split_datasets={side: _Examples(part) for side, part in parts.items()},
        data_dir=str(folder),
        disable_shuffling=True,
    )
    return Path(builder.data_path)


class _Examples:
    """The products of a catalogue as (number, example), as often as asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = self.catalog.table.to_dict("records")
        for number, (row, path) in enumerate(zip(rows, self.catalog.image_paths(), strict=True)):
            yield (
                number,
                {
                    "image": Path(path).read_bytes() if path else _WHITE,
                    "has_image": bool(path),
                    **{name: row[name] for name in ("product_id", "title", "description")},
                    "tags": row["tags"].split("|") if row["tags"] else [],
                    "attributes": {name: row[name] for name in self.catalog.attributes} or {"": ""},
                },
            )


def _features(attributes: Sequence[str]) -> tfds.features.FeaturesDict:
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "has_image": np.bool_,
            **{name: tfds.features.Text() for name in ("product_id", "title", "description")},
            "tags": tfds.features.Sequence(tfds.features.Text()),
            "attributes": {name: tfds.features.Text() for name in attributes or [""]},
        }
    )


def _rows(examples: Any, folder: Path, features: Mapping[str, Any], image: str, text: str) -> Iterator[dict[str, str]]:
    for number, example in enumerate(examples):
        cells = {}
        for name, value in example.items():
            if name not in (image, "has_image"):
                cells |= _cells(name, value, features[name])
        contents = example[image] if example.get("has_image", True) else b""
        title = cells[text] if text == "title" else cells.pop(text)
        labels = [cells.get(name, title) for name, one in features.items() if isinstance(one, tfds.features.ClassLabel)]
        yield {
            "product_id": str(number),
            "description": "",
            "tags": "|".join(labels),
            **cells,
            "title": title.partition("|")[0] if isinstance(example[text], np.ndarray) else title,
            "image": _write_image(folder, number, contents),
        }


def _cells(name: str, value: Any, feature: Any) -> dict[str, str]:
    """A feature as cells of a table: several for a dictionary, none for what is no text and no number."""
    if isinstance(value, dict):
        return {
            key: cell for part, one in value.items() for key, cell in _cells(part, one, feature[part]).items() if key
        }
    if isinstance(feature, tfds.features.ClassLabel):
        return {name: feature.int2str(int(value)) if value >= 0 else ""}
    if isinstance(value, np.ndarray):
        plain = value.ndim == 1 and value.dtype == object
        return {name: "|".join(one.decode("utf-8") for one in value)} if plain else {}
    if isinstance(value, bytes):
        return {name: value.decode("utf-8", "replace")}
    return {name: str(value)} if np.ndim(value) == 0 else {}


def _write_image(folder: Path, number: int, contents: bytes) -> str:
    if not contents:
        return ""
    name = f"images/{number:07d}{_SUFFIXES.get(contents[:2], '.img')}"
    write_whole(folder / name, contents)
    return name


def _chosen(name: str, features: Mapping[str, Any], candidates: Sequence[str], what: str) -> str:
    if name and name not in features:
        raise DataError(unknown_name("feature", name, features))
    if not name and not candidates:
        raise DataError(f"The data set has no {what}. It has: {', '.join(features)}.")
    return name or candidates[0]
