"""Images: decoding, resizing and augmentation in the graph, and the image encoder."""

from product_matching.visual.augment import augment_images
from product_matching.visual.decoding import decode_image, decode_images
from product_matching.visual.encoder import ImageEncoder
from product_matching.visual.randaugment import rand_augment

__all__ = ["ImageEncoder", "augment_images", "decode_image", "decode_images", "rand_augment"]
