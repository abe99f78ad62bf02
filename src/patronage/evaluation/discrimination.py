"""How well scores put those with the outcome before those without: AUC, lift, capture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
SHARES = (0.05, 0.10, 0.20)


class Interval(NamedTuple):
    """An estimate with the bounds of its interval."""

    value: float
    low: float
    high: float


class Lift(NamedTuple):
    """What the top of a ranking holds.

    Attributes
    ----------
    share : of the rows that are taken, best score first
    rate : of the outcome among them
    lift : that rate over the overall rate
    capture : share of all positives that they hold
    """

    share: float
    rate: float
    lift: float
    capture: float


class Ranked(NamedTuple):
    """Outcomes sorted by falling score, equal scores pooled; statistics take weights per row.

    Attributes
    ----------
    outcome : shape (n_rows,), 0 or 1, best score first
    ends : shape (n_distinct_scores,), where each run of equal scores ends, exclusive
    order : shape (n_rows,), the rows of the input in that order
    """

    outcome: Floats
    ends: NDArray[np.intp]
    order: NDArray[np.intp]

    def totals(self, weight: Floats | None) -> tuple[Floats, Floats]:
        """Cumulate weight of positives and negatives up to the end of each run."""
        weight = np.ones(len(self.outcome)) if weight is None else weight[self.order]
        positive = np.cumsum(weight * self.outcome)
        everyone = np.cumsum(weight)
        positive, everyone = positive[self.ends - 1], everyone[self.ends - 1]
        return positive, everyone - positive


def checked(outcome: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats]:
    """Read outcomes and scores.

    Raises
    ------
    ValueError
        Where lengths differ, a score is missing or infinite, an outcome is not 0 or 1, or only
        one class is there.
    """
    y, scores = np.asarray(outcome, np.float64), np.asarray(score, np.float64)
    if y.shape != scores.shape or y.ndim != 1:
        raise ValueError(
            f"outcome has shape {y.shape}, score {scores.shape}; pass one of each a row."
        )
    strange = ~np.isin(y, (0.0, 1.0))
    if strange.any():
        raise ValueError(
            f"outcome: {int(strange.sum()):,} of {len(y):,} values are not 0 or 1, first "
            f"{y[strange][0]}; leave rows of unknown outcome out."
        )
    if not np.isfinite(scores).all():
        raise ValueError(
            f"score: {int((~np.isfinite(scores)).sum()):,} of {len(y):,} values are missing or "
            "infinite; leave these rows out."
        )
    if not 0 < y.sum() < len(y):
        raise ValueError(
            f"outcome: {int(y.sum()):,} of {len(y):,} rows are positive; both classes are needed."
        )
    return y, scores


def ranked(outcome: ArrayLike, score: ArrayLike) -> Ranked:
    """Sort rows by falling score once, for all the statistics below."""
    y, scores = checked(outcome, score)
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, [True])) + 1
    return Ranked(y[order], ends, order)


def ranked_auc(rows: Ranked, weight: Floats | None = None) -> float:
    """Area under the ROC curve of sorted rows; NaN where the weights leave one class only."""
    positive, negative = rows.totals(weight)
    pairs = positive[-1] * negative[-1]
    if pairs <= 0:
        return float("nan")
    widths = np.diff(negative, prepend=0.0)
    heights = positive - np.diff(positive, prepend=0.0) / 2
    return float(widths @ heights / pairs)


def auc(outcome: ArrayLike, score: ArrayLike) -> float:
    """Chance that a positive scores above a negative, equal scores counting half.

    Parameters
    ----------
    outcome : shape (n_rows,), 0 or 1
    score : shape (n_rows,), higher for more likely

    References
    ----------
    Hanley and McNeil (1982), "The meaning and use of the area under a ROC curve", Radiology 143.

    Examples
    --------
    >>> auc([0, 1, 0, 1], [0.1, 0.9, 0.5, 0.5])
    0.875
    """
    return ranked_auc(ranked(outcome, score))


def average_precision(outcome: ArrayLike, score: ArrayLike) -> float:
    """Mean precision over the recall levels, equal scores taken together.

    Examples
    --------
    >>> round(average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6]), 4)
    0.8333
    """
    positive, negative = ranked(outcome, score).totals(None)
    steps = np.diff(positive, prepend=0.0) / positive[-1]
    return float(steps @ (positive / (positive + negative)))


def ranked_lift(rows: Ranked, share: float, weight: Floats | None = None) -> float:
    """Lift of the top share of sorted rows; within equal scores, the expected number."""
    positive, negative = rows.totals(weight)
    if positive[-1] <= 0:
        return float("nan")
    everyone = positive + negative
    taken = np.interp(share * everyone[-1], np.append(0.0, everyone), np.append(0.0, positive))
    return float(taken / positive[-1] / share)


def lift_table(
    outcome: ArrayLike, score: ArrayLike, *, shares: Sequence[float] = SHARES
) -> list[Lift]:
    """Say what the top 5, 10 and 20% of the ranking hold.

    Rows of equal score at the edge count by their expected share, so the figures do not hang on
    the order of the rows.

    Examples
    --------
    >>> lift_table([1, 1, 0, 0, 0], [5, 4, 3, 2, 1], shares=[0.4])
    [Lift(share=0.4, rate=1.0, lift=2.5, capture=1.0)]
    """
    rows = ranked(outcome, score)
    rate = float(rows.outcome.mean())
    if not all(0 < share <= 1 for share in shares):
        raise ValueError(f"shares={list(shares)}; each must lie above 0 and be at most 1.")
    lifts = [(share, ranked_lift(rows, share)) for share in shares]
    return [Lift(share, lift * rate, lift, lift * share) for share, lift in lifts]


def resampled(
    statistic: Callable[[Floats], Sequence[float]],
    n_rows: int,
    *,
    groups: ArrayLike | None = None,
    n_samples: int = 400,
    seed: int = 0,
) -> Floats:
    """Bootstrap statistics of weighted rows; a group's rows are drawn together.

    Parameters
    ----------
    statistic
        From how often each row was drawn, shape (n_rows,), to one or more figures.
    n_rows
    groups : shape (n_rows,), such as the customer of each snapshot row
    n_samples, seed

    Returns
    -------
    shape (n_samples, n_figures)
    """
    codes = np.arange(n_rows) if groups is None else pd.factorize(np.asarray(groups))[0]
    n_groups = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n_samples):
        drawn = np.bincount(rng.integers(0, n_groups, n_groups), minlength=n_groups)
        draws.append(statistic(drawn[codes].astype(np.float64)))
    return np.asarray(draws, dtype=np.float64)


def interval(value: float, draws: Floats, *, level: float = 0.95) -> Interval:
    """Percentile interval of bootstrap draws; NaN bounds where no draw has the statistic."""
    known = draws[np.isfinite(draws)]
    if not len(known):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def auc_interval(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    n_samples: int = 400,
    seed: int = 0,
) -> Interval:
    """AUC with its bootstrap interval.

    Parameters
    ----------
    outcome : shape (n_rows,), 0 or 1
    score : shape (n_rows,)
    groups : shape (n_rows,)
        Ids whose rows are drawn together; several rows of a customer are not several customers.
    level, n_samples, seed

    References
    ----------
    Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13.

    Examples
    --------
    >>> found = auc_interval([0, 1] * 50, list(range(100)))
    >>> found.low < found.value < found.high
    True
    """
    rows = ranked(outcome, score)
    draws = resampled(
        lambda weight: [ranked_auc(rows, weight)],
        len(rows.outcome),
        groups=groups,
        n_samples=n_samples,
        seed=seed,
    )
    return interval(ranked_auc(rows), draws[:, 0], level=level)


def by_segment(
    outcome: ArrayLike, probability: ArrayLike, segments: Mapping[str, ArrayLike]
) -> pd.DataFrame:
    """Judge each segment by itself.

    Parameters
    ----------
    outcome : shape (n_rows,), 0 or 1
    probability : shape (n_rows,)
    segments
        Name to a mask of its rows, such as {"new": ..., "one-time buyers": ...}.

    Returns
    -------
    Frame indexed by segment: n_rows, n_positive, rate, mean_probability, auc (NaN where the
    segment has one class only).

    Examples
    --------
    >>> by_segment([0, 1, 1], [0.2, 0.9, 0.6], {"new": [True, True, False]}).loc["new", "auc"]
    np.float64(1.0)
    """
    y, p = checked(outcome, probability)
    rows = []
    for name, mask in segments.items():
        inside = np.asarray(mask, dtype=bool)
        if inside.shape != y.shape:
            raise ValueError(
                f"segment {name!r} has shape {inside.shape}; pass one value a row, {y.shape}."
            )
        n, positive = int(inside.sum()), int(y[inside].sum())
        rows.append(
            {
                "segment": name,
                "n_rows": n,
                "n_positive": positive,
                "rate": positive / n if n else np.nan,
                "mean_probability": p[inside].mean() if n else np.nan,
                "auc": auc(y[inside], p[inside]) if 0 < positive < n else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("segment")
