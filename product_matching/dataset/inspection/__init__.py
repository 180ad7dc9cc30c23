"""What is in a catalogue and what is wrong with it: facts, duplicates, and a page that shows them."""

from product_matching.dataset.inspection.inspect import inspect_catalog, summarise
from product_matching.dataset.inspection.page import write_page

__all__ = ["inspect_catalog", "summarise", "write_page"]
