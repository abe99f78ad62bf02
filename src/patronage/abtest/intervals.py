"""Tests and intervals for two arms, for any critical value.

A fixed test, a sequential one and a Bayesian one differ in the critical value alone, so these
functions take it as an argument: 1.96 for one look at 95%, more where looking often is allowed.
Each interval holds exactly those values that its test would not reject, so the interval leaves
out zero when, and only when, the p value is small.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.special import stdtr

# A score that has no upper bound is cut here: far above any critical value, below infinity.
FAR = 1e9

MIN_UNITS = 2
"""A variance needs two units."""


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)


class Counts(NamedTuple):
    """Successes and units of both arms."""

    control: float
    n_control: int
    treatment: float
    n_treatment: int

    @property
    def rates(self) -> tuple[float, float]:
        """Share of successes in control and treatment."""
        return self.control / self.n_control, self.treatment / self.n_treatment


def pooled_z(counts: Counts) -> float:
    """Score statistic of equal proportions, 0 where every unit of both arms did the same.

    Examples
    --------
    Cookie Cats, seven-day retention:

    >>> round(pooled_z(Counts(8279, 45489, 8502, 44700)), 7)
    3.1643589
    """
    return _difference_score(counts, 0.0)


def difference_interval(counts: Counts, critical: float) -> Interval:
    """Score interval of the difference of two proportions, treatment less control.

    References
    ----------
    Mee (1984), Biometrics 40, 1175-1176; the constrained estimate in closed form from
    Miettinen and Nurminen (1985), Statistics in Medicine 4, 213-226.

    Examples
    --------
    Nobody converted, and 100 units a side still leave room for a difference:

    >>> [round(end, 4) for end in difference_interval(Counts(0, 100, 0, 100), 1.96)]
    [-0.037, 0.037]
    """
    p_control, p_treatment = counts.rates
    estimate = p_treatment - p_control

    def score(difference: float) -> float:
        return _difference_score(counts, difference)

    return Interval(
        _crossing(score, estimate, -1.0, critical), _crossing(score, estimate, 1.0, -critical)
    )


def lift_interval(counts: Counts, critical: float) -> Interval:
    """Score interval of the relative lift of a proportion; nan where control is zero.

    References
    ----------
    Koopman (1984), Biometrics 40, 513-517.

    Examples
    --------
    >>> [round(end, 3) for end in lift_interval(Counts(100, 1000, 120, 1000), 1.96)]
    [-0.065, 0.541]
    """
    if counts.control == 0:
        return NO_INTERVAL
    p_control, p_treatment = counts.rates
    estimate = p_treatment / p_control

    def score(ratio: float) -> float:
        return _ratio_score(counts, ratio)

    top = max(estimate, 1.0)
    while score(top) > -critical:
        top *= 2.0
    low = _crossing(score, estimate, 0.0, critical)
    return Interval(low - 1.0, _crossing(score, estimate, top, -critical) - 1.0)


class Levels(NamedTuple):
    """Level of each arm with the variance of its estimate."""

    control: float
    control_variance: float
    treatment: float
    treatment_variance: float
    shared_variance: float = 0.0
    """Part of both variances that moves the two levels together (CUPED's centre)."""

    @property
    def effect(self) -> float:
        """Treatment less control."""
        return self.treatment - self.control

    @property
    def standard_error(self) -> float:
        """Of the effect; nan where a variance is unknown."""
        return math.sqrt(self.control_variance + self.treatment_variance)


def fieller_lift(levels: Levels, critical: float) -> Interval:
    """Interval of the relative lift of a mean: exact where the means are normal.

    nan where control is not clearly above zero, as any lift would then be possible.

    References
    ----------
    Fieller (1954), J. Royal Statistical Society B 16, 175-185.

    Examples
    --------
    >>> [round(end, 4) for end in fieller_lift(Levels(10.0, 0.04, 11.0, 0.04), 1.96)]
    [0.0433, 0.16]
    """
    square = critical**2
    control, treatment = levels.control, levels.treatment
    shared = levels.shared_variance
    a = control**2 - square * (levels.control_variance + shared)
    if not (control > 0 and a > 0):
        return NO_INTERVAL
    b = control * treatment - square * shared
    c = treatment**2 - square * (levels.treatment_variance + shared)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Interval((b - root) / a - 1.0, (b + root) / a - 1.0)


def welch_df(variances: tuple[float, float], units: tuple[int, int]) -> float:
    """Degrees of freedom of Welch and Satterthwaite; nan where they cannot be had.

    `variances` are those of the two estimates, not of single units.

    Examples
    --------
    >>> round(welch_df((0.1, 0.1), (10, 10)), 6)
    18.0
    """
    total = sum(variances)
    if min(units) < MIN_UNITS or not total > 0:
        return math.nan
    # By shares, since squares of tiny variances would underflow.
    below = sum((v / total) ** 2 / (n - 1) for v, n in zip(variances, units, strict=True))
    return 1.0 / below


def two_sided_t(statistic: float, df: float) -> float:
    """P value of a t statistic."""
    return float(2.0 * stdtr(df, -abs(statistic)))


def _crossing(
    score: Callable[[float], float], estimate: float, bound: float, target: float
) -> float:
    """Where a falling score meets the target between estimate and bound, else the bound."""
    if estimate == bound or (score(bound) - target) * math.copysign(1.0, target) <= 0:
        return bound
    return float(brentq(lambda value: score(value) - target, estimate, bound, xtol=1e-14))


def _difference_score(counts: Counts, difference: float) -> float:
    p_control, p_treatment = counts.rates
    at_control = _constrained_control_rate(counts, difference)
    at_treatment = min(max(at_control + difference, 0.0), 1.0)
    variance = (
        at_control * (1 - at_control) / counts.n_control
        + at_treatment * (1 - at_treatment) / counts.n_treatment
    )
    return _capped(p_treatment - p_control - difference, variance)


def _ratio_score(counts: Counts, ratio: float) -> float:
    p_control, p_treatment = counts.rates
    n_control, n_treatment = counts.n_control, counts.n_treatment
    a = (n_control + n_treatment) * ratio
    b = ratio * (n_treatment + counts.control) + n_control + counts.treatment
    c = counts.control + counts.treatment
    at_control = 2 * c / (b + math.sqrt(max(b * b - 4 * a * c, 0.0)))
    at_control = min(at_control, 1.0, 1.0 / ratio if ratio else 1.0)
    at_treatment = min(ratio * at_control, 1.0)
    variance = (
        at_treatment * (1 - at_treatment) / n_treatment
        + ratio**2 * at_control * (1 - at_control) / n_control
    )
    return _capped(p_treatment - ratio * p_control, variance)


def _capped(distance: float, variance: float) -> float:
    if distance == 0:
        return 0.0
    if variance <= 0:
        return math.copysign(FAR, distance)
    return min(max(distance / math.sqrt(variance), -FAR), FAR)


def _constrained_control_rate(counts: Counts, difference: float) -> float:
    """Most likely rate of control where treatment's is that plus the difference.

    The root of a cubic that has the sign of the likelihood's slope. Its closed form loses half
    its digits for rare events, so it only starts Newton's method, kept between the bounds.
    """
    n_control, n_treatment = counts.n_control, counts.n_treatment
    n, x = n_control + n_treatment, counts.control + counts.treatment
    if difference == 0:
        return x / n
    cubic = (
        ((n_treatment + 2 * n_control) * difference - n - x) / n,
        ((n_control * difference - n - 2 * counts.control) * difference + x) / n,
        counts.control * difference * (1 - difference) / n,
    )
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    for bound in (low, high):
        value, slope = _cubic(cubic, bound)
        if value == 0 and slope <= 0:
            return bound
    rate = _cubic_start(cubic)
    for _ in range(80):
        if not low < rate < high:
            rate = (low + high) / 2
        value, slope = _cubic(cubic, rate)
        low, high = (rate, high) if value > 0 else (low, rate)
        step = value / slope if slope else math.inf
        if abs(step) <= 1e-13 * rate or high - low <= 1e-15 * high:
            break
        rate -= step
    return rate


def _cubic(cubic: tuple[float, float, float], rate: float) -> tuple[float, float]:
    """Value and slope of rate^3 + a rate^2 + b rate + c."""
    a, b, c = cubic
    return ((rate + a) * rate + b) * rate + c, (3 * rate + 2 * a) * rate + b


def _cubic_start(cubic: tuple[float, float, float]) -> float:
    third = cubic[0] / 3
    radius = math.sqrt(max(third**2 - cubic[1] / 3, 0.0))
    half = third**3 - cubic[1] * cubic[0] / 6 + cubic[2] / 2
    radius = math.copysign(radius, half)
    turn = half / radius**3 if radius else 0.0
    angle = (math.pi + math.acos(min(max(turn, -1.0), 1.0))) / 3
    return 2 * radius * math.cos(angle) - third
