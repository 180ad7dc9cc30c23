"""The same products in two catalogues: blocking, scoring, one-to-one, reasons."""

from product_matching.search.linking.assignment import one_to_one
from product_matching.search.linking.linking import Links, Listings, find_candidates, link_listings, measure_links

__all__ = ["Links", "Listings", "find_candidates", "link_listings", "measure_links", "one_to_one"]
