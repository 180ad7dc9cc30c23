"""Search over product vectors: exact or approximate behind one protocol, filters, and the engine that joins them."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "MilvusIndex": "product_matching.search.milvus_index",
        "Snapshot": "product_matching.search.live_index",
        "LiveIndex": "product_matching.search.live_index",
        "answer": "product_matching.search.answering",
        "Question": "product_matching.search.question",
        "blended": "product_matching.search.engine",
        "find": "product_matching.search.results",
        "Query": "product_matching.search.results",
        "Part": "product_matching.search.question",
        "Page": "product_matching.search.results",
        "Options": "product_matching.search.options",
        "Facet": "product_matching.search.facets",
        "BACKENDS": "product_matching.search.backends",
        "ExactIndex": "product_matching.search.exact",
        "Filter": "product_matching.search.filters",
        "Hit": "product_matching.search.product_table",
        "ProductIndex": "product_matching.search.product_index",
        "Result": "product_matching.search.results",
        "ScannIndex": "product_matching.search.scann_index",
        "SearchEngine": "product_matching.search.engine",
        "VectorIndex": "product_matching.search.protocol",
        "build_backend": "product_matching.search.backends",
        "build_index": "product_matching.search.indexing",
        "choose_backend": "product_matching.search.backends",
        "embed_products": "product_matching.search.indexing",
        "mask": "product_matching.search.filters",
        "parse_filter": "product_matching.search.filters",
        "scann_available": "product_matching.search.scann_index",
    },
)
