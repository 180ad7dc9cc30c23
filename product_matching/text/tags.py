"""From tags to multi-hot vectors, in the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.text.cleaning import clean_text
from product_matching.text.noise import informative

SEPARATOR = "|"


class TagLookup:
    """Turns `a|b|c` into a multi-hot vector over a fixed vocabulary of tags; unknown tags are left out.

    Args:
        vocabulary: The n tags, cleaned and in lower case, as `learn` returns them.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = list(vocabulary)
        # The extra, last slot takes unknown tags and is cut off; a table may not be empty.
        keys = self.vocabulary or ["\0"]
        with tf.init_scope():
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(keys, tf.range(len(keys), dtype=tf.int64)),
                default_value=len(self.vocabulary),
            )

    @classmethod
    def learn(cls, tag_lists: Iterable[list[str]], *, max_tags: int = 2000, min_count: int = 2) -> TagLookup:
        """Keeps the most frequent tags that at least `min_count` products carry, ties in alphabetical order.

        Tags that are words of the sale ("new", "热卖") are left out, see `noise`.
        """
        lists = [SEPARATOR.join(tags) for tags in tag_lists]
        cleaned = _split(tf.constant(lists, dtype=tf.string)).to_list() if lists else []
        counts = Counter(
            tag for tags in cleaned for tag in informative(one.decode("utf-8") for one in set(tags)) if tag
        )
        frequent = sorted((-n, tag) for tag, n in counts.items() if n >= min_count)
        return cls([tag for _, tag in frequent[:max_tags]])

    def __call__(self, tags: Tensor) -> dict[str, Tensor]:
        """Looks tags up.

        Args:
            tags: string [B], tags separated by `|`; `""` where there is none.

        Returns:
            `tags`: float32 [B, n] of 0 and 1; `has_tags`: bool [B], false where no tag is known.
        """
        size = len(self.vocabulary) + 1
        ids = tf.ragged.map_flat_values(self.table.lookup, _split(tags))
        hot = tf.math.bincount(ids, minlength=size, maxlength=size, axis=-1, binary_output=True, dtype=tf.float32)
        hot = tf.reshape(hot, [-1, size])[:, :-1]
        return {"tags": hot, "has_tags": tf.reduce_any(hot > 0, axis=-1)}

    def get_config(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary}


def _split(tags: Tensor) -> tf.RaggedTensor:
    parts = tf.strings.split(tags, SEPARATOR)
    return tf.ragged.map_flat_values(lambda flat: tf.strings.lower(clean_text(flat), encoding="utf-8"), parts)
