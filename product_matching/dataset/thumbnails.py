"""Small pictures for pages that stand alone."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageOps


def thumbnail(path: str, side: int = 112) -> str:
    """A picture as a `data:` address of a JPEG, upright and on white.

    Args:
        path: Of the picture; `""` gives `""`, as does a picture that cannot be read.
        side: Longer side in pixels.
    """
    if not path:
        return ""
    out = io.BytesIO()
    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * side, 2 * side))  # a JPEG is decoded at a fraction of its size
            small = ImageOps.exif_transpose(image)
            small.thumbnail((side, side))
            flat = Image.new("RGB", small.size, "white")
            small = small.convert("RGBA")
            flat.paste(small, mask=small)
            flat.save(out, "JPEG", quality=80)
    except (OSError, ValueError, SyntaxError):  # gone since the table was read
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
