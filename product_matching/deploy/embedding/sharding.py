"""A catalogue cut into shards, and the files of their vectors.

    part-00000-of-00025.parquet …   product_id: string, embedding and text_embedding (of the words alone):
                                    fixed_size_list<float>[D], in the catalogue's order
    _rows.parquet                   what there is to embed
    _shards.json                    of which model and which rows

Names that begin with `_` are passed over by Spark and by `pyarrow.dataset`, so that the folder reads as one table.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from product_matching._folders import write_whole
from product_matching._types import FloatArray
from product_matching.bundle import Bundle, Encoders
from product_matching.dataset import Catalog
from product_matching.errors import ConfigError, DataError
from product_matching.search.indexing import embed_rows, embed_texts, rows_to_embed

ROWS, META = "_rows.parquet", "_shards.json"
EMBEDDING, TEXT_EMBEDDING = "embedding", "text_embedding"
SHARD_SIZE = 2048
"""Products of a shard: what is lost when a process dies, at most, and one call of work for a worker."""


@dataclass(frozen=True)
class Shards:
    """The shards of a folder.

    Attributes:
        folder: Where their files are.
        bundle: Folder of the bundle whose encoders embed.
        size: How many products there are in all.
        shard_size: How many in each shard but the last.
        fingerprint: Of the encoders and of the rows.
    """

    folder: Path
    bundle: Path
    size: int
    shard_size: int
    fingerprint: str

    @classmethod
    def prepare(cls, bundle: Bundle, catalog: Catalog, folder: Path | str, *, shard_size: int = SHARD_SIZE) -> Self:
        """Writes what there is to embed into a folder; in one that has the same already, all that is done stays.

        Raises:
            ConfigError: If a shard is to hold nothing.
            DataError: If the folder holds shards of another model, other products or another size, or there are none.
        """
        if shard_size < 1:
            raise ConfigError(f"A shard holds 1 product or more, not {shard_size}.")
        if not len(catalog):
            raise DataError("There is no product to embed.")
        folder, rows = Path(folder).absolute(), rows_to_embed(catalog)
        fresh = cls(folder, bundle.folder.absolute(), len(rows), shard_size, _fingerprint(bundle, rows))
        if (folder / META).is_file():
            cls.open(folder)._check_same(fresh)
            return fresh
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{ROWS}.{uuid.uuid4().hex[:8]}"
        rows.to_parquet(beside, index=False, row_group_size=shard_size)  # a shard reads its own group alone
        beside.replace(folder / ROWS)
        known = {name: value for name, value in asdict(fresh).items() if name != "folder"}
        write_whole(folder / META, json.dumps({**known, "bundle": str(fresh.bundle)}, indent=2).encode())
        return fresh

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Reads what `prepare` wrote.

        Raises:
            DataError: If it is missing or damaged.
        """
        path = Path(folder).absolute() / META
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**known, "folder": path.parent, "bundle": Path(known["bundle"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} cannot be read ({error}). Embed the catalogue: product-matching embed.") from error

    @property
    def count(self) -> int:
        """How many shards there are."""
        return math.ceil(self.size / self.shard_size)

    def path(self, number: int) -> Path:
        """The file of a shard, from 0."""
        return self.folder / f"part-{number:05d}-of-{self.count:05d}.parquet"

    def pending(self) -> list[int]:
        """Shards that have no file yet."""
        return [number for number in range(self.count) if not self.path(number).is_file()]

    def products_done(self) -> int:
        """How many products are in shards that have their file."""
        missing = self.pending()
        last = self.size - (self.count - 1) * self.shard_size
        return self.size - sum(last if number == self.count - 1 else self.shard_size for number in missing)

    def embed(self, number: int, encoders: Encoders) -> None:
        """Embeds one shard and writes its file, whole or not at all."""
        rows = pq.ParquetFile(self.folder / ROWS).read_row_group(number).to_pandas()
        columns = {EMBEDDING: embed_rows(encoders, rows), TEXT_EMBEDDING: embed_texts(encoders, rows)}
        cells = {
            name: pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
            for name, vectors in columns.items()
        }
        table = pa.table({"product_id": pa.array(rows["product_id"].tolist(), pa.string()), **cells})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        write_whole(self.path(number), sink.getvalue().to_pybytes())

    def vectors(self, bundle: Bundle, catalog: Catalog) -> tuple[FloatArray, FloatArray | None]:
        """All vectors, and those of the products' words alone, float32 [N, D], in the order of the catalogue.

        Returns:
            None for the latter where a shard is of an earlier version, which had none.

        Raises:
            DataError: If a shard is missing, or they are of another model or of other products.
        """
        rows = rows_to_embed(catalog)
        self._check_same(replace(self, size=len(rows), fingerprint=_fingerprint(bundle, rows)))
        if missing := self.pending():
            raise DataError(
                f"{self.folder} is not whole: {len(missing)} of {self.count} shards are missing. "
                "Run the same `product-matching embed` again: it goes on where it ended."
            )
        parts = [pq.read_table(self.path(number)) for number in range(self.count)]
        texts = all(TEXT_EMBEDDING in part.column_names for part in parts)
        return _stacked(parts, EMBEDDING), _stacked(parts, TEXT_EMBEDDING) if texts else None

    def _check_same(self, wanted: Self) -> None:
        if (self.fingerprint, self.size, self.shard_size) != (wanted.fingerprint, wanted.size, wanted.shard_size):
            raise DataError(
                f"{self.folder} holds {self.size} products in shards of {self.shard_size}, of another model, other "
                f"products or another --shard-size ({wanted.size} in shards of {wanted.shard_size} were asked for). "
                "Name another folder, or remove this one."
            )


def _stacked(parts: list[pa.Table], name: str) -> FloatArray:
    columns = [part[name].combine_chunks() for part in parts]
    return np.concatenate([column.values.to_numpy().reshape(len(column), -1) for column in columns])


def _fingerprint(bundle: Bundle, rows: pd.DataFrame) -> str:
    """Of the exported encoders and of all that is embedded but the pictures' pixels, which go by their path."""
    files = {name: digest for name, digest in bundle.manifest["files"].items() if name != "model.keras"}
    content = hashlib.sha256(json.dumps(files, sort_keys=True).encode())
    content.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
    return content.hexdigest()
