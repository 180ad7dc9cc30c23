"""Which image files may be read, and whether they can be."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "BMP")
"""What the graph decodes; anything else would train and then fail to serve."""
MAX_PIXELS = 50_000_000
"""A larger image is refused before it is decoded."""


def image_fault(root: Path, name: str) -> str:
    """Says what is wrong with an image of a catalogue, `""` if nothing is.

    The file must lie in the catalogue's folder, be a JPEG, PNG, GIF or BMP of at most `MAX_PIXELS`, and decode whole.

    Args:
        root: The catalogue's folder.
        name: Path as the table gives it, relative to `root` or absolute.
    """
    if name.lower().startswith(("http://", "https://")):
        return f"{name!r} is an address; download the image and give its path"
    try:
        path = (root / name).resolve()
        if not path.is_relative_to(root.resolve()):
            return f"{name!r} lies outside the catalogue's folder"
        if not path.is_file():
            return f"there is no file {name!r}"
        return _decode_fault(path, name)
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        return f"{name[:80]!r} is no path: {error}"


def check_image_file(path: Path) -> str:
    """What is wrong with an image that a user names; `""` if nothing is."""
    return _decode_fault(path, str(path)) if path.is_file() else f"there is no file {str(path)!r}"


def _decode_fault(path: Path, name: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a large image, a broken EXIF block: decided here, not by Pillow
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    return f"{name!r} has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}"
                if image.format == "BMP" and image.mode in ("1", "P"):
                    return f"{name!r} is a BMP with a palette; save it as PNG or JPEG"
                image.load()
    except UnidentifiedImageError:
        return f"{name!r} is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"
    except Image.DecompressionBombError:
        return f"{name!r} has more than {MAX_PIXELS:,} pixels"
    except (OSError, SyntaxError, ValueError) as error:
        return f"{name!r} cannot be decoded: {error}"
    return ""
