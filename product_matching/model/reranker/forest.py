"""Boosted trees as a Keras layer: grown by LightGBM, kept and run without it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import FloatArray, Tensor

DEPTH = 6
LEAVES = 15
NODES = 2 * LEAVES - 1
GROWING = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": LEAVES,
    "max_depth": DEPTH,
    "min_data_in_leaf": 10,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.5,
    "lambda_l2": 1.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_PARTS = {"feature": "int32", "threshold": "float32", "below": "int32", "above": "int32", "value": "float32"}


@keras.saving.register_keras_serializable("product_matching")
class Forest(keras.layers.Layer):
    """K sums of T trees over F features, one logit each (Ke et al. 2017, "LightGBM").

    A row walks from node 0 of each tree to `below` where its feature is at most the threshold, else to `above`; a leaf
    leads to itself and adds its value. All zeros, as it starts, it says 0 of everything.

    Args:
        count: K; like `Members`, each is grown without a part of the rows.
        trees: T.
    """

    def __init__(self, count: int = 5, trees: int = 200, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.count, self.trees = count, trees
        for name, kind in _PARTS.items():
            shape = (count * trees, NODES)
            weight = self.add_weight(shape=shape, initializer="zeros", dtype=kind, trainable=False, name=name)
            setattr(self, name, weight)
        self.built = True

    def call(self, features: Tensor) -> Tensor:
        """Logits: [B, F] to [B, K]."""
        features = ops.cast(features, "float32")
        batch = ops.shape(features)[0]
        at = ops.zeros((self.count * self.trees, batch), "int32")
        columns = ops.transpose(features)
        for _ in range(DEPTH):
            feature, threshold = self._look("feature", at), self._look("threshold", at)
            value = ops.take_along_axis(columns, feature, axis=0)
            at = ops.where(value <= threshold, self._look("below", at), self._look("above", at))
        sums = ops.sum(ops.reshape(self._look("value", at), (self.count, self.trees, -1)), axis=1)
        return ops.transpose(sums)

    def _look(self, part: str, at: Tensor) -> Tensor:
        return ops.take_along_axis(ops.convert_to_tensor(getattr(self, part)), at, axis=1)

    def grow(self, features: FloatArray, labels: np.ndarray, hidden: np.ndarray, *, seed: int = 0) -> None:
        """Grows each sum of trees on the rows that it may see.

        Args:
            features: float32 [N, F].
            labels: int [N], 0 or 1.
            hidden: bool [N, K], true where a row is hidden from a sum.
            seed: Of what is drawn at random.
        """
        import lightgbm

        arrays = {name: np.zeros(weight.shape, kind) for name, kind in _PARTS.items() for weight in [self.feature]}
        arrays["below"][:], arrays["above"][:] = np.arange(NODES), np.arange(NODES)
        for member in range(self.count):
            seen = ~hidden[:, member]
            data = lightgbm.Dataset(features[seen], labels[seen], free_raw_data=True)
            booster = lightgbm.train({**GROWING, "seed": seed + member}, data, num_boost_round=self.trees)
            for number, tree in enumerate(booster.dump_model()["tree_info"]):
                _write(tree["tree_structure"], {k: a[member * self.trees + number] for k, a in arrays.items()}, [0])
        for name, array in arrays.items():
            getattr(self, name).assign(array)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        return (input_shape[0], self.count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "trees": self.trees}


def _write(node: dict[str, Any], tree: dict[str, np.ndarray], free: list[int]) -> int:
    """Writes a node of LightGBM's and what is under it; returns its place."""
    at = free[0]
    free[0] += 1
    if "leaf_value" in node:
        tree["value"][at] = node["leaf_value"]
        return at
    tree["feature"][at] = node["split_feature"]
    tree["threshold"][at] = _at_most(node["threshold"])
    tree["below"][at] = _write(node["left_child"], tree, free)
    tree["above"][at] = _write(node["right_child"], tree, free)
    return at


def _at_most(threshold: float) -> np.float32:
    """The largest float32 that is not above: what compares with it compares with the original the same way."""
    near = np.float32(threshold)
    return near if near <= threshold else np.nextafter(near, np.float32(-np.inf))
