"""A WordPiece vocabulary learned from the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import tensorflow as tf
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

from product_matching.text.cleaning import clean_text
from product_matching.text.rules import TextRules

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def learn_vocabulary(
    texts: Iterable[str], size: int = 8000, *, lowercase: bool = True, rules: TextRules | None = None
) -> list[str]:
    """Learns word pieces, as BERT did: lower case, no accents, each Chinese character a word of its own.

    Args:
        texts: Raw texts; they go through `clean_text` first.
        size: Word pieces at most, the five special tokens among them.
        lowercase: Fold case and strip accents.
        rules: What the preprocessor does after cleaning, too.

    Returns:
        The vocabulary: the special tokens (`[PAD]` is 0), then pieces, `##` before one that continues a word.
    """
    tokenizer = _tokenizer(lowercase)
    words = count_words(texts, lowercase=lowercase, rules=rules)
    # The trainer numbers letters in the order of a hash map that differs from run to run, and breaks ties between
    # merges by these numbers. Named beforehand, in order, they and so the vocabulary are the same each time.
    letters = sorted({"##" + letter for word in words for letter in word[1:]})
    trainer = WordPieceTrainer(
        vocab_size=size, min_frequency=2, special_tokens=[*SPECIAL_TOKENS, *letters], show_progress=False
    )
    tokenizer.train_from_iterator((" ".join([word] * count) for word, count in sorted(words.items())), trainer)
    pieces = tokenizer.get_vocab()
    return sorted(pieces, key=pieces.__getitem__)


def count_words(
    texts: Iterable[str], *, lowercase: bool = True, rules: TextRules | None = None, compatibility: bool = True
) -> Counter[str]:
    """How often each word of BERT's stands in raw texts; arguments as of `learn_vocabulary` and `clean_text`."""
    tokenizer, words = _tokenizer(lowercase), Counter[str]()
    for text in _cleaned(texts, rules, compatibility):
        normal = tokenizer.normalizer.normalize_str(text)
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))
    return words


def _tokenizer(lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=lowercase, strip_accents=lowercase, handle_chinese_chars=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


def _cleaned(texts: Iterable[str], rules: TextRules | None, compatibility: bool, batch: int = 1024) -> Iterator[str]:
    iterator = iter(texts)
    while chunk := list(islice(iterator, batch)):
        cleaned = clean_text(tf.constant(chunk), compatibility=compatibility)
        yield from (text.decode("utf-8") for text in (rules(cleaned) if rules else cleaned).numpy())
