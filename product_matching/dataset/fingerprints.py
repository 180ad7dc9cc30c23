"""What an image looks like in 208 bytes: enough to find the same picture again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 72  # both 8 and 9 divide it
EDGE = 2
"""A step in brightness up to this, of 255, is noise: a white ground gives no bits."""
_WHOLE = 1 << 25  # bytes up to which a file is read whole, which is quicker
BITS, COLOURS = 16, 192
"""Bytes of edges and of colours in a fingerprint."""


class ImageFacts(NamedTuple):
    """Facts of one image file.

    Attributes:
        width, height: In pixels, as stored.
        digest: BLAKE2b of the file's bytes, 8 bytes: equal for copies.
        look: Its fingerprint, see `fingerprint`.
    """

    width: int
    height: int
    digest: bytes
    look: bytes


def image_facts(image: Image.Image, path: Path) -> ImageFacts:
    """Describes an opened image, the file of which lies at `path`."""
    if path.stat().st_size < _WHOLE:
        digest = hashlib.blake2b(path.read_bytes(), digest_size=8).digest()
    else:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).digest()
    return ImageFacts(*image.size, digest, fingerprint(image))


def fingerprint(image: Image.Image) -> bytes:
    """A difference hash with colours: 128 bits that say where it grows brighter, and the mean colours of 8 x 8 fields.

    A copy in another size or JPEG quality differs in a few bits at most. The colours tell the red shirt from the blue
    one of the same photo, which a hash of brightness alone does not (N. Krawetz, "Kind of like that", 2013).

    Returns:
        208 bytes: 64 bits of edges across and 64 down, then uint8 [8, 8, 3].
    """
    small = _small(image)
    grey = small.convert("L")
    across, down = (
        np.asarray(grey.resize(size, Image.Resampling.BOX), dtype=np.int16).reshape(size[::-1])
        for size in ((9, 8), (8, 9))
    )
    edges = [across[:, 1:] - across[:, :-1] > EDGE, down[1:] - down[:-1] > EDGE]
    return np.packbits(edges).tobytes() + small.resize((8, 8), Image.Resampling.BOX).tobytes()


def _small(image: Image.Image) -> Image.Image:
    """RGB [SIDE, SIDE] on a white ground."""
    if image.mode in ("P", "PA") or (image.mode != "RGBA" and "transparency" in image.info):
        image = image.convert("RGBA")  # a palette cannot be averaged
    elif image.mode in ("I", "F", "I;16", "I;16B", "1"):
        image = image.convert("L")
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    if small.mode in ("RGBA", "LA"):
        small = small.convert("RGBA")
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    return small.convert("RGB")
