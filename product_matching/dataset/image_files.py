"""Which image files may be read, whether they can be, and where the graph finds them."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from product_matching._folders import write_whole
from product_matching.dataset.fingerprints import ImageFacts, image_facts
from product_matching.dataset.remote_images import ImageFetcher, is_address
from product_matching.errors import DataError

FORMATS = ("JPEG", "PNG", "GIF", "BMP")
"""What the graph decodes, training and serving alike."""
CONVERTED = ("WEBP", "TIFF")
"""What is turned into PNG first: TensorFlow Serving has no decoder for them."""
MAX_PIXELS = 50_000_000
"""A larger image is refused before it is decoded."""


class Found(NamedTuple):
    """A local file that the graph decodes and what it shows, or what is wrong: one of the two is `""`."""

    path: str
    fault: str
    facts: ImageFacts | None = None


def default_cache() -> Path:
    """Where fetched and converted images are kept: `$XDG_CACHE_HOME/product_matching/images`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "product_matching" / "images"


@dataclass(frozen=True)
class ImageSource:
    """Where the images of a table may come from.

    Attributes:
        root: The table's folder; relative paths start from it.
        more_roots: Further folders that images may lie in.
        private: Whether addresses of the own machine and network may be fetched.
        cache: Folder of fetched and converted images.
    """

    root: Path
    more_roots: Sequence[Path] = ()
    private: bool = False
    cache: Path = field(default_factory=default_cache)

    def find(self, name: str) -> Found:
        """Finds an image, by path or http(s) address, and makes sure that it can be decoded.

        A file lies in one of the roots, links resolved; an address is fetched once. The image is a JPEG, PNG, GIF, BMP,
        WebP or TIFF of at most `MAX_PIXELS` and decodes whole.
        """
        try:
            if is_address(name):
                path = ImageFetcher(self.cache / "fetched", private=self.private).fetch(name)
            else:
                path = (self.root / name).resolve()
                if not any(path.is_relative_to(root.resolve()) for root in (self.root, *self.more_roots)):
                    return Found("", f"{name!r} lies outside the catalogue's folder; --image-root allows another")
                if not path.is_file():
                    return Found("", f"there is no file {name!r}")
            contents, facts, fault = _checked(path, name)
            if contents is not None:
                path = self._keep(contents)
        except DataError as error:
            return Found("", str(error))
        except (OSError, ValueError) as error:  # a name too long, or with a zero byte
            return Found("", f"{name[:80]!r} is no path: {error}")
        return Found("", fault) if fault else Found(str(path), "", facts)

    def _keep(self, contents: bytes) -> Path:
        path = self.cache / "converted" / f"{hashlib.sha256(contents).hexdigest()}.png"
        if not path.exists():
            write_whole(path, contents)
        return path


def read_image(path: Path) -> bytes:
    """The bytes of an image that a user names, as the graph decodes them.

    Raises:
        DataError: If it cannot be decoded.
    """
    if not path.is_file():
        raise DataError(f"There is no file {str(path)!r}.")
    contents, _, fault = _checked(path, str(path))
    if fault:
        raise DataError(f"{fault}.")
    return path.read_bytes() if contents is None else contents


class ImageTooLargeError(Exception):
    """An image has more pixels than may be decoded; the message says how many."""


def convert_image(source: Path | IO[bytes], *, max_pixels: int) -> bytes | None:
    """Decodes an image whole; one of a format that the graph does not know comes back as PNG, any other as None.

    Args:
        source: An image file.
        max_pixels: Width x height that is still decoded; told from the header, before anything is unpacked.

    Raises:
        ImageTooLargeError: If it is larger.
        PIL.Image.DecompressionBombError, PIL.UnidentifiedImageError, OSError, SyntaxError, ValueError: As Pillow does.
    """
    with _decoded(source, max_pixels) as image:
        return _converted(image)


@contextmanager
def _decoded(source: Path | IO[bytes], max_pixels: int) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a large image, a broken EXIF block: decided here, not by Pillow
        with Image.open(source, formats=FORMATS + CONVERTED) as image:
            if image.width * image.height > max_pixels:
                raise ImageTooLargeError(f"{image.width} x {image.height} pixels")
            image.load()
            yield image


def _converted(image: Image.Image) -> bytes | None:
    plain = image.format in FORMATS and not (image.format == "BMP" and image.mode in ("1", "P"))
    return None if plain else _as_png(image)


def _checked(path: Path, name: str) -> tuple[bytes | None, ImageFacts | None, str]:
    """The converted contents, None where the file does as it is; what it shows; and what is wrong with it."""
    fault = ""
    try:
        with _decoded(path, MAX_PIXELS) as image:
            return _converted(image), image_facts(image, path), ""
    except ImageTooLargeError as error:
        fault = f"{name!r} has {error}, more than {MAX_PIXELS:,}"
    except UnidentifiedImageError:
        known = FORMATS + CONVERTED
        fault = f"{name!r} is no {', '.join(known[:-1])} or {known[-1]} image"
    except Image.DecompressionBombError:
        fault = f"{name!r} has more than {MAX_PIXELS:,} pixels"
    except (OSError, SyntaxError, ValueError) as error:
        fault = f"{name!r} cannot be decoded: {error}"
    return None, None, fault


def _as_png(image: Image.Image) -> bytes:
    """The first frame, upright, alpha kept."""
    upright = ImageOps.exif_transpose(image)
    has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    out = io.BytesIO()
    upright.convert("RGBA" if has_alpha else "RGB").save(out, "PNG")
    return out.getvalue()
