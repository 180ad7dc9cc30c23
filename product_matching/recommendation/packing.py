"""Batches of histories for a sequence network: many short ones share a row, so that little is padding."""

from __future__ import annotations

import keras
import numpy as np

from product_matching.recommendation.histories import Histories

Batch = tuple[dict[str, np.ndarray], np.ndarray]


class PackedRows(keras.utils.PyDataset):
    """Shuffles the users before each epoch and packs them into rows.

    Args:
        histories: Of B users; those with one event teach nothing.
        length: Places of a row, L; a longer history is cut into pieces.
        batch_size: Rows of a batch.
        seed: Of the shuffles.
    """

    def __init__(self, histories: Histories, *, length: int, batch_size: int, seed: int = 0) -> None:
        super().__init__()
        self.length, self.batch_size = length, batch_size
        self.random = np.random.default_rng(seed)
        self.pieces = _pieces(histories, length)
        self.on_epoch_end()

    def __len__(self) -> int:
        # Every epoch has as many batches: Keras asks only once.
        return self.batches

    def __getitem__(self, index: int) -> Batch:
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        tokens, targets, places, segments = (array[rows] for array in self.arrays)
        return {"tokens": tokens, "places": places, "segments": segments}, targets

    def on_epoch_end(self) -> None:
        order = self.random.permutation(len(self.pieces))
        self.arrays = packed_rows([self.pieces[place] for place in order], self.length)
        rows = len(self.arrays[0])
        if not hasattr(self, "batches"):
            self.batches = max(1, rows // self.batch_size)
        missing = self.batches * self.batch_size - rows
        if missing > 0:  # rare: this order packs tighter than the first
            self.arrays = tuple(np.pad(array, ((0, missing), (0, 0))) for array in self.arrays)


def packed_rows(pieces: list[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lays sequences one behind the other, opening a row where the last one is full.

    Args:
        pieces: Sequences of 2 to length + 1 tokens.
        length: Places of a row, L.

    Returns:
        int32 [R, L] each: tokens, the token after each, places from 0 within a sequence, and the number of the
        sequence within its row, from 1; all 0 where there is nothing.
    """
    sizes = np.array([len(piece) - 1 for piece in pieces], dtype=np.int64)
    row, column, number = _layout(sizes, length)
    arrays = tuple(np.zeros((int(row[-1]) + 1 if len(row) else 0, length), np.int32) for _ in range(4))
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    where = (np.repeat(row, sizes), np.repeat(column, sizes) + within)
    flat = np.concatenate([piece[:-1] for piece in pieces]), np.concatenate([piece[1:] for piece in pieces])
    for array, values in zip(arrays, (*flat, within, np.repeat(number, sizes)), strict=True):
        array[where] = values
    return arrays


def _layout(sizes: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, first column and number within the row of each sequence."""
    layout = np.zeros((3, len(sizes)), dtype=np.int64)
    row, column, number = 0, 0, 0
    for index, size in enumerate(sizes.tolist()):
        if column + size > length:
            row, column, number = row + 1, 0, 0
        number += 1
        layout[:, index] = row, column, number
        column += size
    return layout[0], layout[1], layout[2]


def _pieces(histories: Histories, length: int) -> list[np.ndarray]:
    """Sequences of product numbers, from 1, of 2 to length + 1; neighbouring pieces share the product at the cut."""
    pieces = []
    for products in np.split(histories.products + 1, histories.offsets[1:-1]):
        ends = range(len(products), 1, -length)
        pieces.extend(products[max(0, end - length - 1) : end] for end in ends)
    return pieces
