"""Rules of cleaning that follow from a catalogue or a choice, kept with the model and run in its graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from product_matching._optional import require
from product_matching._types import Tensor


class TextRules:
    """Writes traditional Chinese as simplified, and leaves out sentences that say nothing of the product.

    Args:
        traditional, simplified: Characters, one for one; empty: none is changed.
        boilerplate: Sentences to leave out, as `clean_text` leaves them.

    Attributes:
        tables: What an export must keep.
    """

    def __init__(self, *, traditional: str = "", simplified: str = "", boilerplate: Sequence[str] = ()) -> None:
        if len(traditional) != len(simplified):
            raise ValueError(f"One character stands for one: got {len(traditional)} and {len(simplified)} of them.")
        self.traditional, self.simplified = traditional, simplified
        self.boilerplate = list(boilerplate)
        self._pattern = "|".join(re.escape(text) for text in sorted(self.boilerplate, key=len, reverse=True))
        self.tables: list[Any] = []
        if traditional:
            # The table must belong to the graph of no one function, whoever calls first.
            with tf.init_scope():
                pairs = tf.lookup.KeyValueTensorInitializer(
                    [ord(letter) for letter in traditional],
                    [ord(letter) for letter in simplified],
                    tf.int64,
                    tf.int64,
                )
                self.tables.append(tf.lookup.StaticHashTable(pairs, default_value=-1))

    def __bool__(self) -> bool:
        return bool(self.traditional or self.boilerplate)

    def __call__(self, text: Tensor) -> Tensor:
        """Applies the rules to cleaned texts: string [B] to string [B]."""
        if self._pattern:
            text = tf.strings.regex_replace(text, self._pattern, " ")
            text = tf.strings.strip(tf.strings.regex_replace(text, " +", " "))
        return self._simplify(text) if self.tables else text

    def _simplify(self, text: Tensor) -> Tensor:
        letters = tf.strings.unicode_decode(text, "UTF-8")
        found = self.tables[0].lookup(tf.cast(letters.flat_values, tf.int64))
        changed = tf.where(found >= 0, tf.cast(found, tf.int32), letters.flat_values)
        return tf.strings.unicode_encode(letters.with_flat_values(changed), "UTF-8")

    def get_config(self) -> dict[str, Any]:
        return {"traditional": self.traditional, "simplified": self.simplified, "boilerplate": self.boilerplate}


def simplified_characters() -> tuple[str, str]:
    """The traditional characters that have a simplified form of their own, and these forms, by OpenCC's tables.

    Character by character: a phrase whose parts would be written otherwise than one by one is not known.

    Raises:
        MissingExtraError: If OpenCC is not installed.
    """
    convert = require("opencc", "chinese").OpenCC("t2s").convert
    letters = [chr(code) for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF)) for code in range(first, last + 1)]
    # Apart, so that no phrase is seen in neighbours.
    pairs = zip(letters, convert("\n".join(letters)).split("\n"), strict=True)
    changed = {old: new for old, new in pairs if old != new and len(new) == 1}
    # What a simplified form is changed into again is a second meaning of it: such a character is left alone.
    kept = {old: new for old, new in changed.items() if new not in changed}
    return "".join(kept), "".join(kept.values())
