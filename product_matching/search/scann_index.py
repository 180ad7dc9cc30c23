"""Approximate search with ScaNN, tuned against exact search when built. No other file knows ScaNN."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import BundleError, DataError, MissingExtraError
from product_matching.search.exact import ExactIndex
from product_matching.search.protocol import as_vectors, check_k, in_order
from product_matching.search.quiet import stderr_to_log
from product_matching.search.stored_vectors import check_type
from product_matching.search.tuning import REORDERS, cheapest_effort, noisy_sample

SMALLEST = 1000  # below it exact search is as fast, and the quantiser has too little to learn from
TARGET_RECALL = 0.97
TUNED_K = 10
TRAINED_ON = 100_000  # vectors the centres are fitted to; more would cost time and change little
SLACK = 0.002  # of recall, left below the most that small vectors reach: the last bit of it takes all the work
SERIAL_QUERIES = 8  # up to here, handing queries to threads costs more than it saves
RESCORED = {"float32": "FLOAT32", "float16": "BFLOAT16", "int8": "INT8"}
"""What ScaNN calls the type of vectors that is as small."""
META, DOCIDS = "scann_index.json", "scann_docids.pkl"

_logger = logging.getLogger(__name__)


def scann_available() -> bool:
    """Whether ScaNN is installed; there are builds for Linux and macOS. Does not import it."""
    return importlib.util.find_spec("scann") is not None


class ScannIndex:
    """A tree of about sqrt(N) leaves over vectors quantised with an eye on inner products (Guo et al., 2020).

    A search scores the quantised vectors of `leaves_to_search` leaves, then the best `reorder` of them
    exactly. Both are chosen when it is built, as small as the wanted recall@10 allows. There is no spilling
    into second leaves (SOAR): with it, deleting a vector crashes the process.

    ScaNN draws its centres without a seed, so two builds differ a little; the recall in `info` is the one of
    this build. It rounds a batch differently from a single query, so that a leaf on the edge may be searched in
    one and not in the other: about one query in 500 finds something else.
    """

    def __init__(self, searcher: Any, *, size: int, dim: int, info: dict[str, Any]) -> None:
        self.searcher, self.size, self.dim, self.info = searcher, size, dim, info

    @classmethod
    def build(
        cls,
        vectors: ArrayLike,
        *,
        seed: int = 0,
        target_recall: float = TARGET_RECALL,
        tuning_queries: ArrayLike | None = None,
        vector_type: str = "float32",
    ) -> Self:
        """Indexes vectors and tunes the search on a sample.

        Args:
            vectors: Float `[N, D]`, N >= 1000.
            seed: Of the sample of tuning queries.
            target_recall: Share of the true 10 best that a search should find, 0 to 1.
            tuning_queries: Float `[Q, D]`, queries as users will ask them. By default a sample of the vectors
                themselves with noise: near them, and unlike real words or photos, easy.
            vector_type: What candidates are rescored by: `"float32"`, `"float16"` (in ScaNN bfloat16, as long), or
                `"int8"` (ScaNN's own codes, with a scale a dimension). The recall is that against float32; a target
                that the type cannot reach is lowered.

        Raises:
            ConfigError: If the type is not known.
            DataError: If there are fewer than 1000 vectors, or they hold nan.
            MissingExtraError: If ScaNN is not installed.
        """
        check_type(vector_type)
        table = as_vectors(vectors)
        if len(table) < SMALLEST:
            raise DataError(
                f"ScaNN needs {SMALLEST} vectors or more, not {len(table)}. Use the exact index for so few."
            )
        leaves = round(math.sqrt(len(table)))
        searcher = _train(table, leaves, vector_type)
        index = cls(searcher, size=len(table), dim=table.shape[1], info={"leaves": leaves})
        index.tune(
            table,
            target_recall=target_recall,
            tuning_queries=tuning_queries,
            seed=seed,
            capped=vector_type != "float32",
        )
        return index

    def tune(
        self,
        vectors: np.ndarray,
        *,
        target_recall: float = TARGET_RECALL,
        tuning_queries: ArrayLike | None = None,
        seed: int = 0,
        capped: bool = False,
    ) -> None:
        """Chooses how much a search does, anew; arguments as of `build`, with the vectors that it was built of.

        Where `capped`, the target is at most what all leaves find: small types may not reach more with any effort.
        """
        if tuning_queries is None:
            tuning_queries = noisy_sample(vectors, np.random.default_rng(seed))
        queries = as_vectors(tuning_queries, dim=self.dim)
        self._tune(ExactIndex(vectors), queries, target=target_recall, capped=capped)

    def search(self, queries: ArrayLike, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds about the best k of each query, float `[Q, D]`; see `VectorIndex.search`.

        It was tuned for k = 10. For more, candidates to rescore grow in proportion and leaves with the square
        root; where those leaves hold fewer than k vectors, all leaves are searched.
        """
        check_k(k)
        vectors = as_vectors(queries, dim=self.dim, what="queries")
        wanted = min(k, self.size)
        growth = max(1.0, wanted / TUNED_K)
        reorder = math.ceil(self.info["reorder"] * growth)
        leaves = min(self.info["leaves"], math.ceil(self.info["leaves_to_search"] * math.sqrt(growth)))
        positions, scores = self._ask(vectors, wanted, reorder=reorder, leaves=leaves)
        short = (positions < 0).any(axis=1)
        if short.any():
            full = self._ask(vectors[short], wanted, reorder=reorder, leaves=self.info["leaves"])
            positions[short], scores[short] = full
        return in_order(positions, scores, k)

    def save(self, folder: Path) -> None:
        """Writes ScaNN's files, with relative paths so that the folder can move, and `scann_index.json`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.searcher.serialize(str(folder), relative_path=True)
        meta = {"size": self.size, "dim": self.dim, "info": self.info}
        (folder / META).write_text(json.dumps(meta, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            BundleError: If a file is missing or damaged, or does not belong.
            MissingExtraError: If ScaNN is not installed.
        """
        folder = Path(folder)
        if (folder / DOCIDS).exists():
            # ScaNN would unpickle it, that is, run whatever it holds. We never write one.
            raise BundleError(f"{folder / DOCIDS} is not part of an index and is not opened. Remove it.")
        library = _scann()
        try:
            meta = json.loads((folder / META).read_text(encoding="utf-8"))
            searcher = library.load_searcher(str(folder), assets_backcompat_shim=False)
            index = cls(searcher, size=int(meta["size"]), dim=int(meta["dim"]), info=_info(meta))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise BundleError(f"The ScaNN index in {folder} cannot be read ({error}). Build it again.") from error
        if searcher.size() != index.size:
            raise BundleError(f"The ScaNN index in {folder} holds {searcher.size()} vectors, not {index.size}.")
        return index

    def _ask(self, queries: np.ndarray, k: int, *, reorder: int, leaves: int) -> tuple[np.ndarray, np.ndarray]:
        if not len(queries):
            return np.empty((0, k), dtype=np.int64), np.empty((0, k), dtype=np.float32)
        few = len(queries) <= SERIAL_QUERIES
        ask = self.searcher.search_batched if few else self.searcher.search_batched_parallel
        positions, scores = ask(
            queries, final_num_neighbors=k, pre_reorder_num_neighbors=max(reorder, k), leaves_to_search=leaves
        )
        # ScaNN fills up what it did not find with position 0 and score nan.
        missing = np.isnan(scores)
        return np.where(missing, -1, positions.astype(np.int64)), np.where(missing, -np.inf, scores)

    def _tune(self, oracle: ExactIndex, queries: np.ndarray, *, target: float, capped: bool) -> None:
        truth, _ = oracle.search(queries, TUNED_K)

        def recall_of(leaves: int, reorder: int) -> float:
            found, _ = self._ask(queries, TUNED_K, reorder=reorder, leaves=leaves)
            return float(np.mean((found[:, :, None] == truth[:, None, :]).any(axis=2)))

        if capped:
            most = recall_of(self.info["leaves"], min(REORDERS[-1], self.size))
            target = min(target, most - SLACK)
        effort = cheapest_effort(recall_of, leaves=self.info["leaves"], size=self.size, target=target)
        self.info.update(leaves_to_search=effort.leaves, reorder=effort.reorder, target_recall=target)
        self.info[f"recall@{TUNED_K}"] = effort.recall
        _logger.info("ScaNN index of %d vectors: %s", self.size, self.info)


def _train(vectors: np.ndarray, leaves: int, vector_type: str) -> Any:
    builder = _scann().builder(vectors, TUNED_K, "dot_product")
    builder = builder.tree(num_leaves=leaves, num_leaves_to_search=leaves, training_sample_size=TRAINED_ON)
    # Blocks of 2 dimensions and the threshold 0.2 are what ScaNN's own guide advises for inner products.
    rescored = _scann().scann_builder.ReorderType[RESCORED[vector_type]]
    builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(5 * TUNED_K, quantize=rescored)
    with stderr_to_log(_logger):
        return builder.build()


def _info(meta: dict[str, Any]) -> dict[str, Any]:
    """The figures in saved metadata; those that a search needs must be there, as numbers."""
    needed = {key: int(meta["info"][key]) for key in ("leaves", "leaves_to_search", "reorder")}
    return {**meta["info"], **needed}


def _scann() -> ModuleType:
    # ScaNN imports TensorFlow, which greets on standard error unless told not to.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        from scann.scann_ops.py import scann_ops_pybind
    except ImportError as error:
        raise MissingExtraError(
            f"scann is not installed ({error}). It is built for Linux and macOS: pip install scann. "
            "Elsewhere use the exact index."
        ) from error
    return scann_ops_pybind


def tensorflow_ops() -> ModuleType:
    """ScaNN's TensorFlow ops; a process that loads a SavedModel with them must have imported them.

    Raises:
        MissingExtraError: If ScaNN is not installed.
    """
    _scann()
    from scann.scann_ops.py import scann_ops

    return scann_ops


def graph_tensors(index: ScannIndex) -> dict[str, np.ndarray]:
    """What the op `tensors_to_scann` makes the very same searcher of, by the names of its inputs."""
    with tempfile.TemporaryDirectory() as folder:
        index.searcher.serialize(folder, relative_path=True)
        return {name: _contents(Path(folder) / file, nothing) for name, (file, nothing) in _GRAPH_FILES.items()}


_NOTHING = np.array([b""], dtype=object)
_GRAPH_FILES: dict[str, tuple[str, np.ndarray]] = {
    "x": ("dataset.npy", np.zeros((), np.float32)),
    "scann_config": ("scann_config.pb", _NOTHING),
    "serialized_partitioner": ("serialized_partitioner.pb", _NOTHING),
    "datapoint_to_token": ("datapoint_to_token.npy", np.zeros((), np.int32)),
    "ah_codebook": ("ah_codebook.pb", _NOTHING),
    "hashed_dataset": ("hashed_dataset.npy", np.zeros((), np.uint8)),
    "int8_dataset": ("int8_dataset.npy", np.zeros((), np.int8)),
    "int8_multipliers": ("int8_multipliers.npy", np.zeros((), np.float32)),
    "dp_norms": ("dp_norms.npy", np.zeros((), np.float32)),
}
"""Which file of a saved searcher goes into which input, and what ScaNN itself gives where there is no such file."""


def _contents(path: Path, nothing: np.ndarray) -> np.ndarray:
    if not path.is_file():
        return nothing
    found = np.load(path) if path.suffix == ".npy" else np.array([path.read_bytes()], dtype=object)
    return found if found.size else nothing
