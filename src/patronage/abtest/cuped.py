"""From moments of two arms to their levels, with less noise where the past is known.

CUPED takes out of the outcome what was foreseeable before the test began. The same slope serves
both arms, so the expected difference stays what it was while its variance falls by the share
that the past explains.

References
----------
Deng, Xu, Kohavi and Walker (2013), "Improving the sensitivity of online controlled experiments
by utilizing pre-experiment data", WSDM. Ratios by the delta method: Deng, Knoblich and Lu (2018),
"Applying the delta method in metric analytics", KDD.
"""

import math
from typing import NamedTuple

import numpy as np

from patronage.abtest.intervals import MIN_UNITS, Levels
from patronage.abtest.statistics import FloatArray, Moments

# Below this share of the largest eigenvalue two covariates say the same thing.
COLLINEAR = 1e-10
# Below this share of its mean a column's deviation is rounding.
CONSTANT = 1e-12


class Reduced(NamedTuple):
    """Levels of both arms, and how much of the effect's variance the past took away."""

    levels: Levels
    variance_reduction: float
    covariates: int
    """Covariates that carried something; 0 says that the plain comparison was made."""


def reduce_arms(control: Moments, treatment: Moments, outcomes: int) -> Reduced:
    """Levels of two arms from the moments of their columns.

    Parameters
    ----------
    control, treatment
        Of one column (a mean) or two (numerator, denominator), then any covariates.
    outcomes : 1 for a mean, 2 for a ratio

    Returns
    -------
    Levels with variances; a variance is nan for an arm of one unit, a level is nan for a ratio
    whose denominators sum to zero. Without a covariate that varies, the plain comparison.

    Examples
    --------
    >>> arm = Moments(3, np.array([2.0]), np.array([[2.0]]))
    >>> reduce_arms(arm, arm, 1).levels.control_variance.__round__(4)
    0.3333
    """
    weights = [_gradient(arm.mean[:outcomes]) for arm in (control, treatment)]
    values = [_level(arm.mean[:outcomes]) for arm in (control, treatment)]
    plain = [
        _unit_variance(arm, weight, outcomes)
        for arm, weight in zip((control, treatment), weights, strict=True)
    ]
    slope = _slope(control, treatment, weights, outcomes)
    used = int(np.count_nonzero(slope))
    if not used:
        return Reduced(_levels(control, treatment, values, plain), 0.0, 0)
    left = [
        _residual_variance(arm, weight, slope)
        for arm, weight in zip((control, treatment), weights, strict=True)
    ]
    # Each slope fitted costs a degree of freedom, as in a regression.
    n = control.n + treatment.n
    left = [variance * (n - 2) / (n - 2 - used) for variance in left]
    shared, values = _centre(control, treatment, values, slope, outcomes)
    before = plain[0] / control.n + plain[1] / treatment.n
    after = left[0] / control.n + left[1] / treatment.n
    return Reduced(
        _levels(control, treatment, values, left, shared),
        1.0 - after / before if before > 0 else 0.0,
        used,
    )


def known_past(values: list[FloatArray]) -> list[list[FloatArray]]:
    """Covariate columns of each arm where some units have no past.

    New units get the mean of the others and, in a second column, a mark: they are then compared
    through their own mean, and lose nothing by the guess.

    Parameters
    ----------
    values : per arm, shape (n_units,)
        What was known before the test, NaN for units that were not there yet.

    Returns
    -------
    Per arm, one column where the past of all is known, else two; none where nobody's is.

    Examples
    --------
    >>> known_past([np.array([1.0, np.nan]), np.array([3.0])])[0]
    [array([1., 2.]), array([0., 1.])]
    """
    unknown = [np.isnan(arm) for arm in values]
    known = np.concatenate([arm[~gone] for arm, gone in zip(values, unknown, strict=True)])
    if not len(known):
        return [[] for _ in values]
    filled = [np.where(gone, known.mean(), arm) for arm, gone in zip(values, unknown, strict=True)]
    if not any(gone.any() for gone in unknown):
        return [[arm] for arm in filled]
    return [[arm, gone.astype(np.float64)] for arm, gone in zip(filled, unknown, strict=True)]


def _level(mean: FloatArray) -> float:
    if len(mean) == 1:
        return float(mean[0])
    return float(mean[0] / mean[1]) if mean[1] else math.nan


def _gradient(mean: FloatArray) -> FloatArray:
    """Weights that turn a unit's outcome columns into its part in the level."""
    if len(mean) == 1:
        return np.ones(1)
    if not mean[1]:
        return np.full(2, np.nan)
    return np.array([1.0 / mean[1], -mean[0] / mean[1] ** 2])


def _unit_variance(arm: Moments, weight: FloatArray, outcomes: int) -> float:
    if arm.n < MIN_UNITS:
        return math.nan
    scatter = arm.scatter[:outcomes, :outcomes]
    return max(float(weight @ scatter @ weight), 0.0) / (arm.n - 1)


def _slope(
    control: Moments, treatment: Moments, weights: list[FloatArray], outcomes: int
) -> FloatArray:
    """Pooled slopes of the outcome on the covariates, zeros where nothing can be fitted."""
    count = len(control.mean) - outcomes
    nothing = np.zeros(count)
    if not count or control.n + treatment.n - 2 - count < 1:
        return nothing
    arms = (control, treatment)
    inner = sum((arm.scatter[outcomes:, outcomes:] for arm in arms), np.zeros((count, count)))
    outer = sum(
        (
            arm.scatter[outcomes:, :outcomes] @ weight
            for arm, weight in zip(arms, weights, strict=True)
        ),
        nothing,
    )
    scale = np.sqrt(np.diag(inner))
    n = control.n + treatment.n
    centre = (control.n * control.mean + treatment.n * treatment.mean)[outcomes:] / n
    # A constant column has a spread of rounding errors, and is constant all the same.
    varies = scale > CONSTANT * np.sqrt(n) * np.abs(centre)
    if not varies.any() or not np.isfinite(outer).all():
        return nothing
    size = scale[varies]
    correlation = inner[np.ix_(varies, varies)] / np.outer(size, size)
    slope = nothing.copy()
    # Least squares of least length: two covariates that say the same share the slope.
    fitted = np.linalg.lstsq(correlation, outer[varies] / size, rcond=COLLINEAR)[0]
    slope[varies] = fitted / size
    return slope


def _residual_variance(arm: Moments, weight: FloatArray, slope: FloatArray) -> float:
    if arm.n < MIN_UNITS:
        return math.nan
    contrast = np.concatenate([weight, -slope])
    return max(float(contrast @ arm.scatter @ contrast), 0.0) / (arm.n - 1)


def _centre(
    control: Moments,
    treatment: Moments,
    values: list[float],
    slope: FloatArray,
    outcomes: int,
) -> tuple[float, list[float]]:
    """Levels as if both arms had the pooled past, and the variance of that common centre."""
    n = control.n + treatment.n
    pasts = [arm.mean[outcomes:] for arm in (control, treatment)]
    pooled = (control.n * pasts[0] + treatment.n * pasts[1]) / n
    scatter = control.scatter[outcomes:, outcomes:] + treatment.scatter[outcomes:, outcomes:]
    shared = float(slope @ scatter @ slope) / (n - 2) / n
    return shared, [
        value - float(slope @ (past - pooled)) for value, past in zip(values, pasts, strict=True)
    ]


def _levels(
    control: Moments,
    treatment: Moments,
    values: list[float],
    variances: list[float],
    shared: float = 0.0,
) -> Levels:
    return Levels(
        values[0], variances[0] / control.n, values[1], variances[1] / treatment.n, shared
    )
