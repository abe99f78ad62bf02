"""Count the distinct purchase histories: a million customers share a few ten thousand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patronage.models.histories import Histories

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_LARGEST_KEY = 2**62
_LARGEST_WHOLE = 2.0**52


@dataclass(frozen=True)
class Column:
    """A column as whole numbers, and the way back."""

    codes: IntArray
    levels: FloatArray | None
    n_levels: int

    def values(self, codes: IntArray) -> FloatArray:
        """Decode."""
        return codes.astype(np.float64) if self.levels is None else self.levels[codes]


@dataclass(frozen=True)
class Distinct:
    """Distinct rows and the row that each customer has."""

    columns: tuple[FloatArray, ...]
    row_of: IntArray


def encode(values: FloatArray) -> Column:
    """Whole numbers stand for themselves, others for their place among the sorted values.

    Examples
    --------
    >>> encode(np.array([2.5, 0.5, 2.5])).codes
    array([1, 0, 1])
    """
    if values.size and values.min() >= 0 and values.max() < _LARGEST_WHOLE:
        codes = values.astype(np.int64)
        if (codes == values).all():
            return Column(codes, None, int(codes.max()) + 1)
    levels, codes = np.unique(values, return_inverse=True)
    return Column(codes.astype(np.int64), levels, max(len(levels), 1))


def _pack(columns: list[Column]) -> IntArray | None:
    """One integer a row that sorts like the columns; None where they need more than 62 bits."""
    size = 1
    for column in columns:
        size *= column.n_levels
    if size >= _LARGEST_KEY:
        return None
    key = columns[0].codes
    for column in columns[1:]:
        key = key * column.n_levels + column.codes
    return key


def _unpack(key: IntArray, columns: list[Column]) -> tuple[FloatArray, ...]:
    found: list[FloatArray] = []
    for column in reversed(columns):
        key, codes = np.divmod(key, column.n_levels)
        found.append(column.values(codes))
    return tuple(reversed(found))


def distinct(*arrays: FloatArray) -> Distinct:
    """Find the distinct rows of equally long columns.

    Examples
    --------
    >>> found = distinct(np.array([1.0, 0.0, 1.0]), np.array([7.0, 7.0, 7.0]))
    >>> found.columns, found.row_of
    ((array([0., 1.]), array([7., 7.])), array([1, 0, 1]))
    """
    columns = [encode(array) for array in arrays]
    key = _pack(columns)
    if key is None:
        return Distinct(arrays, np.arange(len(arrays[0])))
    keys, row_of = np.unique(key, return_inverse=True)
    return Distinct(_unpack(keys, columns), row_of)


def collapse(histories: Histories) -> Histories:
    """Sum the weights of equal histories; customers of weight zero vanish.

    Examples
    --------
    >>> same = collapse(Histories(*np.array([[2, 2], [5, 5], [9, 9], [1, 1]], dtype=float)))
    >>> same.frequency, same.weights
    (array([2.]), array([2.]))
    """
    x, t_x, age, w = histories
    columns = [encode(x), encode(t_x), encode(age)]
    key = _pack(columns)
    if key is None:
        kept = w > 0
        return Histories(x[kept], t_x[kept], age[kept], w[kept])
    if (w == 1).all():
        keys, counts = np.unique(key, return_counts=True)
        x, t_x, age = _unpack(keys, columns)
        return Histories(x, t_x, age, np.asarray(counts, dtype=np.float64))
    keys, row_of = np.unique(key, return_inverse=True)
    counts = np.bincount(row_of, w, minlength=len(keys))
    x, t_x, age = _unpack(keys[counts > 0], columns)
    return Histories(x, t_x, age, np.asarray(counts[counts > 0], dtype=np.float64))
