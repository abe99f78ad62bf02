"""How good a forecast of counts or money was, measured on the period that it was made for.

Every function takes one number a customer: what was predicted at the cutoff, and what the
holdout then brought. Nothing here knows which model made the forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

FloatArray = NDArray[np.float64]

N_SHOWN = 3


class Estimate(NamedTuple):
    """A measure with its normal interval over customers.

    Attributes
    ----------
    value
        NaN where the measure does not exist, such as a ratio to nothing.
    low, high
        Interval; NaN with fewer than two customers.
    """

    value: float
    low: float
    high: float


NOTHING = Estimate(np.nan, np.nan, np.nan)


def total_ratio(predicted: ArrayLike, actual: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Total predicted over total actual: 1 is unbiased, below 1 forecasts too little.

    Parameters
    ----------
    predicted, actual : shape (n_customers,), same unit
    level
        Of the interval, by linearising the ratio (delta method).

    Returns
    -------
    Estimate
        NaN when nothing was bought.

    Raises
    ------
    ValueError
        For NaN, infinity, or lengths that differ.

    Examples
    --------
    >>> total_ratio([1.0, 2.0, 0.0], [2, 2, 0]).value
    0.75
    """
    forecast, truth = _checked(predicted, actual)
    if truth.sum() == 0:
        return NOTHING
    ratio = forecast.sum() / truth.sum()
    influence = (forecast - ratio * truth) / truth.mean()
    return _normal(ratio, influence, level)


def mean_absolute_error(
    predicted: ArrayLike, actual: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Average distance between forecast and truth, in their unit.

    Examples
    --------
    >>> mean_absolute_error([1.0, 2.0, 0.5], [2, 2, 0]).value
    0.5
    """
    forecast, truth = _checked(predicted, actual)
    error = np.abs(forecast - truth)
    return _normal(error.mean(), error - error.mean(), level) if len(error) else NOTHING


def root_mean_squared_error(
    predicted: ArrayLike, actual: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Root of the average squared error: large misses weigh more than in the absolute error.

    Examples
    --------
    >>> root_mean_squared_error([1.0, 5.0], [1, 1]).value.__round__(6)
    2.828427
    """
    forecast, truth = _checked(predicted, actual)
    if not len(truth):
        return NOTHING
    squares = (forecast - truth) ** 2
    root = np.sqrt(squares.mean())
    influence = (squares - squares.mean()) / (2 * root) if root > 0 else squares
    return _normal(root, influence, level)


def buying_auc(predicted: ArrayLike, actual: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Chance that a customer who bought was ranked above one who did not; ties count half.

    Parameters
    ----------
    predicted, actual : shape (n_customers,)
        Buyers are customers with actual above zero.
    level
        Of the interval, by the placement variance.

    Returns
    -------
    Estimate
        NaN when all bought, or none.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), 837-845; placements by
    mid-ranks as in Sun and Xu (2014), IEEE Signal Processing Letters 21(11), 1389-1393.

    Examples
    --------
    >>> buying_auc([0.2, 0.9, 0.5, 0.5], [0, 3, 1, 0]).value
    0.875
    """
    forecast, truth = _checked(predicted, actual)
    bought = truth > 0
    n_buyers, n_others = int(bought.sum()), int((~bought).sum())
    if n_buyers == 0 or n_others == 0:
        return NOTHING
    ranks = rankdata(forecast)
    above = (ranks[bought] - rankdata(forecast[bought])) / n_others
    below = 1 - (ranks[~bought] - rankdata(forecast[~bought])) / n_buyers
    area = float(above.mean())
    if min(n_buyers, n_others) == 1:
        return Estimate(area, np.nan, np.nan)
    error = np.sqrt(above.var(ddof=1) / n_buyers + below.var(ddof=1) / n_others)
    reach = _quantile(level) * error
    return Estimate(area, max(0.0, area - reach), min(1.0, area + reach))


def share_in_top(predicted: ArrayLike, amount: ArrayLike, *, fraction: float = 0.1) -> float:
    """Part of what the holdout brought that came from the customers predicted highest.

    Parameters
    ----------
    predicted : shape (n_customers,)
    amount : shape (n_customers,)
        Purchases or spend of the holdout.
    fraction
        Of customers that counts as the top, in (0, 1].

    Returns
    -------
    Fraction of the total; NaN when the total is zero. Customers tied at the border enter in
    part, so the order of rows does not matter.

    Examples
    --------
    >>> share_in_top([9.0, 1.0, 2.0, 3.0], [6, 1, 1, 2], fraction=0.25)
    0.6
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must lie in (0, 1], 0.1 for the top decile.")
    forecast, truth = _checked(predicted, amount)
    if truth.sum() == 0:
        return np.nan
    wanted = fraction * len(forecast)
    border = np.sort(forecast)[::-1][min(int(np.ceil(wanted)), len(forecast)) - 1]
    above, tied = forecast > border, forecast == border
    part = (wanted - above.sum()) / tied.sum()
    return float((truth[above].sum() + part * truth[tied].sum()) / truth.sum())


def decile_table(
    predicted: ArrayLike, actual: ArrayLike, *, n_groups: int = 10, level: float = 0.95
) -> pd.DataFrame:
    """Predicted and actual mean by predicted decile, 1 the highest.

    Parameters
    ----------
    predicted, actual : shape (n_customers,)
    n_groups
        Groups of equal size. Ties stay in row order, so equal forecasts may straddle a border.
    level
        Of the interval of the actual mean.

    Returns
    -------
    One row a group, index `decile`: n, predicted_mean, actual_mean, actual_low, actual_high,
    actual_share (of the total). Fewer rows when there are fewer customers than groups.

    Examples
    --------
    >>> decile_table([4.0, 3.0, 2.0, 1.0], [5, 2, 2, 0], n_groups=2)[
    ...     ["n", "predicted_mean", "actual_mean"]]
            n  predicted_mean  actual_mean
    decile
    1       2             3.5          3.5
    2       2             1.5          1.0
    """
    forecast, truth = _checked(predicted, actual)
    groups = np.empty(len(forecast), dtype=np.int64)
    n_used = max(1, min(n_groups, len(forecast)))
    groups[np.argsort(-forecast, kind="stable")] = (
        np.arange(len(forecast)) * n_used // max(len(forecast), 1)
    )
    rows = []
    for group in range(n_used if len(forecast) else 0):
        mine = groups == group
        mean = _normal(truth[mine].mean(), truth[mine] - truth[mine].mean(), level)
        share = truth[mine].sum() / truth.sum() if truth.sum() else np.nan
        rows.append((int(mine.sum()), forecast[mine].mean(), *mean, share))
    columns = ["n", "predicted_mean", "actual_mean", "actual_low", "actual_high", "actual_share"]
    table = pd.DataFrame(rows, columns=columns)
    table.index = pd.RangeIndex(1, len(table) + 1, name="decile")
    return table


def interval_coverage(low: ArrayLike, high: ArrayLike, actual: ArrayLike) -> Estimate:
    """Part of the customers whose truth lies within [low, high], borders included.

    Returns
    -------
    Estimate
        With the 95% Wilson interval, which stays within [0, 1].

    Examples
    --------
    >>> interval_coverage([0, 1, 2, 0], [1, 2, 3, 0], [0, 2, 5, 0]).value
    0.75
    """
    lower, truth = _checked(low, actual)
    upper, _ = _checked(high, actual)
    n = len(truth)
    if n == 0:
        return NOTHING
    hit = float(((lower <= truth) & (truth <= upper)).mean())
    z = _quantile(0.95)
    middle = (hit + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(hit * (1 - hit) / n + (z / (2 * n)) ** 2)
    return Estimate(hit, float(middle - reach), float(middle + reach))


def rate_baseline(frequency: ArrayLike, age: ArrayLike, *, horizon: float) -> FloatArray:
    """Forecast that each customer goes on at their own rate: frequency / T x horizon.

    Parameters
    ----------
    frequency, age : shape (n_customers,)
        Repeat purchases, and T. A customer of age zero has no rate and is given none.
    horizon
        In the unit of `age`.

    Examples
    --------
    >>> rate_baseline([2, 0, 0], [10.0, 5.0, 0.0], horizon=5)
    array([1., 0., 0.])
    """
    count, span = _checked(frequency, age)
    return np.divide(count * horizon, span, out=np.zeros_like(count), where=span > 0)


def repeat_baseline(last_period: ArrayLike) -> FloatArray:
    """Forecast that the period before the cutoff, as long as the horizon, happens again.

    Parameters
    ----------
    last_period : shape (n_customers,)
        Purchases (or spend) of each customer in the last horizon before the cutoff.

    Examples
    --------
    >>> repeat_baseline([2, 0])
    array([2., 0.])
    """
    return _checked(last_period, last_period)[0].copy()


def mean_baseline(frequency: ArrayLike, age: ArrayLike, *, horizon: float) -> FloatArray:
    """Forecast that everybody buys at the average rate: total frequency / total T x horizon.

    Examples
    --------
    >>> mean_baseline([2, 0], [10.0, 10.0], horizon=5)
    array([0.5, 0.5])
    """
    count, span = _checked(frequency, age)
    rate = count.sum() / span.sum() if span.sum() > 0 else 0.0
    return np.full(len(count), rate * horizon)


@dataclass(frozen=True)
class HoldoutReport:
    """How several forecasts fared on one holdout.

    Attributes
    ----------
    measures
        Index `model`; columns total_ratio, mae, rmse, auc, each followed by its `_low` and
        `_high`, then top_decile_purchases, and top_decile_spend where spend was given.
    deciles
        `decile_table` of each model.
    n_customers, n_buyers
        In the holdout.
    total_actual
        Purchases that the holdout brought.
    """

    measures: pd.DataFrame
    deciles: Mapping[str, pd.DataFrame]
    n_customers: int
    n_buyers: int
    total_actual: float


def judge_counts(
    predictions: Mapping[str, ArrayLike],
    actual: ArrayLike,
    *,
    spend: ArrayLike | None = None,
    level: float = 0.95,
) -> HoldoutReport:
    """Measure forecasts against what the holdout brought, one row a model.

    Parameters
    ----------
    predictions
        Expected purchases by name of the model, each of shape (n_customers,).
    actual : shape (n_customers,)
        Purchases in the holdout.
    spend : shape (n_customers,), optional
        Money in the holdout, for its share in the predicted top decile.
    level
        Of the intervals, which are normal over customers.

    Raises
    ------
    ValueError
        For NaN, infinity, lengths that differ, or no forecast at all.

    Examples
    --------
    >>> report = judge_counts({"flat": [1.0, 1.0, 1.0], "seer": [0.0, 1.0, 3.0]}, [0, 1, 3])
    >>> report.measures[["total_ratio", "mae", "auc"]].round(3)
           total_ratio  mae  auc
    model
    flat          0.75  1.0  0.5
    seer          1.00  0.0  1.0
    """
    if not predictions:
        raise ValueError("predictions is empty; pass at least one forecast by name.")
    truth, _ = _checked(actual, actual)
    rows = {}
    for name, predicted in predictions.items():
        row: dict[str, float] = {}
        for measure, function in _MEASURES.items():
            value, low, high = function(predicted, truth, level=level)
            row |= {measure: value, f"{measure}_low": low, f"{measure}_high": high}
        row["top_decile_purchases"] = share_in_top(predicted, truth)
        if spend is not None:
            row["top_decile_spend"] = share_in_top(predicted, spend)
        rows[name] = row
    return HoldoutReport(
        measures=pd.DataFrame.from_dict(rows, orient="index").rename_axis("model"),
        deciles={name: decile_table(p, truth, level=level) for name, p in predictions.items()},
        n_customers=len(truth),
        n_buyers=int((truth > 0).sum()),
        total_actual=float(truth.sum()),
    )


_MEASURES = {
    "total_ratio": total_ratio,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "auc": buying_auc,
}


def _checked(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Two finite float arrays of one length; a NaN would spoil every total in silence."""
    arrays = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if arrays[0].ndim != 1 or arrays[0].shape != arrays[1].shape:
        raise ValueError(
            f"shapes are {arrays[0].shape} and {arrays[1].shape}; "
            "pass one number a customer, in the same order on both sides."
        )
    for values in arrays:
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise ValueError(
                f"{len(bad):,} of {len(values):,} values are NaN or infinite, first at position "
                f"{', '.join(map(str, bad[:N_SHOWN]))}; leave those customers out on both sides."
            )
    return arrays


def _normal(value: float, influence: FloatArray, level: float) -> Estimate:
    """Interval of a mean-like statistic from each customer's influence on it."""
    n = len(influence)
    if n < 2:  # noqa: PLR2004 - one customer has no spread
        return Estimate(float(value), np.nan, np.nan)
    reach = _quantile(level) * np.sqrt(np.dot(influence, influence) / (n - 1) / n)
    return Estimate(float(value), max(0.0, float(value - reach)), float(value + reach))


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie in (0, 1), 0.95 for 95%.")
    return float(ndtri((1 + level) / 2))
