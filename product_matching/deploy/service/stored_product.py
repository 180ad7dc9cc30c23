"""A product as the service's database keeps it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class StoredProduct:
    """A product as it was written, or the mark that it was deleted.

    Attributes:
        product_id: Which.
        fields: title, description, tags (`a|b`) and the attributes.
        image: Bytes of its picture, or `b""`.
        vector: float32 [2 D], that of all it has and behind it that of its words alone; of earlier versions the first
            alone, [D]; of no use to another model.
        model: Fingerprint of the model that made the vector.
        deleted: Whether it must not be found any more.
    """

    product_id: str
    fields: dict[str, Any] = field(default_factory=dict)
    image: bytes = b""
    vector: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    model: str = ""
    deleted: bool = False

    @property
    def digest(self) -> bytes:
        """SHA-256 of what the sender said, the vector left out."""
        text = json.dumps([self.fields, self.deleted], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode() + b"\0" + self.image).digest()
