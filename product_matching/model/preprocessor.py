"""From a raw product row to the tensors the model reads, in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from product_matching._types import Tensor
from product_matching.text import SequencePreprocessor, TagLookup, TextPreprocessor
from product_matching.visual import decode_image, decode_images

BESIDE = "beside_"
"""Before the names of what is there for a second tower: `beside_image`, `beside_token_ids`, `beside_text_features`."""


class Preprocessor:
    """The one way in: training, evaluation and the SavedModel all prepare products by it.

    Args:
        text: Cleans and tokenises title and description.
        tags: Looks tags up.
        image_size: Height and width of the decoded images in pixels.
        beside_text: Of a second text tower, see `ProductModel`; None: there is none.
        beside_image_size: Of the images for a second image tower; 0: there is none.
    """

    def __init__(
        self,
        text: TextPreprocessor | SequencePreprocessor,
        tags: TagLookup,
        *,
        image_size: int,
        beside_text: TextPreprocessor | SequencePreprocessor | None = None,
        beside_image_size: int = 0,
    ) -> None:
        self.text = text
        self.tags = tags
        self.image_size = image_size
        self.beside_text = beside_text
        self.beside_image_size = beside_image_size

    @property
    def tables(self) -> list[Any]:
        """What an export must keep."""
        return [self.tags.table, self.text.tables, *([self.beside_text.tables] if self.beside_text else [])]

    def __call__(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Prepares a batch.

        Args:
            raw: string [B] each: `image` (bytes of a file), `title`, `description`, `tags` (separated by `|`);
                `""` means missing.

        Returns:
            `image` uint8 [B, size, size, 3]; `token_ids`, `segment_ids` int32 [B, L]; `padding_mask` bool [B, L];
            `tags` float32 [B, n]; `has_image`, `has_text`, `has_tags` bool [B]. For second towers also `beside_image`
            uint8 [B, beside_size, beside_size, 3] and `beside_token_ids` and so on.
        """
        pictures = self.pictures(raw["image"])
        return self.assemble(pictures.pop("image"), raw["image"] != "", raw, beside=pictures)

    def decode(self, contents: Tensor) -> Tensor:
        """Decodes one image: string scalar to uint8 [size, size, 3]."""
        return decode_image(contents, self.image_size)

    def decode_batch(self, contents: Tensor) -> Tensor:
        """Decodes a batch: string [B] to uint8 [B, size, size, 3]."""
        return decode_images(contents, self.image_size)

    def decode_beside(self, contents: Tensor) -> Tensor:
        """Decodes one image for a second tower: string scalar to uint8 [beside_size, beside_size, 3]."""
        return decode_image(contents, self.beside_image_size)

    def pictures(self, contents: Tensor) -> dict[str, Tensor]:
        """Decodes a batch, string [B], for each image tower: `image` and perhaps `beside_image`, as of `__call__`."""
        found = {"image": self.decode_batch(contents)}
        if self.beside_image_size:
            # Twice from the file, not shrunk from one to the other: training keeps what the second tower gives and
            # decodes for the first alone, and both are to see the same pixels when they serve.
            found[f"{BESIDE}image"] = decode_images(contents, self.beside_image_size)
        return found

    def words(self, title: Tensor, description: Tensor) -> dict[str, Tensor]:
        """Tokenises a batch, string [B] each, for each text tower: as of `__call__`, with `has_text`."""
        return self.text(title, description) | self._words_beside(title, description)

    def _words_beside(self, title: Tensor, description: Tensor) -> dict[str, Tensor]:
        if self.beside_text is None:
            return {}
        found = self.beside_text(title, description)
        return {BESIDE + name: value for name, value in found.items() if name != "has_text"}

    def assemble(
        self,
        pixels: Tensor | None,
        has_image: Tensor,
        raw: Mapping[str, Tensor],
        features: Mapping[str, Tensor] = MappingProxyType({}),
        beside: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> dict[str, Tensor]:
        """Prepares a batch whose images are decoded already; the rest as in `__call__`.

        Args:
            pixels: uint8 or float32 [B, size, size, 3]; `None` where `features` stand in for it.
            has_image: bool [B].
            raw: As of `__call__`; `image` is not read.
            features: What frozen towers, or their frozen halves, gave, as of `ProductModel.encode`; with that of texts
                `has_text` bool [B], and they are not tokenised.
            beside: Of a second image tower `beside_image`, like `pixels`; without it `features` stand in.
        """
        image = {} if pixels is None else {"image": pixels}
        texts = raw["title"], raw["description"]
        words = {} if "has_text" in features else self.text(*texts)
        words |= {} if f"{BESIDE}text_features" in features else self._words_beside(*texts)
        return {**image, **beside, "has_image": has_image, **words, **features, **self.tags(raw["tags"])}
