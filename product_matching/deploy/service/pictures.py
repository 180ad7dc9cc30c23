"""Pictures that come from outside, and pictures that go out."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from product_matching.dataset.image_files import CONVERTED, FORMATS, ImageTooLargeError, convert_image
from product_matching.deploy.service.problems import Problem

THUMBNAIL = 480


def check_picture(data: bytes, *, max_pixels: int) -> bytes:
    """Makes sure that the graph decodes an image, and converts it where the graph does not know its format.

    Args:
        data: An image file.
        max_pixels: Width x height that is still decoded; told from the header, before anything is unpacked.

    Raises:
        Problem: 413 if it is too large, 422 if it is no image that can be decoded.
    """
    try:
        converted = convert_image(io.BytesIO(data), max_pixels=max_pixels)
        return data if converted is None else converted
    except (ImageTooLargeError, Image.DecompressionBombError) as error:
        message = f"The image has more than {max_pixels:,} pixels. Send a smaller one."
        raise Problem(413, message) from error
    except UnidentifiedImageError as error:
        raise Problem(422, f"The image is no {', '.join(FORMATS + CONVERTED)}.") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise Problem(422, "The image is damaged: it cannot be decoded.") from error


def thumbnail(data: bytes) -> bytes:
    """A picture as a small JPEG without metadata: what the page shows, never the file itself.

    Raises:
        OSError, ValueError: If it cannot be decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=FORMATS + CONVERTED) as image:
            image.draft("RGB", (THUMBNAIL, THUMBNAIL))
            small = ImageOps.exif_transpose(image)
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            if small.mode in ("RGBA", "LA", "PA") or "transparency" in small.info:
                clear = small.convert("RGBA")
                small = Image.new("RGBA", clear.size, "white")
                small.alpha_composite(clear)
            out = io.BytesIO()
            small.convert("RGB").save(out, "JPEG", quality=85)
            return out.getvalue()
