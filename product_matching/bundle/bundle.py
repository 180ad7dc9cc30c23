"""A bundle on disk, opened."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from product_matching._types import IntArray
from product_matching.bundle.encoders import Encoders, SignatureEncoders
from product_matching.bundle.head import Head
from product_matching.bundle.manifest import read_manifest
from product_matching.bundle.paths import SIDES_FILE, resolve
from product_matching.dataset.splitting import KnownSides
from product_matching.errors import BundleError

if TYPE_CHECKING:
    from product_matching.model import ProductModel
    from product_matching.model.reranker import Reranker

MAKERS = {"product": "train", "pairs": "train-pairs"}
"""Kinds of bundles, and the command that writes each."""


class Bundle:
    """What training left. Nothing heavy is loaded before it is asked for.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself.
        towers: Address of a TensorFlow Serving that runs its encoders, see `RemoteEncoders`; empty: they run here.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], *, towers: str = "") -> None:
        self.folder = folder
        self.manifest = manifest
        self.towers = towers

    @cached_property
    def encoders(self) -> SignatureEncoders:
        """The exported encoders, for serving."""
        if self.towers:
            from product_matching.bundle.towers import RemoteEncoders

            return RemoteEncoders(self.towers, version=self.folder.name if self.folder.name.isdecimal() else "")
        return Encoders(self.folder)

    @cached_property
    def head(self) -> Head:
        """From inner products to probabilities."""
        return Head.load(self.manifest, self.folder)

    @cached_property
    def known_sides(self) -> KnownSides | None:
        """The split of the training; None where it was not kept."""
        path = self.folder / SIDES_FILE
        return KnownSides.load(path) if path.is_file() else None

    @property
    def grouping(self) -> dict[str, Any]:
        """How its training told which products belong together, as options of `load_data`."""
        split = self.manifest.get("split", {})
        return {"group_by": split.get("group_by", ""), "near_duplicates": split.get("near_duplicates", False)}

    def trained_on(self, groups: IntArray) -> np.ndarray | None:
        """Whether each group, of `Catalog.groups`, was trained on: bool [N]; None where that was not kept."""
        sides = self.known_sides
        return None if sides is None else sides.trained_on(groups)

    @property
    def kind(self) -> str:
        """A key of `MAKERS`."""
        return self.manifest.get("kind", "product")

    def load_model(self) -> ProductModel:
        """The Keras model, to evaluate or to train on."""
        import product_matching.model  # noqa: F401  registers the classes

        return self._load_keras()

    def load_reranker(self) -> Reranker:
        """The Keras model of a bundle of the kind `"pairs"`."""
        import product_matching.model.reranker  # noqa: F401  registers the classes

        return self._load_keras()

    def _load_keras(self) -> Any:
        import keras

        try:
            return keras.saving.load_model(self.folder / "model.keras", compile=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BundleError(f"The Keras model of {self.folder} cannot be loaded: {str(error)[:300]}") from error

    @property
    def index_folder(self) -> Path:
        """Where `index` writes and `search` reads."""
        return self.folder / "index"

    @property
    def recommender_folder(self) -> Path:
        """Where `train-recommender` writes and `recommend` reads."""
        return self.folder / "recommender"

    @property
    def report_folder(self) -> Path:
        """Where `evaluate` writes."""
        return self.folder / "report"


def load_bundle(
    path: str | Path, *, verify: bool = True, kinds: tuple[str, ...] = ("product",), towers: str = ""
) -> Bundle:
    """Opens a bundle.

    Args:
        path: Its folder, or a folder of numbered versions, of which the newest counts.
        verify: Check each file against its hash in the manifest.
        kinds: What may be made of it: `"product"` for products in one space, `"pairs"` for a re-ranker of pairs.
        towers: See `Bundle`.

    Raises:
        BundleError: If there is no bundle, or it is incomplete, altered, of a newer format or of another kind.
    """
    folder = resolve(path)
    bundle = Bundle(folder, read_manifest(folder, verify=verify), towers=towers)
    if bundle.kind not in kinds:
        makers = " or ".join(f"`product-matching {MAKERS[kind]}`" for kind in kinds)
        raise BundleError(
            f"{folder} was written by `{MAKERS.get(bundle.kind, bundle.kind)}`. This needs a bundle of {makers}."
        )
    return bundle
