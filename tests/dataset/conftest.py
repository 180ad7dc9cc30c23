"""Pictures made on the spot."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw


@pytest.fixture(scope="session")
def photo():
    return draw_photo


@pytest.fixture(scope="session")
def again():
    """The same picture as another file: (image, quality, scale) to a JPEG."""
    return save_again


def draw_photo(seed, size=(160, 200), ground="white"):
    """A picture of a few coloured shapes, one for each seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = rng.uniform(0.1, 0.6, 2) * size
        w, h = rng.uniform(0.1, 0.4, 2) * size
        draw.ellipse([x, y, x + w, y + h], fill=tuple(rng.integers(0, 255, 3).tolist()))
    return image


def save_again(image, quality=70, scale=1.0):
    out = io.BytesIO()
    image.resize([round(side * scale) for side in image.size]).save(out, "JPEG", quality=quality)
    return Image.open(out)
