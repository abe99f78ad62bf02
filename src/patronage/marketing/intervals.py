"""Intervals for the figures of marketing: shares, means, totals and ratios of totals.

Every function takes arrays or numbers and gives (low, high) arrays, NaN where the data hold
no information about the spread.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

LEVEL = 0.95
"""Every interval of this room is a 95% interval, two-sided."""

Z = float(stats.norm.ppf(0.5 + LEVEL / 2))


class Interval(NamedTuple):
    """Lower and upper bound, arrays of one shape."""

    low: FloatArray
    high: FloatArray


def _bounds(low: float, high: float) -> Interval:
    return Interval(np.asarray(low), np.asarray(high))


def wilson(successes: ArrayLike, trials: ArrayLike) -> Interval:
    """Score interval of a share; honest at 0 and 1 and for few trials.

    Parameters
    ----------
    successes, trials : counts of one shape, 0 <= successes <= trials

    Returns
    -------
    Interval
        Within [0, 1]; NaN where there are no trials.

    References
    ----------
    Wilson (1927), "Probable inference", J. American Statistical Association 22, 209-212.

    Examples
    --------
    >>> low, high = wilson(17, 100)
    >>> float(low.round(4)), float(high.round(4))
    (0.1089, 0.2555)
    """
    hits, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, hits / n, np.nan)
        scale = 1 + Z**2 / n
        middle = (share + Z**2 / (2 * n)) / scale
        half = Z / scale * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
        # Rounding leaves 1e-17 at the ends, where the bound is exact.
        low = np.where(hits == 0, share, np.clip(middle - half, 0, 1))
        high = np.where(hits == n, share, np.clip(middle + half, 0, 1))
    return Interval(low, high)


def mean_interval(n: ArrayLike, total: ArrayLike, total_of_squares: ArrayLike) -> Interval:
    """Student's interval of a mean, from the count, the sum and the sum of squares.

    Returns
    -------
    Interval
        NaN where n < 2: one value says nothing about the spread.

    Examples
    --------
    >>> low, high = mean_interval(3, 6.0, 14.0)
    >>> float(low.round(4)), float(high.round(4))
    (-0.4841, 4.4841)
    """
    count, sums = np.asarray(n, dtype=float), np.asarray(total, dtype=float)
    squares = np.asarray(total_of_squares, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / count
        variance = np.maximum(squares - sums * mean, 0) / (count - 1)
        half = stats.t.ppf(0.5 + LEVEL / 2, np.maximum(count - 1, 1)) * np.sqrt(variance / count)
    known = count > 1
    return Interval(np.where(known, mean - half, np.nan), np.where(known, mean + half, np.nan))


def total_interval(total: float, total_of_squares: float) -> Interval:
    """Interval of a sum whose number of terms is random too (compound Poisson).

    The variance of such a sum is the expected sum of squares of its terms: one big order makes
    a wide interval. Terms must be independent, so sum within a customer first.

    Examples
    --------
    >>> low, high = total_interval(100.0, 2500.0)
    >>> float(low.round(2)), float(high.round(2))
    (2.0, 198.0)
    """
    half = Z * math.sqrt(total_of_squares)
    return _bounds(total - half, total + half)


def count_interval(count: ArrayLike) -> Interval:
    """Garwood's exact interval of a Poisson count.

    Examples
    --------
    >>> low, high = count_interval(0)
    >>> float(low.round(3)), float(high.round(3))
    (0.0, 3.689)
    """
    n = np.asarray(count, dtype=float)
    tail = (1 - LEVEL) / 2
    low = np.where(n > 0, stats.chi2.ppf(tail, np.maximum(2 * n, 1)) / 2, 0.0)
    return Interval(low, np.asarray(stats.chi2.ppf(1 - tail, 2 * n + 2) / 2))


def ratio_interval(top: ArrayLike, bottom: ArrayLike) -> Interval:
    """Delta-method interval of sum(top) / sum(bottom) over independent units.

    Parameters
    ----------
    top, bottom : shape (n_units,)
        The two totals of each unit, such as revenue and orders of each customer.

    Returns
    -------
    Interval
        NaN with fewer than two units or a zero denominator.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 2.11.

    Examples
    --------
    Where every unit has one in the denominator, this is the interval of a mean with z:

    >>> low, high = ratio_interval([1.0, 2.0, 3.0], [1, 1, 1])
    >>> float(low.round(4)), float(high.round(4))
    (0.8684, 3.1316)
    """
    x, y = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    # fsum: engines give rows in any order, and the figure must not depend on it.
    whole = math.fsum(y)
    if len(x) <= 1 or whole == 0:
        return _bounds(math.nan, math.nan)
    ratio = math.fsum(x) / whole
    spread = math.fsum((x - ratio * y) ** 2) * len(x) / (len(x) - 1)
    half = Z * math.sqrt(spread) / abs(whole)
    return _bounds(ratio - half, ratio + half)
