"""BM25 of bm25s, which logs at debug level by itself from when it is imported."""

from __future__ import annotations

import logging

import bm25s
from bm25s import BM25

__all__ = ["BM25"]

logging.getLogger(bm25s.__name__).setLevel(logging.WARNING)
