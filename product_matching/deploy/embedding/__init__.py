"""Embedding a catalogue that is too large for one process: in shards, which can be gone on with."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Shards": "product_matching.deploy.embedding.sharding",
        "embed_by_beam": "product_matching.deploy.embedding.beam_pipeline",
        "embed_by_workers": "product_matching.deploy.embedding.workers",
    },
)
