"""What a version of a bundle must do before it may answer."""

from __future__ import annotations

import numpy as np

from product_matching.bundle import Bundle
from product_matching.errors import BundleError
from product_matching.search import ProductIndex

SAME = 0.99
"""The least cosine of a product that may be found in another's place: the same picture and words, sold twice."""


def try_out(bundle: Bundle, index: ProductIndex) -> None:
    """Embeds a text, and finds a product of the index by its own vector.

    Raises:
        BundleError: If one of them fails.
    """
    vector = bundle.encoders.embed_text(["ready?"])[0]
    if vector.shape != (index.dim,) or not np.isfinite(vector).all():
        raise BundleError(
            f"{bundle.folder} embeds a text as {vector.size} numbers, of them {np.isfinite(vector).sum()} finite; "
            f"its index has vectors of {index.dim}. Index it anew, or train it anew."
        )
    if not index.size:
        return
    wanted = index.product_ids[0]
    own = index.vectors_of([wanted])
    hits = index.search(own[0], k=1)[0] if np.isfinite(own).all() else []
    if not hits or (hits[0].product_id != wanted and hits[0].score < SAME):
        raise BundleError(f"{bundle.folder}: its index does not find its own product {wanted!r}. Index it anew.")
