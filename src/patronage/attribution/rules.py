"""Rules that share a conversion among its touches, by their places or their times.

Each gives the share of every touch in its own journey, and the shares of a journey add to one;
or, where one touch takes all, which touch that is.
"""

from collections.abc import Collection, Mapping

import numpy as np

from patronage.attribution.paths import FloatArray, IntArray, Paths
from patronage.errors import DataError, SpecError

DIRECT = ("direct", "(direct)")
"""Names of visits without a source, whatever their case."""

U_SHAPE = {"first": 0.4, "middle": 0.2, "last": 0.4}
W_SHAPE = {"first": 0.3, "stage": 0.3, "middle": 0.1, "last": 0.3}


def credited(paths: Paths, shares: FloatArray | IntArray, weights: FloatArray) -> FloatArray:
    """Add up what each channel gets.

    Parameters
    ----------
    paths
    shares
        What a rule gives: shares, shape (n_touches,), or chosen touches, integers of shape
        (n_rows,).
    weights : shape (n_rows,)
        Conversions or value.

    Returns
    -------
    shape (n_channels,)
    """
    n_channels = len(paths.channels)
    if np.issubdtype(shares.dtype, np.integer):
        got = np.bincount(paths.codes[shares.astype(np.int64)], weights, n_channels)
    else:
        got = np.bincount(paths.codes, shares * np.repeat(weights, paths.lengths), n_channels)
    return got.astype(float)


def first(paths: Paths) -> IntArray:
    """All to the first touch.

    Returns
    -------
    shape (n_rows,), the chosen touch of each journey
    """
    return paths.starts


def last(paths: Paths) -> IntArray:
    """All to the last touch.

    Returns
    -------
    shape (n_rows,), the chosen touch of each journey
    """
    return paths.ends - 1


def last_non_direct(paths: Paths, direct: Collection[str] = DIRECT) -> IntArray:
    """All to the last touch that is not a direct visit; to the last where all are.

    Parameters
    ----------
    paths
    direct
        Names of the channels that mean direct, compared without case.

    Returns
    -------
    shape (n_rows,), the chosen touch of each journey
    """
    names = {name.casefold() for name in direct}
    is_direct = np.array([name.casefold() in names for name in paths.channels], dtype=bool)
    place = np.where(is_direct[paths.codes], -1, np.arange(len(paths.codes)))
    if not len(place):
        return place
    latest = np.maximum.reduceat(place, paths.starts)
    return np.where(latest < 0, paths.ends - 1, latest)


def linear(paths: Paths) -> FloatArray:
    """Give the same to every touch.

    Returns
    -------
    shape (n_touches,), shares
    """
    return np.repeat(1.0 / paths.lengths, paths.lengths)


def positions(paths: Paths, weights: Mapping[str, float]) -> FloatArray:
    """Give fixed parts to the first touch, the last, those of stages, and those in between.

    Touches in between share the weight of "middle"; the marked touches share the rest in
    proportion to their weights, which add where one touch is marked twice, and share all of it
    where nothing is in between. So the U shape gives 100 on one touch and 50/50 on two, and a
    journey with two stages has two touches of the weight of "stage".

    Parameters
    ----------
    paths
        With stages where `weights` has "stage".
    weights
        By "first", "stage", "middle", "last"; not negative, adding to one.

    Raises
    ------
    DataError
        If stages are asked for and the table has none.
    SpecError
        If the weights have other names, are negative or don't add to one.

    Examples
    --------
    >>> import pandas as pd
    >>> from patronage.attribution.paths import read_paths
    >>> paths = read_paths(pd.DataFrame({"path": ["a > b > c > d"], "conversions": [1]}))
    >>> positions(paths, U_SHAPE)
    array([0.4, 0.1, 0.1, 0.4])
    """
    _check_weights(weights)
    marked = np.zeros(len(paths.codes))
    is_marked = np.zeros(len(paths.codes), dtype=bool)
    places = {"first": paths.starts, "last": paths.ends - 1}
    if weights.get("stage", 0.0) > 0:
        if paths.stage is None:
            raise DataError(
                "journeys: column(s) stage not found, which weights for stages need. Say at which "
                "touch, counted from 1, the stage was reached."
            )
        places["stage"] = paths.stage
    for name, at in places.items():
        np.add.at(marked, at, weights.get(name, 0.0))
        is_marked[at] = True
    in_between = _per_journey(paths, (~is_marked).astype(float))
    total = _per_journey(paths, marked)
    middle = np.where(in_between > 0, np.where(total > 0, weights.get("middle", 0.0), 1.0), 0.0)
    n_marked = _per_journey(paths, is_marked.astype(float))
    # Nothing in between and no weight on what is marked: there is no reason to prefer one.
    part = np.where(total > 0, marked / np.where(total > 0, total, 1.0), is_marked / n_marked)
    return np.where(is_marked, (1.0 - middle) * part, middle / np.maximum(in_between, 1.0))


def time_decay(paths: Paths, half_life_days: float = 7.0) -> FloatArray:
    """Half the share for every half-life between the touch and the conversion.

    Raises
    ------
    DataError
        If the table says nothing of times.
    SpecError
        If the half-life is not above zero.

    Examples
    --------
    >>> import pandas as pd
    >>> from patronage.attribution.paths import read_paths
    >>> deal = pd.DataFrame({"path": ["fair > call"], "days_before": ["7 > 0"], "conversions": [1]})
    >>> time_decay(read_paths(deal, extras=["days_before"])).round(3)
    array([0.333, 0.667])
    """
    if not half_life_days > 0:
        raise SpecError(f"half_life_days is {half_life_days:g}; pass a number of days above 0.")
    if paths.days_before is None:
        raise DataError(
            "journeys: column(s) days_before not found, which time_decay needs. Give the days "
            'from each touch to the conversion, as "7 > 0", or make journeys from touches.'
        )
    if not len(paths.codes):
        return np.zeros(0)
    # Counted from the journey's latest touch, so that old journeys don't underflow to nothing.
    latest = np.repeat(np.minimum.reduceat(paths.days_before, paths.starts), paths.lengths)
    weight = np.exp2((latest - paths.days_before) / half_life_days)
    return weight / _per_journey(paths, weight)


def equal_split(paths: Paths) -> FloatArray:
    """Give the same to every distinct channel of the journey, on its first touch."""
    key = paths.row * max(len(paths.channels), 1) + paths.codes
    _, at = np.unique(key, return_index=True)
    shares = np.zeros(len(paths.codes))
    shares[at] = 1.0
    return shares / _per_journey(paths, shares)


def _per_journey(paths: Paths, per_touch: FloatArray) -> FloatArray:
    """Sum over the journey of each touch, at each of its touches."""
    if not len(per_touch):
        return per_touch
    return np.repeat(np.add.reduceat(per_touch, paths.starts), paths.lengths)


def _check_weights(weights: Mapping[str, float]) -> None:
    unknown = sorted(set(weights) - set(W_SHAPE))
    if unknown:
        raise SpecError(
            f"weights names {unknown[0]!r}; it may give first, stage, middle and last a weight."
        )
    total = sum(weights.values())
    if not all(weight >= 0 for weight in weights.values()) or not np.isclose(total, 1.0):
        raise SpecError(
            f"weights are {dict(weights)}, which add to {total:g}; pass parts, none negative, "
            "that add to 1."
        )
