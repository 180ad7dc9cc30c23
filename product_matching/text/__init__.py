"""Text: cleaning, tokenising and tags in the graph, and the text encoder."""

from product_matching.text.cleaning import clean_text
from product_matching.text.encoder import TextEncoder
from product_matching.text.preprocessor import TextPreprocessor
from product_matching.text.rules import TextRules, simplified_characters
from product_matching.text.sequence import SequencePreprocessor
from product_matching.text.tags import TagLookup
from product_matching.text.vocabulary import learn_vocabulary

__all__ = [
    "SequencePreprocessor",
    "TagLookup",
    "TextEncoder",
    "TextPreprocessor",
    "TextRules",
    "clean_text",
    "learn_vocabulary",
    "simplified_characters",
]
