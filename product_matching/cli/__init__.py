"""The command line: one command a file; the only place that prints."""

from product_matching.cli.main import main

__all__ = ["main"]
