"""A fitted recommender on disk: options and ids in JSON, everything else in arrays; nothing that runs when read."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from product_matching._folders import replaced_folder
from product_matching.errors import BundleError, unknown_name

if TYPE_CHECKING:
    from product_matching.recommendation.recommender import Recommender

FORMAT = 1
META, ARRAYS = "recommender.json", "arrays.npz"
_PRODUCTS = ("ids", "counts", "vectors", "prices")
_HISTORIES = ("products", "weights", "times", "offsets", "users")


def save(folder: Path, model: Recommender) -> None:
    """Writes `recommender.json` and `arrays.npz`."""
    arrays = {f"products/{name}": getattr(model.products, name) for name in _PRODUCTS}
    arrays |= {f"histories/{name}": getattr(model.users.histories, name) for name in _HISTORIES}
    arrays |= {"users/ids": model.users.ids, "rank_probabilities": model.rank_probabilities}
    arrays |= {f"state/{name}": array for name, array in model._state().items()}
    with replaced_folder(folder) as fresh:
        np.savez(fresh / ARRAYS, **{name: array for name, array in arrays.items() if array is not None})
        meta = {"format": FORMAT, "model": type(model).__name__, "options": options_of(model)}
        (fresh / META).write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")


def load(folder: Path, kind: type[Recommender]) -> Any:
    """Reads what `save` wrote; `kind` is the class of the model, or the base class for whichever it is.

    Raises:
        BundleError: If a file is missing, damaged, of a newer format, or of another model.
    """
    from product_matching.recommendation.models import MODELS, model_class

    meta = read_meta(folder)
    names = {model_class(name).__name__: name for name in MODELS}
    if meta["model"] not in names:
        raise BundleError(unknown_name("recommender", meta["model"], names) + f" Written in {folder}.")
    found = model_class(names[meta["model"]])
    if not issubclass(found, kind):
        raise BundleError(f"{folder} holds a {found.__name__}, not a {kind.__name__}.")
    try:
        with np.load(folder / ARRAYS, allow_pickle=False) as file:
            arrays = dict(file.items())
        return _restored(found(**meta["options"]), arrays)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise BundleError(f"The recommender in {folder} is damaged ({error!r}). Fit it again.") from error


def read_meta(folder: Path) -> dict[str, Any]:
    """Reads `recommender.json`.

    Raises:
        BundleError: If it is missing, damaged or of a newer format.
    """
    path = folder / META
    if not path.is_file():
        raise BundleError(f"There is no recommender in {folder} ({META} is missing). Fit one and save it there.")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        found = int(meta["format"])
        meta = {"model": str(meta["model"]), "options": dict(meta["options"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} cannot be read ({error!r}). Fit the recommender again.") from error
    if found > FORMAT:
        raise BundleError(f"{path} has format {found}; this version reads up to {FORMAT}. Update the package.")
    return meta


def options_of(model: Recommender) -> dict[str, Any]:
    """The options of a model, as they were given."""
    return {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}


def packed(matrix: Any, name: str) -> dict[str, np.ndarray]:
    """A scipy CSR matrix as arrays under a name."""
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": np.array(matrix.shape)}
    return {f"{name}/{part}": array for part, array in parts.items()}


def unpacked(state: dict[str, np.ndarray], name: str) -> Any:
    """The inverse of `packed`."""
    from product_matching._optional import require

    parts = {part: state[f"{name}/{part}"] for part in ("data", "indices", "indptr", "shape")}
    sparse = require("scipy.sparse", "recommend")
    return sparse.csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"]))


def under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _restored(model: Recommender, arrays: dict[str, np.ndarray]) -> Recommender:
    from product_matching.recommendation.histories import Histories
    from product_matching.recommendation.known import KnownProducts, KnownUsers

    products = {"vectors": None, **under("products/", arrays)}
    model.products = KnownProducts(**products)
    model.users = KnownUsers(arrays["users/ids"], Histories(**under("histories/", arrays)))
    if "rank_probabilities" in arrays:
        model.rank_probabilities = arrays["rank_probabilities"]
    model._restore(under("state/", arrays))
    return model
