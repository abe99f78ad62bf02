"""Shapley values of channels, exact or sampled and said to be so.

A Shapley value shares what a game is worth among its players. The game here is made of observed
journeys: it describes who took part in them, and says nothing of what would have happened without
a channel. Only an experiment does.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy import sparse

from patronage.attribution.paths import FloatArray, IntArray, Paths
from patronage.errors import SpecError

EXACT_CHANNELS = 12
"""Up to here the rate game is worked out over all sets of channels."""

BLOCK = 256
"""Permutations worked on at a time."""


class Shapley(NamedTuple):
    """Credit of each channel, adding to the total.

    Attributes
    ----------
    credit : shape (n_channels,)
    standard_error : shape (n_channels,)
        Of the sampling of orders, not of the data; zero where the value is exact.
    method
        "exact" or "sampled".
    """

    credit: FloatArray
    standard_error: FloatArray
    method: str


def rate_game(paths: Paths, worth: FloatArray, *, n_orders: int = 2_000, seed: int = 0) -> Shapley:
    """Shapley values of the game in which a set of channels is worth the rate of its journeys.

    v(S) = worth of the journeys that used no channel outside S, over the number of these
    journeys, and 0 where there are none. It sees journeys that did not convert, which the game of
    conversions (`equal split over distinct channels`) does not; a channel that joins journeys
    which fail gets negative credit. Exact up to 12 channels, beyond them an average over random
    orders of the channels.

    Parameters
    ----------
    paths
    worth : shape (n_rows,)
        Conversions or value.
    n_orders : at least 2
        Random orders to average over, where it is sampled.
    seed
        Of these orders.

    Returns
    -------
    Shapley
        Credit scaled by the number of journeys, so that it adds to the sum of `worth`.

    References
    ----------
    Shapley (1953), "A value for n-person games". Castro, Gomez and Tejada (2009), "Polynomial
    calculation of the Shapley value based on sampling", Computers & Operations Research 36(5).

    Examples
    --------
    >>> import pandas as pd
    >>> from patronage.attribution.paths import read_paths
    >>> paths = read_paths(pd.DataFrame(
    ...     {"path": ["a", "b", "a > b"], "conversions": [2, 1, 1], "nulls": [2, 0, 0]}))
    >>> rate_game(paths, paths.conversions).credit
    array([0.5, 3.5])
    """
    if n_orders < 2:  # noqa: PLR2004 - a deviation needs two
        raise SpecError(f"n_orders is {n_orders}; pass at least 2, or no error can be told.")
    n_channels = len(paths.channels)
    journeys = paths.conversions + paths.nulls
    total = float(journeys.sum())
    if total == 0:
        return Shapley(np.zeros(n_channels), np.zeros(n_channels), "exact")
    sets, which = _pooled(paths)
    worth, journeys = (
        np.bincount(which, w, sets.shape[0]).astype(float) for w in (worth, journeys)
    )
    if n_channels <= EXACT_CHANNELS:
        credit = _exact(sets, worth, journeys) * total
        return Shapley(credit, np.zeros(n_channels), "exact")
    gains = np.concatenate(
        [
            _gains(sets, worth, journeys, orders)
            for orders in _orders(n_channels, n_orders, np.random.default_rng(seed))
        ]
    )
    error = gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    return Shapley(gains.mean(axis=0) * total, error * total, "sampled")


def _rate(worth: FloatArray, journeys: FloatArray) -> FloatArray:
    return np.where(journeys > 0, worth / np.where(journeys > 0, journeys, 1.0), 0.0)


def _exact(used: sparse.csr_array, worth: FloatArray, journeys: FloatArray) -> FloatArray:
    """Weighted gains over all sets; sums over subsets in one pass a channel."""
    n_channels = used.shape[1]
    sets = np.bitwise_or.reduceat(1 << used.indices.astype(np.int64), used.indptr[:-1])
    inside = np.stack([np.bincount(sets, w, 1 << n_channels) for w in (worth, journeys)])
    for channel in range(n_channels):
        halves = inside.reshape(2, -1, 2, 1 << channel)
        halves[:, :, 1] += halves[:, :, 0]
    rate = _rate(inside[0], inside[1])
    size = np.array([bin(s).count("1") for s in range(1 << n_channels)])
    # Orders in which exactly the set stands before the channel, of all orders.
    factorial = np.cumprod([1.0, *range(1, n_channels + 1)])
    weight = factorial[:n_channels] * factorial[:n_channels][::-1] / factorial[n_channels]
    values = np.zeros(n_channels)
    for channel in range(n_channels):
        rates, sizes = rate.reshape(-1, 2, 1 << channel), size.reshape(-1, 2, 1 << channel)
        values[channel] = (weight[sizes[:, 0]] * (rates[:, 1] - rates[:, 0])).sum()
    return values


def _orders(n_channels: int, n_orders: int, rng: np.random.Generator) -> list[IntArray]:
    """Place of every channel in random orders, in blocks of rows."""
    sizes = [min(BLOCK, n_orders - at) for at in range(0, n_orders, BLOCK)]
    return [np.argsort(rng.random((size, n_channels)), axis=1) for size in sizes]


def _gains(
    used: sparse.csr_array, worth: FloatArray, journeys: FloatArray, places: IntArray
) -> FloatArray:
    """Tell what each channel adds when it joins, in each order: shape (n_orders, n_channels)."""
    n_channels = used.shape[1]
    gains = np.empty(places.shape)
    for at, place in enumerate(places):
        # A journey is inside from the moment its last channel joins.
        complete = np.maximum.reduceat(place[used.indices], used.indptr[:-1])
        rate = _rate(
            np.cumsum(np.bincount(complete, worth, n_channels)),
            np.cumsum(np.bincount(complete, journeys, n_channels)),
        )
        gains[at] = np.diff(rate, prepend=0.0)[place]
    return gains


def channel_sets(paths: Paths) -> sparse.csr_array:
    """Which distinct channels each journey used, shape (n_rows, n_channels), ones."""
    used = sparse.csr_array(
        (np.ones(len(paths.codes)), (paths.row, paths.codes)),
        shape=(len(paths.lengths), len(paths.channels)),
    )
    used.sum_duplicates()
    used.data[:] = 1.0
    return used


def _pooled(paths: Paths) -> tuple[sparse.csr_array, IntArray]:
    """Distinct sets of channels, and which of them each journey used."""
    used = channel_sets(paths)
    width = np.dtype(np.int32).itemsize
    # The sorted channels of a journey as bytes are a key that Arrow hashes.
    keys = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(),
        used.shape[0],
        [
            None,
            pa.py_buffer(used.indptr.astype(np.int64) * width),
            pa.py_buffer(used.indices.astype(np.int32)),
        ],
    ).dictionary_encode()
    which = keys.indices.to_numpy().astype(np.int64)
    sample = np.zeros(len(keys.dictionary), dtype=np.int64)
    sample[which] = np.arange(len(which))
    return sparse.csr_array(used[sample]), which
