"""The bundle: what training leaves and everything else reads."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Bundle": "product_matching.bundle.bundle",
        "Encoders": "product_matching.bundle.encoders",
        "Head": "product_matching.bundle.head",
        "RemoteEncoders": "product_matching.bundle.towers",
        "SignatureEncoders": "product_matching.bundle.encoders",
        "free_path": "product_matching.bundle.paths",
        "load_bundle": "product_matching.bundle.bundle",
        "resolve": "product_matching.bundle.paths",
        "write_bundle": "product_matching.bundle.manifest",
    },
)
