"""English titles and descriptions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from product_matching.dataset.sample_shop.kinds import KINDS
from product_matching.dataset.sample_shop.spec import ProductSpec
from product_matching.dataset.sample_shop.vocabulary import COLOURS, MATERIALS, PATTERNS, SHAPES, Words

_ORDER = ("shape", "colour", "pattern", "material")
_FLUFF = (
    "lovely",
    "classic",
    "modern",
    "stylish",
    "premium",
    "handy",
    "new-season",
    "cosy",
    "everyday",
    "trendy",
)
_NOISE = ("New!", "SALE", "Best seller", "2024 new", "Hot!", "Limited edition", "Free shipping", "Top rated")
_OPENINGS = ("This", "Our", "A", "Meet the", "Treat yourself to this", "Say hello to our", "Here is a")
_PLURAL_OPENINGS = ("These", "Our", "Meet the", "Treat yourself to these", "Say hello to our", "A pair of")
_TAILS: dict[str, tuple[str, ...]] = {
    "clothes": (
        "for everyday wear",
        "to go with everything",
        "for office and weekend",
        "with a comfy fit",
    ),
    "shoes": ("for long walks", "with a soft insole", "to keep your feet happy", "for city and country"),
    "bags": ("with room for everything", "for school, work and travel", "that is light to carry"),
    "kitchen": ("for breakfast and tea time", "that brightens any kitchen", "safe for the dishwasher"),
    "furniture": ("for your living room", "that fits small flats", "built to last for years"),
    "home": ("for a warm home", "that suits any room", "for bedroom and lounge"),
    "toys": ("for little hands", "that children love", "tested for ages three and up"),
    "accessories": ("for sunny and rainy days", "to round off any outfit", "that makes a fine gift"),
}
_FILLER = (
    "A great gift.", "Easy to clean.", "Order today, enjoy tomorrow.", "Loved by thousands of customers.",
    "Ships in a gift box.", "You will not want to be without it.", "Our customers' favourite this year.",
    "Designed with care.",
)  # fmt: skip
_SIZES: dict[str, tuple[str, ...]] = {
    "clothes": ("size S", "size M", "size L", "XL"),
    "shoes": ("size 38", "EU 41", "UK 6"),
    "bags": ("12 L", "20 L", "medium"),
    "kitchen": ("350 ml", "set of 2", "large"),
    "furniture": ("80 cm", "120 cm"),
    "home": ("40 cm", "45x45", "small"),
    "toys": ("30 cm", "1:24"),
    "accessories": ("one size", "unisex"),
}
_TYPO_SHARE = 0.04


def words_of(spec: ProductSpec, attribute: str) -> Words:
    """The words for one of the attributes colour, pattern, shape and material of the product."""
    tables = {"colour": COLOURS, "pattern": PATTERNS, "shape": SHAPES, "material": MATERIALS}
    return tables[attribute][getattr(spec, attribute)]


def pick(rng: np.random.Generator, choices: Sequence[str], first: float = 0.0) -> str:
    """One of the choices; with probability `first` the first one, which is the usual word."""
    return choices[0] if rng.random() < first else choices[int(rng.integers(len(choices)))]


def write_title(spec: ProductSpec, mentioned: Collection[str], rng: np.random.Generator) -> str:
    """A title such as "Northridge striped red ceramic mug, 350 ml"."""
    parts = [spec.brand] if rng.random() < 0.7 else []
    if rng.random() < 0.25:
        parts.append(pick(rng, _FLUFF))
    parts.append(_phrase(spec, mentioned, rng))
    title = " ".join(parts)
    if rng.random() < 0.3:
        title += f", {pick(rng, _SIZES[spec.group])}" if rng.random() < 0.6 else f" {model_number(rng)}"
    if rng.random() < 0.15:
        noise = pick(rng, _NOISE)
        title = f"{noise} {title}" if rng.random() < 0.6 else f"{title} - {noise}"
    return _recase(_typo(title, rng), rng)


def write_description(spec: ProductSpec, mentioned: Collection[str], rng: np.random.Generator) -> str:
    """One or two sentences of advertisement that hold the mentioned attributes."""
    apart = {attribute for attribute in mentioned if rng.random() < 0.3}
    opening = pick(rng, _PLURAL_OPENINGS if KINDS[spec.kind].plural else _OPENINGS)
    phrase = _phrase(spec, set(mentioned) - apart, rng)
    if rng.random() < 0.5:
        phrase = f"{pick(rng, _FLUFF)} {phrase}"
    if opening[-2:].strip().lower() == "a" and phrase[0] in "aeiou":
        opening += "n"
    first = f"{opening} {phrase} {pick(rng, _TAILS[spec.group])}."
    second = _second_sentence(spec, apart, rng)
    return _typo(f"{first} {second}".strip(), rng)


def model_number(rng: np.random.Generator) -> str:
    """A model number such as "MX-204"."""
    letters = "".join("ABCDEGHKLMNPRSTVXZ"[place] for place in rng.integers(0, 18, 2))
    return f"{letters}-{rng.integers(100, 990)}"


def _phrase(spec: ProductSpec, mentioned: Collection[str], rng: np.random.Generator) -> str:
    """Noun with its attributes before and after it: "round blue plate with dots"."""
    before, after = [], []
    order = [attribute for attribute in _ORDER if attribute in mentioned]
    if rng.random() < 0.4:
        order = [order[place] for place in rng.permutation(len(order))]
    for attribute in order:
        words = words_of(spec, attribute)
        # At most two things follow the noun, or the sentence limps.
        if rng.random() < 0.22 and len(after) < 2:
            after.append(_ending(spec, attribute, rng))
        else:
            before.append(pick(rng, words.before, 0.5))
    return " ".join([*before, pick(rng, KINDS[spec.kind].nouns, 0.55), *after])


def _ending(spec: ProductSpec, attribute: str, rng: np.random.Generator) -> str:
    words = words_of(spec, attribute)
    if attribute == "pattern" and spec.second_colour and rng.random() < 0.4:
        second = pick(rng, COLOURS[spec.second_colour].before, 0.6)
        plain_form = words.after[0].removeprefix("with ").removeprefix("in ")
        return f"with {second} {plain_form}"
    return pick(rng, words.after)


def _second_sentence(spec: ProductSpec, apart: Collection[str], rng: np.random.Generator) -> str:
    if not apart:
        return pick(rng, _FILLER) if rng.random() < 0.55 else ""
    endings = [_ending(spec, attribute, rng) for attribute in _ORDER if attribute in apart]
    start = pick(rng, ("Comes", "Available", "You get it", "Delivered"))
    return f"{start} {' and '.join([', '.join(endings[:-1]), endings[-1]] if endings[1:] else endings)}."


def _typo(text: str, rng: np.random.Generator) -> str:
    """Now and then drops a letter of one word, or swaps two."""
    if rng.random() >= _TYPO_SHARE:
        return text
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    if not long:
        return text
    chosen = long[int(rng.integers(len(long)))]
    word = words[chosen]
    at = int(rng.integers(1, len(word) - 2))
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    words[chosen] = swapped if rng.random() < 0.5 else word[:at] + word[at + 1 :]
    return " ".join(words)


def _recase(title: str, rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.45:
        return title[0].upper() + title[1:]
    if draw < 0.8:
        return " ".join(word[:1].upper() + word[1:] for word in title.split(" "))
    return title.lower() if draw < 0.93 else title.upper()
