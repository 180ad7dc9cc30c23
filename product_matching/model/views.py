"""Views of a product: subsets of its modalities."""

from __future__ import annotations

MODALITIES = ("image", "text", "tags")

VIEWS: dict[str, tuple[str, ...]] = {
    "image": ("image",),
    "text": ("text",),
    "tags": ("tags",),
    "image+tags": ("image", "tags"),
    "text+tags": ("text", "tags"),
    "product": MODALITIES,
}
"""Name of a view and what it shows; what a product lacks is left out."""

PAIRS: tuple[tuple[str, str], ...] = (
    ("image", "text"),
    ("image", "text"),
    ("image", "tags"),
    ("image+tags", "text"),
    ("image", "text+tags"),
    ("product", "text"),
    ("product", "image"),
)
"""Views that training pulls together: each holds something the other does not. What stands twice counts twice."""
