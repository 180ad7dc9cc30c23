"""What frozen towers give for a catalogue, computed once for all epochs and, if wanted, for the next run too."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from numpy.typing import DTypeLike

from product_matching.config import Config
from product_matching.dataset import Catalog, make_dataset
from product_matching.dataset.kept import FEATURES, PADDED, TOKENS, VIEWED
from product_matching.model import ProductModel
from product_matching.model.halves import Halves
from product_matching.model.preprocessor import BESIDE
from product_matching.model.product_model import inputs_beside
from product_matching.train.arrays import Allocate, in_memory, linked_arrays, read_arrays, written_arrays

logger = logging.getLogger(__name__)
TOWERS = {"image": "image_encoder", "text": "text_encoder"}
AS_IT_IS: dict[str, Any] = {"views": 1, "augment": 0.0, "seed": 0}
"""How the one view of a product is made that is not varied, and the first of several."""
Runner = Callable[[Mapping[str, Any]], dict[str, np.ndarray]]


def frozen_features(
    model: ProductModel,
    catalog: Catalog,
    *,
    views: int = 1,
    text_views: int = 0,
    augment: float = 1.0,
    typed: float = 0.0,
    batch_size: int = 128,
    seed: int = 0,
    folder: str | Path = "",
) -> dict[str, np.ndarray]:
    """Runs each tower of which nothing learns, and the frozen half of each that is cut, over a catalogue.

    What a tower beside another gives comes in beside what that one is shown, which training goes on varying. Only where
    texts have several views, the other's tokens of each are kept, too, so that both read the same words: a query of two
    words is none if the heads see the whole text beside it.

    Args:
        model: Whose towers; `model.halves` says which are cut.
        catalog: The products.
        views: Views of each product; the first shows it as it is, others are augmented.
        text_views: Views of each text, where they are not as many.
        augment, typed: How strongly, and the share of texts that become queries, as of `make_dataset`.
        batch_size: Products a forward pass.
        seed: Seed of the augmentation.
        folder: Where to keep the result, under a name that follows from the weights that were used, the preprocessing
            and the data; what lies there is read instead of computed. Empty: nowhere.

    Returns:
        For `make_dataset`. Of frozen towers `image_features`, `text_features` float32 [N, views, c]; of frozen halves
        `image_hidden`, `text_hidden` float16 [N, views, …] and with the latter `padding_mask` bool [N, views, L]; with
        texts `has_text` bool [N]. Of towers beside others `beside_image_features`, `beside_text_features` float32
        [N, views, c], and with several views of texts `token_ids`, `segment_ids` int32 and `padding_mask` bool
        [N, views, L] for the other tower, and `has_text`.
    """
    options = {
        "image": _view_options(views, augment, seed, 0.0),
        "text": _view_options(text_views or views, augment, seed, typed),
    }
    keep = _Keeper(model, catalog, batch_size, options, Path(folder) if folder else None)
    found: dict[str, np.ndarray] = {}
    for name, attribute in TOWERS.items() if len(catalog) else ():
        halves = model.halves.get(name)
        hidden = keep(name, halves) if halves else {}
        if getattr(model, attribute).trainable_variables:
            found |= hidden
        else:
            found |= keep(name, known=hidden)
    for name in model.beside if len(catalog) else ():
        found[f"{BESIDE}{name}_features"] = keep(BESIDE + name)[f"{name}_features"]
        if name == "text" and options[name]["views"] > 1 and "has_text" not in found:
            found |= keep.tokens()
    return found


def _view_options(views: int, augment: float, seed: int, typed: float) -> dict[str, Any]:
    """How views are made; of one nothing varies."""
    if views == 1:
        return AS_IT_IS
    return {"views": views, "augment": augment, "seed": seed, **({"typed": typed} if typed else {})}


@contextmanager
def kept_features(config: Config) -> Iterator[Config]:
    """The configuration with a folder for what frozen towers give: its own, or one that is there only in here."""
    towers = (config.text, config.image)
    if config.train.feature_cache or not any(tower.pretrained or tower.beside for tower in towers):
        yield config
        return
    with tempfile.TemporaryDirectory() as folder:
        yield replace(config, train=replace(config.train, feature_cache=folder))


def feature_key(
    name: str, tower: keras.Model, catalog: Catalog, options: dict[str, Any], halves: Halves | None = None
) -> str:
    """A name for a result: it changes with the weights, the preprocessing, the products and their image files."""
    digest = hashlib.sha256()
    for weight in halves.frozen_weights if halves else tower.weights:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    config = {key: value for key, value in tower.get_config().items() if key not in ("name", "backbone")}
    config |= {"kind": type(tower.backbone).__name__, "options": options, "size": getattr(tower, "size", 0)}
    config |= {"cut": halves.name} if halves else {}
    digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    if name == "image":
        parts = [(path, *image_state(path)) for path in catalog.image_paths()]
    else:
        fields = ("title", "description", *(["tags"] if options.get("typed") else []))
        parts = list(zip(*(catalog.table[field] for field in fields), strict=True))
    digest.update(json.dumps(parts).encode())
    return f"{name}-{digest.hexdigest()[:32]}"


def image_state(path: str) -> tuple[int, int]:
    """Size and time of change of a file; (0, 0) for the path ""."""
    if not path:
        return (0, 0)
    state = Path(path).stat()
    return (state.st_size, state.st_mtime_ns)


@dataclass
class _Keeper:
    """Computes what a tower, or its frozen half, gives, or reads it where it is kept."""

    model: ProductModel
    catalog: Catalog
    batch_size: int
    options: dict[str, dict[str, Any]]
    folder: Path | None

    def __call__(
        self, name: str, halves: Halves | None = None, known: Mapping[str, np.ndarray] = MappingProxyType({})
    ) -> dict[str, np.ndarray]:
        """Of the tower `name`; `known` is what its frozen half gave already.

        A tower beside another is named `beside_image` or `beside_text`; what it gives is kept under the name that it
        would have alone, and read from there by whatever model has it.
        """
        if self.folder is None:
            return self._compute(name, halves, known, in_memory)
        options = self.options[name.removeprefix(BESIDE)]
        path = self.folder / self._key(name, options, halves)
        if path.is_dir():
            logger.info("read what the frozen %s tower gives from %s", name, path)
        else:
            with written_arrays(path) as allocate:
                self._compute(name, halves, known, allocate)
            if options["views"] > 1:  # who asks for the products as they are finds them here
                linked_arrays(self.folder / self._key(name, AS_IT_IS, halves), path)
        arrays = read_arrays(path)
        return {key: array[:, : options["views"]] if key in VIEWED else array for key, array in arrays.items()}

    def _key(self, name: str, options: dict[str, Any], halves: Halves | None) -> str:
        return feature_key(name.removeprefix(BESIDE), _tower(self.model, name), self.catalog, options, halves)

    def _compute(
        self, name: str, halves: Halves | None, known: Mapping[str, np.ndarray], allocate: Allocate
    ) -> dict[str, np.ndarray]:
        part = "frozen half of the" if halves else "frozen"
        views = self.options[name.removeprefix(BESIDE)]["views"]
        logger.info("compute the %s %s tower once for %d products, views: %d", part, name, len(self.catalog), views)
        return self._filled(name, _runner(name, self.model, halves, known), known, allocate)

    def tokens(self) -> dict[str, np.ndarray]:
        """What the text tower is shown of each view, and whether there is any: as of `TextPreprocessor`."""

        def run(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
            return {key: inputs[key].numpy() for key in (*TOKENS, "has_text")}

        return self._filled("text", run, {}, in_memory)

    def _filled(
        self, name: str, run: Runner, known: Mapping[str, np.ndarray], allocate: Allocate
    ) -> dict[str, np.ndarray]:
        """Arrays of what `run` makes of each view of all products."""
        count, views = len(self.catalog), self.options[name.removeprefix(BESIDE)]["views"]
        arrays: dict[str, np.ndarray] = {}
        for view in range(views):
            for place, rows in self._in_batches(name, view, known, run):
                for key, value in rows.items():
                    shape = _longest(self.model, key, value.shape[1:])
                    viewed = key in VIEWED
                    if key not in arrays:
                        arrays[key] = allocate(key, (count, views, *shape) if viewed else (count, *shape), value.dtype)
                    if viewed:  # a batch of short texts fills less of its rows
                        arrays[key][(place, view, *map(slice, value.shape[1:]))] = value
                    elif view == 0:
                        arrays[key][place] = value
        return arrays

    def _in_batches(
        self, name: str, view: int, known: Mapping[str, np.ndarray], run: Runner
    ) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        kind = name.removeprefix(BESIDE)
        options = self.options[kind]
        # The other towers are not asked: zeros of no width stand in for what they give.
        empty = np.zeros((len(self.catalog), 1, 0), np.float32)
        nothing = {key: empty for key in FEATURES if key != f"{name}_features"}
        nothing |= {"has_text": np.zeros(len(self.catalog), bool)} if kind == "image" else {}
        given = {key: array[:, view : view + 1] if key in VIEWED else array for key, array in known.items()}
        batches = make_dataset(
            self.catalog,
            self.model.preprocessor,
            batch_size=self.batch_size,
            augment=options["augment"] if view else 0.0,
            typed=options.get("typed", 0.0),
            seed=options["seed"] + view,
            cache=False,
            features=nothing | given,
        )
        start = 0
        for inputs, _ in batches:
            rows = run(inputs)
            stop = start + len(inputs["has_image"])
            yield slice(start, stop), rows
            start = stop


def _runner(name: str, model: ProductModel, halves: Halves | None, known: Mapping[str, np.ndarray]) -> Runner:
    """From a batch to what is kept of it."""
    tower, kind = _tower(model, name), name.removeprefix(BESIDE)

    def run(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        if name != kind:
            own = inputs_beside(inputs)
            vectors = tower.traced(own["image"] if kind == "image" else {key: own[key] for key in TOKENS})
            return {f"{kind}_features": _numpy(vectors, np.float32)}
        also = {"has_text": inputs["has_text"].numpy()} if name == "text" else {}
        if halves:
            also |= {"padding_mask": inputs["padding_mask"].numpy()} if name == "text" else {}
            return also | {f"{name}_hidden": _numpy(halves.below(inputs), np.float16)}
        if known:
            vectors = model.halves[name].above(inputs)
        else:
            vectors = tower.traced(inputs["image"] if name == "image" else inputs)
        return also | {f"{name}_features": _numpy(vectors, np.float32)}

    return run


def _tower(model: ProductModel, name: str) -> keras.Model:
    return model.beside[name.removeprefix(BESIDE)] if name.startswith(BESIDE) else getattr(model, TOWERS[name])


def _numpy(values: Any, dtype: DTypeLike) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.cast(values, "float32")).astype(dtype)


def _longest(model: ProductModel, key: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a row that holds texts of any length."""
    return (model.preprocessor.text.max_tokens, *shape[1:]) if key in PADDED else shape
