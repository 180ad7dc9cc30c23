"""Random views of texts for training: a shopper types less than a seller writes."""

from __future__ import annotations

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.text.cleaning import MARKUP

_NO_WORD = rf"{MARKUP}|&#?\w+;"


def drop_fields(
    title: Tensor,
    description: Tensor,
    seed: Tensor,
    *,
    no_description: float = 0.4,
    no_title: float = 0.15,
    word: float = 0.1,
    swap: float = 0.0,
    strength: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Leaves out the description, or the title, or words of either; never all of a text.

    Args:
        title, description: string [B].
        seed: int [2]; the same seed gives the same result.
        no_description: Probability that a description is left out, where there is a title.
        no_title: Probability that a title is left out, where there is a description.
        word: Probability that a word between spaces is left out.
        swap: Probability that the two fields change places, where both have a text.
        strength: Factor of all these probabilities, 0 to 2.

    Returns:
        The two fields, string [B].
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    has_title, has_description = _has_words(title), _has_words(description)
    turn = tf.random.stateless_uniform(tf.shape(title), seed + 1) < swap * strength
    turn &= has_title & has_description
    title, description = tf.where(turn, description, title), tf.where(turn, title, description)
    draw = tf.random.stateless_uniform(tf.shape(title), seeds[0])
    drop_description = (draw < no_description * strength) & has_title
    drop_title = (draw > 1 - no_title * strength) & has_description
    return (
        tf.where(drop_title, "", _drop_words(title, word * strength, seeds[1])),
        tf.where(drop_description, "", _drop_words(description, word * strength, seeds[2])),
    )


def _has_words(text: Tensor) -> Tensor:
    """Whether cleaning will leave a letter or a digit, without all of the cleaning: string [B] to bool [B]."""
    return tf.strings.regex_full_match(tf.strings.regex_replace(text, _NO_WORD, ""), r"[\s\S]*[\pL\pN][\s\S]*")


def _drop_words(text: Tensor, share: float, seed: Tensor) -> Tensor:
    words = tf.strings.split(text)
    keep = tf.random.stateless_uniform(tf.shape(words.flat_values), seed) >= share
    thinned = tf.ragged.boolean_mask(words, words.with_flat_values(keep))
    return tf.where(thinned.row_lengths() > 0, tf.strings.reduce_join(thinned, axis=1, separator=" "), text)
