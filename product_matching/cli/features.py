"""What recommenders are told about products: the vectors and prices of a bundle's index, or of a catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from product_matching.bundle import Bundle
    from product_matching.dataset import Catalog
    from product_matching.recommendation import ProductFeatures
    from product_matching.search import ProductIndex

PRICE = "price"


def features_of_index(index: ProductIndex) -> ProductFeatures:
    """Ids, vectors and prices of what is indexed."""
    from product_matching.recommendation import ProductFeatures

    return ProductFeatures.of(index.product_ids, index.exact.vectors, prices=_prices(index.products.frame))


def features_of_catalog(catalog: Catalog, bundle: Bundle | None = None) -> ProductFeatures:
    """Ids and prices of a catalogue; with a bundle, also the vectors that it makes of the products."""
    from product_matching.recommendation import ProductFeatures

    vectors = None
    if bundle is not None:
        from product_matching.cli.progress import bar, step
        from product_matching.search import embed_products

        with step("embed the catalogue"), bar("embed", len(catalog)) as progress:
            vectors = embed_products(bundle, catalog, progress=progress)
    return ProductFeatures.of(catalog.table["product_id"].tolist(), vectors, prices=_prices(catalog.table))


def index_of(bundle: Bundle) -> ProductIndex | None:
    """The index of a bundle, None where there is none yet."""
    if not bundle.index_folder.is_dir():
        return None
    from product_matching.search import ProductIndex

    return ProductIndex.load(bundle.index_folder)


def _prices(table: pd.DataFrame) -> pd.Series | None:
    import pandas as pd

    return pd.to_numeric(table[PRICE], errors="coerce") if PRICE in table.columns else None
