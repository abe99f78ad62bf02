"""What groups of customers hold and what they then brought, with how sure each figure is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from patronage.segments.shares import wilson
from patronage.segments.tables import UNKNOWN, FloatArray

LEVEL = 0.95


def with_bounds(table: pd.DataFrame, context: Mapping[str, Any]) -> pd.DataFrame:
    """Put Wilson's bounds of share_of_customers and what the figures are of beside a table.

    Parameters
    ----------
    table
        One row a group: customers and share_of_customers among others.
    context
        Column to value: window, window_days, timezone, currency.

    Returns
    -------
    pandas.DataFrame
        With n (all customers, the denominator), low and high, level, interval, and the context.

    Examples
    --------
    >>> sizes = pd.DataFrame({"tier": ["A", "B"], "customers": [5, 5],
    ...                       "share_of_customers": [0.5, 0.5]})
    >>> with_bounds(sizes, {"currency": "EUR"})[["n", "low", "high", "currency"]].round(3).loc[0]
    n              10
    low         0.237
    high        0.763
    currency      EUR
    Name: 0, dtype: object
    """
    n = int(table["customers"].sum())
    low, high = wilson(table["customers"], np.full(len(table), n))
    return table.assign(n=n, low=low, high=high, level=LEVEL, interval="wilson", **context)


def sizes(labels: ArrayLike, value: ArrayLike, *, by: str, order: Sequence[str]) -> pd.DataFrame:
    """Count customers and add up forecast value by group.

    Parameters
    ----------
    labels, value : shape (n_customers,)
        Value in currency units, NaN where no forecast is known.
    by
        Name of the column of labels.
    order
        Labels in the order in which they are shown; others follow by name.

    Returns
    -------
    pandas.DataFrame
        One row a group that is there: the label, customers, share_of_customers, lifetime_value
        (sum) and share_of_value, NaN where no value is known.
    """
    frame = pd.DataFrame({by: np.asarray(labels), "value": np.asarray(value, dtype=float)})
    grouped = frame.groupby(by)["value"]
    count, total = grouped.size(), grouped.sum(min_count=1)
    rest = sorted(set(count.index) - set(order))
    there = [name for name in [*order, *rest] if name in count.index]
    whole = total.sum() or np.nan
    return pd.DataFrame(
        {
            by: there,
            "customers": count.reindex(there).to_numpy(),
            "share_of_customers": (count.reindex(there) / (len(frame) or np.nan)).to_numpy(),
            "lifetime_value": total.reindex(there).to_numpy(),
            "share_of_value": (total.reindex(there) / whole).to_numpy(),
        }
    )


def spend_after(
    labels: ArrayLike,
    purchases: ArrayLike,
    value: ArrayLike,
    *,
    by: str,
    context: Mapping[str, Any],
) -> pd.DataFrame:
    """Add up what each group bought in a window.

    Parameters
    ----------
    labels, purchases, value : shape (n_customers,)
        Group, purchases and spend in currency units of each customer within the window.
    context
        As in `with_bounds`.

    Returns
    -------
    pandas.DataFrame
        One row a group: the label, customers, bought_again (share) with Wilson's bounds
        bought_low and bought_high, mean_spend with low and high (Student's of the mean; of its
        logarithm where nobody's spend is below zero, since spend is skewed), share_of_spend
        with share_low and share_high (delta method), n (= customers, the denominator of both
        means), level, interval, and the context.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 2.11, for the share of a total.

    Examples
    --------
    >>> table = spend_after(["A", "A", "B", "B"], [2, 1, 1, 0], [30.0, 20.0, 10.0, 0.0], by="tier",
    ...                     context={"currency": "EUR"})
    >>> table[["tier", "bought_again", "mean_spend", "share_of_spend"]].round(3)
      tier  bought_again  mean_spend  share_of_spend
    0    A           1.0        25.0           0.833
    1    B           0.5         5.0           0.167
    """
    spend = np.asarray(value, dtype=float)
    back = np.asarray(purchases) > 0
    frame = pd.DataFrame({by: np.asarray(labels), "spend": spend, "back": back})
    grouped = frame.groupby(by)
    count, hits = grouped.size(), grouped["back"].sum()
    bought_low, bought_high = wilson(hits, count)
    mean, low, high, interval = _mean(grouped["spend"])
    total = float(spend.sum())
    share = grouped["spend"].sum() / (total or np.nan)
    half = _share_error(frame, by, share, total) * stats.norm.ppf(0.5 + LEVEL / 2)
    table = pd.DataFrame(
        {
            "customers": count,
            "bought_again": hits / count,
            "bought_low": bought_low,
            "bought_high": bought_high,
            "mean_spend": mean,
            "low": low,
            "high": high,
            "share_of_spend": share,
            "share_low": share - half,
            "share_high": share + half,
        }
    )
    table = table.reset_index()
    return table.assign(n=table["customers"], level=LEVEL, interval=interval, **context)


def falls(labels: ArrayLike, value: ArrayLike) -> pd.DataFrame:
    """Compare each group's mean with the next one's, in alphabetical order of the labels.

    Parameters
    ----------
    labels, value : shape (n_customers,)
        Tier and spend; "unknown" is left out.

    Returns
    -------
    pandas.DataFrame
        One row a group but the last: group, next, fall (mean - mean of the next), low and high:
        Welch's intervals, each at 1 - 0.05 / (number of comparisons), so that all hold at once
        with 95%. NaN where a group has one customer.

    References
    ----------
    Welch (1947), "The generalization of Student's problem when several different population
    variances are involved", Biometrika 34, 28-35.

    Examples
    --------
    >>> falls(["A"] * 3 + ["B"] * 3, [30, 32, 34, 10, 12, 14]).round(2).to_dict("records")
    [{'group': 'A', 'next': 'B', 'fall': 20.0, 'low': 15.47, 'high': 24.53}]
    """
    frame = pd.DataFrame({"group": np.asarray(labels), "spend": np.asarray(value, dtype=float)})
    found = frame[frame["group"] != UNKNOWN].groupby("group")["spend"].agg(["size", "mean", "var"])
    upper, lower = found.iloc[:-1], found.iloc[1:]
    first = (upper["var"] / upper["size"]).to_numpy(dtype=float)
    second = (lower["var"] / lower["size"]).to_numpy(dtype=float)
    error = first + second
    freedom = first**2 / (upper["size"].to_numpy() - 1).clip(1)
    freedom = freedom + second**2 / (lower["size"].to_numpy() - 1).clip(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.where(error > 0, error**2 / freedom, 1.0)
    tail = (1 - LEVEL) / 2 / max(len(upper), 1)
    half = stats.t.ppf(1 - tail, degrees) * np.sqrt(error)
    fall = upper["mean"].to_numpy(dtype=float) - lower["mean"].to_numpy(dtype=float)
    names = {"group": list(upper.index), "next": list(lower.index)}
    return pd.DataFrame({**names, "fall": fall, "low": fall - half, "high": fall + half})


def order_in_words(order: pd.DataFrame) -> str:
    """Say of a table from `falls` whether the order is more than chance.

    Examples
    --------
    >>> order_in_words(falls(["A"] * 3 + ["B"] * 3, [30, 32, 34, 10, 12, 14]))
    'each surely above the next'
    >>> order_in_words(falls(["A"] * 3 + ["B"] * 3, [10, 32, 54, 10, 12, 64]))
    'A over B may be chance (3.33, -59.60 to 66.27)'
    """
    if order.empty:
        return "one tier has no order"
    unsure = order[~(order["low"] > 0)]
    told = [
        f"{row.group} over {row.next} may be chance ({row.fall:,.2f}, {row.low:,.2f} to "
        f"{row.high:,.2f})"
        for row in unsure.itertuples()
    ]
    return ", ".join(told) or "each surely above the next"


def _mean(grouped: Any) -> tuple[Any, Any, Any, list[str]]:  # noqa: ANN401 - a pandas group-by
    """Mean by group with bounds and the name of the interval."""
    n, mean = grouped.size(), grouped.mean()
    half = stats.t.ppf(0.5 + LEVEL / 2, (n - 1).clip(lower=1)) * grouped.std() / np.sqrt(n)
    skewed = (grouped.min() >= 0) & (mean > 0)
    wide = np.exp((half / mean.where(skewed)).clip(upper=700))
    low = (mean / wide).where(skewed, mean - half)
    high = (mean * wide).where(skewed, mean + half)
    return mean, low, high, ["log" if each else "student" for each in skewed]


def _share_error(frame: pd.DataFrame, by: str, share: pd.Series[Any], total: float) -> FloatArray:
    """Give the standard error of each group's share of the spend of all."""
    n = len(frame)
    if n < 2 or not total:  # noqa: PLR2004 - one customer has no spread
        return np.full(len(share), np.nan)
    squares = frame["spend"].pow(2).groupby(frame[by]).sum()
    # Residuals are spend * (1 - share) within the group and -spend * share outside.
    spread = squares * (1 - share) ** 2 + (squares.sum() - squares) * share**2
    return np.sqrt(spread.to_numpy(dtype=float) * n / (n - 1)) / abs(total)
