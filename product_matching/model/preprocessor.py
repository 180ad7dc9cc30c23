"""From a raw product row to the tensors the model reads, in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from product_matching._types import Tensor
from product_matching.text import TagLookup, TextPreprocessor
from product_matching.visual import decode_image, decode_images


class Preprocessor:
    """The one way in: training, evaluation and the SavedModel all prepare products by it.

    Args:
        text: Cleans and tokenises title and description.
        tags: Looks tags up.
        image_size: Height and width of the decoded images in pixels.
    """

    def __init__(self, text: TextPreprocessor, tags: TagLookup, *, image_size: int) -> None:
        self.text = text
        self.tags = tags
        self.image_size = image_size

    def __call__(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Prepares a batch.

        Args:
            raw: string [B] each: `image` (bytes of a file), `title`, `description`, `tags` (separated by `|`);
                `""` means missing.

        Returns:
            `image` uint8 [B, size, size, 3]; `token_ids`, `segment_ids` int32 [B, L]; `padding_mask` bool [B, L];
            `tags` float32 [B, n]; `has_image`, `has_text`, `has_tags` bool [B].
        """
        return self.assemble(self.decode_batch(raw["image"]), raw["image"] != "", raw)

    def decode(self, contents: Tensor) -> Tensor:
        """Decodes one image: string scalar to uint8 [size, size, 3]."""
        return decode_image(contents, self.image_size)

    def decode_batch(self, contents: Tensor) -> Tensor:
        """Decodes a batch: string [B] to uint8 [B, size, size, 3]."""
        return decode_images(contents, self.image_size)

    def assemble(
        self,
        pixels: Tensor | None,
        has_image: Tensor,
        raw: Mapping[str, Tensor],
        features: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> dict[str, Tensor]:
        """Prepares a batch whose images are decoded already; the rest as in `__call__`.

        Args:
            pixels: uint8 or float32 [B, size, size, 3]; `None` where `features` stand in for it.
            has_image: bool [B].
            raw: As of `__call__`; `image` is not read.
            features: What frozen towers, or their frozen halves, gave, as of `ProductModel.encode`; with that of texts
                `has_text` bool [B], and they are not tokenised.
        """
        image = {} if pixels is None else {"image": pixels}
        words = {} if "has_text" in features else self.text(raw["title"], raw["description"])
        return {**image, "has_image": has_image, **words, **features, **self.tags(raw["tags"])}
