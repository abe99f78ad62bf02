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

LEAST_UNITS = 2
"""One unit says nothing about the spread."""

LEAST_FREEDOM = 2.0
"""Degrees of freedom at the least: with one alone, intervals would span ten powers of ten."""

ROUNDING = 1e-12
"""Sums of squares up to so much are nothing but rounding."""

FEW_UNITS = 30
"""Below so many, units that are all alike are taken for chance, not for certainty."""


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


def clustered_wilson(successes: ArrayLike, trials: ArrayLike) -> Interval:
    """Score interval of a share whose trials come in clusters, such as answers of one customer.

    Parameters
    ----------
    successes, trials : shape (n_units,)
        Of each unit; 0 <= successes <= trials. With one trial each this is `wilson` of the sums.

    Returns
    -------
    Interval
        Wilson's with the effective number of trials: as many independent ones as have the
        variance between units, and no more than there were. Where all trials agree the variance
        is not known, and each unit counts as one trial.

    References
    ----------
    Korn and Graubard (1998), "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24(2), 193-201; with Wilson's
    interval in place of the exact one.

    Examples
    --------
    Fifty customers who say the same twice are fifty answers, not a hundred:

    >>> low, high = clustered_wilson([2] * 20 + [0] * 30, [2] * 50)
    >>> float(low.round(4)), float(high.round(4)), [float(x.round(4)) for x in wilson(20, 50)]
    (0.2741, 0.5406, [0.2761, 0.5382])
    """
    hits, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    total, units = math.fsum(n), int((n > 0).sum())
    share = math.fsum(hits) / total if total else math.nan
    effective = total
    if units < total:
        effective = float(units)
        squares = math.fsum((hits - share * n) ** 2)
        if units > 1 and 0 < share < 1 and squares > 0:
            clusters = (total - 1) / total * units / (units - 1)
            spread = squares / (total * share * (1 - share)) * clusters
            end = 0.5 + LEVEL / 2
            fewer = float(stats.t.ppf(end, total - 1) / stats.t.ppf(end, units - 1)) ** 2
            effective = min(total / spread * fewer, total)
    return wilson(share * effective, effective)


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


def total_interval(terms: ArrayLike) -> Interval:
    """Interval of a sum whose number of terms is random too (compound Poisson).

    The variance of such a sum is the expected sum of squares of its terms: one big order makes
    a wide interval. Terms must be independent, so sum within a customer first.

    Parameters
    ----------
    terms : shape (n_units,)

    Returns
    -------
    Interval
        Fay and Feuer's gamma interval, Garwood's where all terms are 1, so that skewed revenue of
        thirty customers keeps its level; symmetric with z where a term is negative. NaN where no
        term but 0 is there: nothing says how large one would be.

    References
    ----------
    Fay and Feuer (1997), "Confidence intervals for directly standardized rates: a method based on
    the gamma distribution", Statistics in Medicine 16, 791-801.

    Examples
    --------
    >>> low, high = total_interval([10.0] * 25)
    >>> float(low.round(2)), float(high.round(2))
    (161.79, 369.05)
    """
    values = np.asarray(terms, dtype=float)
    # fsum: engines give rows in any order, and the figure must not depend on it.
    total, squares = math.fsum(values), math.fsum(values**2)
    if squares == 0:
        return _bounds(math.nan, math.nan)
    if values.min() < 0:
        half = Z * math.sqrt(squares)
        return _bounds(total - half, total + half)
    tail, most = (1 - LEVEL) / 2, float(values.max())
    more, wider = total + most, squares + most**2
    low = squares / (2 * total) * stats.chi2.ppf(tail, 2 * total**2 / squares)
    high = wider / (2 * more) * stats.chi2.ppf(1 - tail, 2 * more**2 / wider)
    return _bounds(float(low), float(high))


def spend_interval(n: ArrayLike, total: ArrayLike, total_of_squares: ArrayLike) -> Interval:
    """Interval of a mean spend, from the count, the sum and the sum of squares.

    Spend is skewed, and many spend nothing: of ten customers who bought a little, the next may
    buy much. Student's interval of such a mean ends too early above.

    Parameters
    ----------
    n, total, total_of_squares : arrays of one shape
        Of spend a customer.

    Returns
    -------
    Interval
        Gamma, with the variance between customers, and above with one customer more, who spends
        as one does where money is met. Student's where somebody is seen to be below zero: the
        sum is not above zero, or smaller than its squares allow. NaN where n < 2 or nothing was
        spent: nothing says how much it would be.

    References
    ----------
    Tiwari, Clegg and Zou (2006), "Efficient interval estimation for age-adjusted cancer rates",
    Statistical Methods in Medical Research 15, 547-569: Fay and Feuer's interval with a mean
    term in place of the largest; here for a number of customers that is given.

    Examples
    --------
    >>> low, high = spend_interval(10, 25.0, 250.0)
    >>> float(low.round(2)), float(high.round(2))
    (0.52, 7.69)
    """
    count, sums = np.asarray(n, dtype=float), np.asarray(total, dtype=float)
    squares = np.asarray(total_of_squares, dtype=float)
    student = mean_interval(count, sums, squares)
    tail = (1 - LEVEL) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (squares - sums**2 / count) * count / (count - 1)
        spread = np.maximum(spread, ROUNDING * squares)
        term = squares / sums
        more, wider = sums + term, spread + term**2
        low = spread / (2 * sums) * stats.chi2.ppf(tail, 2 * sums**2 / spread) / count
        high = wider / (2 * more) * stats.chi2.ppf(1 - tail, 2 * more**2 / wider) / count
    known = (count > 1) & (squares > 0)
    is_spend = (sums > 0) & (squares <= sums**2 * (1 + ROUNDING))
    ends = np.where(is_spend, low, student.low), np.where(is_spend, high, student.high)
    return Interval(*(np.where(known, end, np.nan) for end in ends))


def _student(units: float) -> float:
    """Two-sided quantile of Student's t for so many units, of three at the least."""
    return float(stats.t.ppf(0.5 + LEVEL / 2, max(units - 1, LEAST_FREEDOM)))


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
        Not below 0 where no unit is, and not above 1 where each unit's top is part of its bottom.
        NaN with fewer than two units, a zero denominator, or few units that are all alike.

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
    whole = math.fsum(y)
    if len(x) < LEAST_UNITS or whole == 0:
        return _bounds(math.nan, math.nan)
    ratio = math.fsum(x) / whole
    spread = math.fsum((x - ratio * y) ** 2) * len(x) / (len(x) - 1)
    if len(x) < FEW_UNITS and spread <= ROUNDING * math.fsum(x**2):
        return _bounds(math.nan, math.nan)
    half = Z * math.sqrt(spread) / abs(whole)
    low, high = ratio - half, ratio + half
    if x.min() >= 0 and y.min() >= 0:
        low = max(low, 0.0)
        high = min(high, 1.0) if (x <= y).all() else high
    return _bounds(low, high)


def growth_interval(now: ArrayLike, before: ArrayLike) -> Interval:
    """Interval of sum(now) / sum(before) over units that may be in both.

    Parameters
    ----------
    now, before : shape (n_units,)
        What each unit brought in the two periods; 0 where it was not there.

    Returns
    -------
    Interval
        Delta method on the scale of the logarithm, with Student's t of the smaller effective
        number of the two periods, so never below 0; as `ratio_interval` where a unit is negative.
        NaN where either period has fewer than two units.

    Examples
    --------
    >>> low, high = growth_interval([4.0, 2.0, 0.0, 3.0], [0.0, 2.0, 5.0, 1.0])
    >>> float(low.round(3)), float(high.round(3))
    (0.022, 58.47)
    """
    x, y = np.asarray(now, dtype=float), np.asarray(before, dtype=float)
    if min(np.count_nonzero(x), np.count_nonzero(y)) < LEAST_UNITS:
        return _bounds(math.nan, math.nan)
    if min(x.min(), y.min()) < 0:
        return ratio_interval(x, y)
    top, bottom = math.fsum(x), math.fsum(y)
    gaps = (x / top - y / bottom) ** 2
    spread = math.sqrt(math.fsum(gaps) * len(x) / (len(x) - 1))
    units = min(top**2 / math.fsum(x**2), bottom**2 / math.fsum(y**2))
    factor = math.exp(_student(units) * spread)
    return _bounds(top / bottom / factor, top / bottom * factor)


def net_share_interval(for_it: ArrayLike, against: ArrayLike, answers: ArrayLike) -> Interval:
    """Interval of (sum(for_it) - sum(against)) / sum(answers), such as promoters and detractors.

    Parameters
    ----------
    for_it, against, answers : shape (n_units,)
        Counts of each unit, such as a customer who answered several times.

    Returns
    -------
    Interval
        Bonett and Price's adjusted interval, within [-1, 1], wide also where all agree; answers
        of one unit count as many as have the variance between units. NaN with fewer than two
        units.

    References
    ----------
    Bonett and Price (2012), "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data", J. Educational and Behavioral Statistics 37(4), 479-488.

    Examples
    --------
    >>> low, high = net_share_interval([1, 1, 1], [0, 0, 0], [1, 1, 1])
    >>> float(low.round(3)), float(high.round(3))
    (-0.101, 1.0)
    """
    ups, downs, n = (np.asarray(part, dtype=float) for part in (for_it, against, answers))
    total, units = math.fsum(n), int((n > 0).sum())
    if units < LEAST_UNITS:
        return _bounds(math.nan, math.nan)
    up, down = math.fsum(ups) / total, math.fsum(downs) / total
    effective, single = float(units), total * (up + down - (up - down) ** 2)
    squares = math.fsum((ups - downs - (up - down) * n) ** 2)
    if units == total or squares > ROUNDING:
        effective = total * min(single / squares, 1.0) if squares > ROUNDING else total
    adjusted_up = (effective * up + 1) / (effective + 2)
    adjusted_down = (effective * down + 1) / (effective + 2)
    middle = adjusted_up - adjusted_down
    half = Z * math.sqrt((adjusted_up + adjusted_down - middle**2) / (effective + 2))
    return _bounds(max(middle - half, -1.0), min(middle + half, 1.0))
