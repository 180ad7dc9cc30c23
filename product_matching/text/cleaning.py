"""Cleaning of product text, in the graph, so that training and serving see the same words.

Stop words stay: a BERT reads "dress without sleeves" by its small words (an index of words and the tags do without
them, see `noise`). What goes is what no reader sees (mark-up, control characters), what two writers type differently
for one thing (full-width digits, runs of spaces) and what says a thing twice ("!!!!").
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tensorflow_text as tf_text

from product_matching._types import Tensor

# By name and by number; "&" is last, so that one level of them is undone.
_NAMED = {
    **{
        "nbsp": " ",
        "quot": '"',
        "apos": "'",
        "lt": "<",
        "gt": ">",
        "lsquo": "‘",
        "rsquo": "’",
        "ldquo": "“",
        "rdquo": "”",
    },
    **{"ndash": "–", "mdash": "—", "hellip": "…", "bull": "•", "middot": "·", "deg": "°", "times": "×", "reg": "®"},
    **{"trade": "™", "copy": "©", "euro": "€", "pound": "£", "yen": "¥", "frac12": "½", "frac14": "¼", "eacute": "é"},
    **{"egrave": "è", "agrave": "à", "ccedil": "ç", "ntilde": "ñ", "auml": "ä", "ouml": "ö", "uuml": "ü", "szlig": "ß"},
    "amp": "&",
}
_CODES = {"nbsp": 160}  # where the character that stands for an entity is another one
# A tag begins with a letter, "/" or "!", so that "size < 40 and > 30" is left alone.
MARKUP = r"<[a-zA-Z/!][^<>]{0,300}>"
_INVISIBLE = r"[\p{Cc}\p{Cf}\x{FFFD}]+"
_TWICE = "!?,;:~*=_。、·•★☆◆◇■□●○▲△▼▽※→←♥♡❤✓✔"
"""Of these one says as much as many. RE2 knows no back-references, so each has a pattern of its own."""
_REPEATED = {**{rf"{'[' + mark + ']'}{{2,}}": mark for mark in _TWICE}, r"\.{4,}": "...", "-{3,}": "-"}


def clean_text(text: Tensor, *, compatibility: bool = True) -> Tensor:
    """Cleans product text.

    Bytes that are not UTF-8 are dropped, HTML tags become spaces, the common entities their characters; NFKC turns
    full-width letters and digits into plain ones; control and invisible characters and runs of white space become
    one space; of a repeated mark ("!!!", "★★★★") one is kept, of four full stops or more three. Numbers, sizes and
    model names are kept as they are. Case is left to the tokenizer.

    Args:
        text: String tensor of any shape, bytes in UTF-8.
        compatibility: Apply NFKC, and thin repeated marks out. A pretrained tokenizer, which has rules of its own,
            wants the text without.

    Returns:
        String tensor of the same shape. Cleaning it again changes nothing more, but for text that hides mark-up in
        entities (`&lt;b&gt;`).
    """
    text = tf.strings.unicode_transcode(tf.convert_to_tensor(text), "UTF-8", "UTF-8", errors="replace")
    text = tf_text.normalize_utf8(text, "NFKC") if compatibility else text
    text = tf.strings.regex_replace(text, MARKUP, " ")
    text = _where_any(text, r"[\s\S]*&[a-zA-Z#][\s\S]*", _without_entities)
    text = tf_text.normalize_utf8(text, "NFKC") if compatibility else text
    text = tf.strings.regex_replace(text, _INVISIBLE, " ")
    text = tf.strings.regex_replace(text, r"[\s\p{Z}]+", " ")
    if compatibility:
        text = _where_any(text, rf"[\s\S]*(?:[{_TWICE}]{{2}}|\.{{4}}|---)[\s\S]*", _without_repeats)
    return tf.strings.strip(text)


def _where_any(text: Tensor, pattern: str, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Spares a batch in which nothing needs a change the many passes of it."""
    return tf.cond(
        tf.reduce_any(tf.strings.regex_full_match(text, pattern)),
        lambda: tf.ensure_shape(change(text), text.shape),
        lambda: text,
    )


# Functions of their own: traced once, and written once in an exported graph.
_STRINGS = [tf.TensorSpec(None, tf.string)]


@tf.function(input_signature=_STRINGS)
def _without_entities(text: Tensor) -> Tensor:
    for name, character in _NAMED.items():
        code = _CODES.get(name, ord(character))
        text = tf.strings.regex_replace(text, f"&(?:{name}|#0*{code}|#[xX]0*(?i:{code:x}));", character)
    return text


@tf.function(input_signature=_STRINGS)
def _without_repeats(text: Tensor) -> Tensor:
    for pattern, kept in _REPEATED.items():
        text = tf.strings.regex_replace(text, pattern, kept)
    return text
