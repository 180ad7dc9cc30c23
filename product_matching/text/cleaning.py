"""Cleaning of product text, in the graph, so that training and serving see the same words.

Stop words stay: a BERT reads "dress without sleeves" by its small words. What goes is what no reader sees (mark-up,
control characters) and what two writers type differently for one thing (full-width digits, runs of spaces).
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_text as tf_text

from product_matching._types import Tensor

_ENTITIES = {
    "&nbsp;": " ",
    "&quot;": '"',
    "&#39;": "'",
    "&apos;": "'",
    "&lt;": "<",
    "&gt;": ">",
    "&amp;": "&",
}
# A tag begins with a letter, "/" or "!", so that "size < 40 and > 30" is left alone.
_MARKUP = r"<[a-zA-Z/!][^<>]{0,300}>"
_INVISIBLE = r"[\p{Cc}\p{Cf}\x{FFFD}]+"


def clean_text(text: Tensor, *, compatibility: bool = True) -> Tensor:
    """Cleans product text.

    Bytes that are not UTF-8 are dropped, HTML tags become spaces, the common entities their characters; NFKC turns
    full-width letters and digits into plain ones; control and invisible characters and runs of white space become
    one space. Numbers, sizes and model names are kept as they are. Case is left to the tokenizer.

    Args:
        text: String tensor of any shape, bytes in UTF-8.
        compatibility: Apply NFKC. A pretrained tokenizer, which has rules of its own, wants the text without it.

    Returns:
        String tensor of the same shape. Cleaning it again changes nothing more, but for text that hides mark-up in
        entities (`&lt;b&gt;`).
    """
    text = tf.strings.unicode_transcode(tf.convert_to_tensor(text), "UTF-8", "UTF-8", errors="replace")
    text = tf_text.normalize_utf8(text, "NFKC") if compatibility else text
    text = tf.strings.regex_replace(text, _MARKUP, " ")
    for entity, character in _ENTITIES.items():
        text = tf.strings.regex_replace(text, entity, character.replace("\\", r"\\"))
    text = tf_text.normalize_utf8(text, "NFKC") if compatibility else text
    text = tf.strings.regex_replace(text, _INVISIBLE, " ")
    text = tf.strings.regex_replace(text, r"[\s\p{Z}]+", " ")
    return tf.strings.strip(text)
