"""What a large model says of the products that a small one learns from."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import keras
import numpy as np

from product_matching._types import FloatArray
from product_matching.dataset import Catalog, make_dataset
from product_matching.model import VIEWS, ProductModel
from product_matching.train.arrays import read_arrays, written_arrays
from product_matching.train.features import image_state

logger = logging.getLogger(__name__)


def teacher_vectors(
    teacher: ProductModel, catalog: Catalog, *, batch_size: int = 128, folder: str | Path = ""
) -> dict[str, FloatArray]:
    """Embeds each view of each product once: the products as they are, whatever augmentation the student sees.

    Args:
        teacher: A trained model.
        catalog: The products.
        batch_size: Products a forward pass.
        folder: Where to keep the vectors, under a name that follows from the teacher's weights and the data; what lies
            there is read instead of computed. Empty: nowhere.

    Returns:
        For `make_dataset`: `teacher` float32 [N, views · D], the views of `VIEWS` one behind the other.
    """
    path = Path(folder) / f"teacher-{_key(teacher, catalog)}" if folder else None
    if path is not None and path.is_dir():
        logger.info("read the teacher's vectors from %s", path)
        return read_arrays(path)
    logger.info("compute the teacher's vectors of %d products", len(catalog))
    batches = make_dataset(catalog, teacher.preprocessor, batch_size=batch_size, cache=False)
    views = teacher.predict(batches, verbose=0)
    vectors = np.concatenate([views[name] for name in VIEWS], axis=1).astype(np.float32)
    if path is not None:
        with written_arrays(path) as allocate:
            allocate("teacher", vectors.shape, vectors.dtype)[:] = vectors
    return {"teacher": vectors}


def _key(teacher: ProductModel, catalog: Catalog) -> str:
    digest = hashlib.sha256()
    for weight in teacher.weights:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    images = [(path, *image_state(path)) for path in catalog.image_paths()]
    digest.update(json.dumps([catalog.fingerprint(), images]).encode())
    return digest.hexdigest()[:32]
