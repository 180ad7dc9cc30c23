"""The HTTP service over a bundle and its index, and the page in front of it (extra `serve`)."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Settings": "product_matching.deploy.service.settings",
        "add_key": "product_matching.deploy.service.keys",
        "create_app": "product_matching.deploy.service.entry",
        "run_service": "product_matching.deploy.service.entry",
    },
)
