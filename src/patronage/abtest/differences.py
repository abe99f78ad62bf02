"""Whether effects differ between units as predicted, or whether one effect fits all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from patronage.abtest.uplift_curves import check_treated, group_codes, summed
from patronage.abtest.uplift_learners import EffectModel, Trial, scores

Floats = NDArray[np.float64]


class EffectSpread(NamedTuple):
    """Whether effects differ in the way that was predicted.

    Attributes
    ----------
    slope
        Of the effect on its prediction: 1 for predictions that come true, 0 for noise.
    low, high
        Interval. At the level 1 - 2a it lies above 0 exactly where `p_value` is below a.
    p_value
        One-sided, of a slope not above 0.
    """

    slope: float
    low: float
    high: float
    p_value: float


class Slope(NamedTuple):
    """Of scores on predictions from elsewhere, with its error; nan where nothing can be said."""

    value: float
    error: float


NOTHING = EffectSpread(np.nan, np.nan, np.nan, 1.0)


def effect_spread(
    score: Floats,
    effect: Floats,
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> EffectSpread:
    """Test whether units with a higher expected effect have one: best linear predictor.

    Parameters
    ----------
    score : shape (n_rows,)
        Unbiased scores of single units' effects.
    effect : shape (n_rows,)
        Predicted by a model that saw none of these rows.
    groups : shape (n_rows,)
        Ids of rows that belong together; the error of the slope is then that of groups.
    level
        Of the interval.

    References
    ----------
    Chernozhukov, Demirer, Duflo and Fernández-Val (2018), "Generic machine learning inference
    on heterogeneous treatment effects", NBER working paper 24678.
    """
    return _combined([slope_of(score, effect, group_codes(groups, len(score)))], level)


def effects_differ(
    trial: Trial,
    folds: NDArray[np.intp],
    learn: Callable[[Trial], EffectModel],
    *,
    groups: ArrayLike | None = None,
    level: float = 0.9,
) -> EffectSpread:
    """Test whether effects differ as predicted, each fold with what the folds before it tell.

    Given its past, each fold's slope in standard errors is standard normal where nobody differs,
    so the sum of them is a martingale and the test holds its level. Predictions from all other
    folds would share rows with each other, and find differences too often.

    Parameters
    ----------
    trial
    folds : shape (n_rows,)
    learn
        Fits a learner to some of the rows.
    groups : shape (n_rows,)
        Ids of rows that belong together.
    level
        Of the interval.

    Returns
    -------
    Slope, interval and p value, all of one estimate: the folds' slopes weighed by the inverse of
    their errors, whose statistic is the sum of theirs. Folds for which everybody is predicted
    alike say nothing and count for nothing.

    Raises
    ------
    ReadinessError
        If the first fold has fewer than two units in an arm.
    """
    codes = group_codes(groups, len(folds))
    names = np.unique(folds)
    slopes = []
    for place in range(1, len(names)):
        past, now = np.isin(folds, names[:place]), folds == names[place]
        rest, part = trial.rows(past), trial.rows(now)
        check_treated(rest.treated, len(rest.treated))
        found = learn(rest).predict(part.frame)
        score = scores(part, found.untreated, found.treated)
        slopes.append(slope_of(score, found.effect, codes[now]))
    return _combined(slopes, level)


def slope_of(score: Floats, effect: Floats, codes: NDArray[np.intp]) -> Slope:
    """Give the slope of scores on predictions; its error leaves out one group at a time.

    Where a few outlying predictions decide a slope, the usual robust errors are too small, and a
    test with them finds too much.

    Parameters
    ----------
    score, effect : shape (n_rows,)
    codes : shape (n_rows,), groups of rows

    References
    ----------
    MacKinnon and White (1985), "Some heteroskedasticity-consistent covariance matrix estimators
    with improved finite sample properties", Journal of Econometrics 29(3), 305-325 (HC3).

    Examples
    --------
    >>> rows = np.arange(4)
    >>> slope_of(np.array([0.0, 2.0, 5.0, 3.0]), np.array([0.0, 0.0, 1.0, 1.0]), rows)
    Slope(value=3.0, error=2.0)
    """
    away, rest = effect - effect.mean(), score - score.mean()
    spread = float(away @ away)
    if spread <= len(away) * 1e-24:
        return Slope(np.nan, np.nan)
    slope = float(away @ rest) / spread
    places = np.unique(codes, return_inverse=True)[1]
    sums = [summed(each, places) for each in (away, rest, away**2, away * rest)]
    n = len(away) - np.bincount(places)
    x, y, xx, xy = (each.sum() - each for each in sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = xx - x**2 / n
        without = (xy - x * y / n) / left
    if (left <= spread * 1e-9).any() or not np.isfinite(without).all():
        return Slope(slope, np.inf)  # without one group everybody is predicted alike
    return Slope(slope, float(np.sqrt(np.sum((without - slope) ** 2))))


def _combined(slopes: list[Slope], level: float) -> EffectSpread:
    known = [each for each in slopes if 0 < each.error < np.inf]
    if not known:
        return NOTHING
    values, errors = np.array(known).T
    weight = float((1.0 / errors).sum())
    slope, error = float((values / errors).sum()) / weight, np.sqrt(len(known)) / weight
    reach = float(ndtri((1.0 + level) / 2.0)) * error
    return EffectSpread(slope, slope - reach, slope + reach, float(ndtr(-slope / error)))
