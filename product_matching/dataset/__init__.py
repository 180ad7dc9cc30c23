"""From a shop's table to batches: reading, checking, splitting, pairing, tf.data, and a sample shop."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Catalog": "product_matching.dataset.catalog",
        "MatchPairs": "product_matching.dataset.pairs",
        "from_tfds": "product_matching.dataset.tfds",
        "load_data": "product_matching.dataset.reading",
        "load_pairs": "product_matching.dataset.pairs",
        "make_dataset": "product_matching.dataset.batches",
        "make_sample_shop": "product_matching.dataset.sample_shop",
        "match_pairs": "product_matching.dataset.pairs",
        "pair_prefixes": "product_matching.dataset.pairs",
        "pair_records": "product_matching.dataset.pairs",
        "sample_shop": "product_matching.dataset.sample_shop",
        "to_tfds": "product_matching.dataset.tfds",
    },
)
