"""Compare a treatment with a control: how large the effect is, and how sure that is."""

import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from patronage.abtest.bayes import beta_chance, beta_pair, beta_posterior, normal_posterior
from patronage.abtest.cuped import Reduced, known_past, reduce_arms
from patronage.abtest.intervals import (
    NO_INTERVAL,
    Counts,
    Interval,
    Levels,
    difference_interval,
    fieller_lift,
    lift_interval,
    pooled_z,
    two_sided_t,
    welch_df,
)
from patronage.abtest.sequential import DEFAULT_TUNING, sequential_critical, sequential_p
from patronage.abtest.statistics import (
    METRICS,
    FloatArray,
    Metric,
    Moments,
    as_aggregate,
    is_aggregate,
    moments_of_rows,
    moments_of_sums,
    numbers,
    numbers_or_missing,
    same_length,
)
from patronage.errors import DataError, SpecError

Method = Literal["fixed", "sequential", "bayesian"]
MEDIAN = 0.5
WHOLE = 1e-6
"""A count this close to a whole number is one; means times units round."""
METHODS: tuple[Method, ...] = ("fixed", "sequential", "bayesian")


@dataclass(frozen=True)
class Settings:
    """How arms are compared; the arguments of `compare` have the same names."""

    metric: Metric = "proportion"
    method: Method = "fixed"
    relative: bool = False
    alpha: float = 0.05
    prior: tuple[float, float] | None = None
    tuning: float = DEFAULT_TUNING
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise SpecError(f"metric is {self.metric!r}; choose from {', '.join(METRICS)}.")
        if self.method not in METHODS:
            raise SpecError(f"method is {self.method!r}; choose from {', '.join(METHODS)}.")
        if not 0 < self.alpha < 1:
            raise SpecError(f"alpha is {self.alpha}; pass a number between 0 and 1, such as 0.05.")
        if self.prior is not None and self.method != "bayesian":
            raise SpecError(f"prior goes with method='bayesian', not {self.method!r}.")


@dataclass(frozen=True)
class Comparison:
    """Treatment against control.

    Attributes
    ----------
    effect
        Treatment less control, or the lift treatment / control - 1 where `relative`. Under
        `method="bayesian"` of the posterior means of both arms.
    low, high
        Interval of the effect that covers with 1 - alpha: at one look (fixed), at all looks at
        once (sequential), or as a credible interval (bayesian). nan where an arm has too few
        units or no variance to judge by, and for a lift over a control that is not clearly
        above zero.
    p_value
        Two-sided, of no effect; the same for lift and difference. nan under bayesian, and where
        a mean has no variance. 1 for proportions where every unit did the same.
    chance_to_win
        Probability that treatment is better, under the prior (uniform rates, flat means). nan
        under sequential, where a chance read at every look would undo the protection.
    expected_loss
        What choosing treatment gives up on average if it is in truth worse, in units of the
        effect; bayesian only, else nan.
    control, treatment
        Level of each arm: rate, mean or ratio; adjusted where covariates were used.
    n_control, n_treatment
        Units.
    statistic
        z of proportions, t of means and ratios; nan under bayesian.
    standard_error
        Of the difference; nan where an arm of a mean or ratio has one unit.
    variance_reduction
        Share of the effect's variance that covariates took away, 0 without.
    metric, method, relative, alpha, tuning, higher_is_better
        As asked.
    clipped
        Values that winsorising moved.
    covariates
        Columns known before the test that levels are adjusted for, 0 for a plain comparison.
    """

    effect: float
    low: float
    high: float
    p_value: float
    chance_to_win: float
    expected_loss: float
    control: float
    treatment: float
    n_control: int
    n_treatment: int
    statistic: float
    standard_error: float
    variance_reduction: float
    metric: Metric
    method: Method
    relative: bool
    alpha: float
    tuning: float
    higher_is_better: bool
    clipped: int = 0
    covariates: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


class Test(NamedTuple):
    """What a method says: effect, interval and the figures beside it."""

    effect: float
    interval: Interval
    p_value: float = math.nan
    statistic: float = math.nan
    chance_to_win: float = math.nan
    expected_loss: float = math.nan


def compare(  # noqa: PLR0913 - the public signature is fixed
    control: Any,  # noqa: ANN401 - sums or rows, in whatever form the caller has
    treatment: Any,  # noqa: ANN401 - as control
    metric: Metric = "proportion",
    method: Method = "fixed",
    *,
    relative: bool = False,
    alpha: float = 0.05,
    covariates: tuple[Any, Any] | bool = False,
    winsorise: float | None = None,
    prior: tuple[float, float] | None = None,
    tuning: float = DEFAULT_TUNING,
    higher_is_better: bool = True,
) -> Comparison:
    """Compare two arms of an experiment, from sums or from rows.

    Parameters
    ----------
    control, treatment
        Sums of an arm: an `Aggregate` or a mapping with n and sum (proportion), sum_of_squares
        (mean), denominator_sum, denominator_sum_of_squares and cross_product (ratio). Or rows,
        one a unit: numbers of shape (n_units,), for a proportion 0/1 or booleans; for a ratio
        the pair (numerators, denominators), or shape (n_units, 2).
    metric : "proportion", "mean" or "ratio"
        A ratio is sum of numerators / sum of denominators, its units those that were randomised
        (revenue per order, by customer).
    method : "fixed", "sequential" or "bayesian"
        One look at the planned end; any number of looks; posterior probabilities.
    relative
        Effect and interval as lift, treatment / control - 1.
    alpha
        Chance of an interval to miss, 0.05 for 95% intervals.
    covariates
        What was known of each unit before the test, as (control's, treatment's), NaN for units
        without a past: CUPED. True takes the covariate sums of aggregates.
    winsorise
        Off by default. 0.99 moves values of both arms beyond the pooled 1% and 99% quantiles to
        these, of rows of a mean or ratio; the effect is then one of capped values.
    prior
        bayesian only: (a, b) of a Beta for the rates, or mean and standard deviation of the
        difference of means. Default: uniform, flat.
    tuning
        sequential only: units of both arms together where the interval is narrowest.
    higher_is_better
        Turns chance_to_win and expected_loss round where a low value is good.

    Raises
    ------
    SpecError
        If arguments do not fit together, or sums that the metric needs are not there.
    DataError
        If an arm is empty, values are missing (with how many), or sums contradict each other.

    Notes
    -----
    Proportions: score test and score intervals (Mee 1984, Koopman 1984), which stay finite with
    no or all conversions. Means: Welch. Ratios: delta method. Lifts of means and ratios:
    Fieller. Sequential: asymptotic confidence sequences (Waudby-Smith et al. 2021). With
    covariates a proportion is compared as a mean.

    Examples
    --------
    >>> found = compare({"n": 45489, "sum": 8279}, {"n": 44700, "sum": 8502})
    >>> print(f"{found.effect:.4f} {found.low:.4f} {found.high:.4f} p {found.p_value:.5f}")
    0.0082 0.0031 0.0133 p 0.00155
    >>> compare([3.0, 4.0, 5.0], [5.0, 6.0, 7.0], metric="mean").effect
    2.0
    """
    settings = Settings(metric, method, relative, alpha, prior, tuning, higher_is_better)
    sums = is_aggregate(control)
    if sums != is_aggregate(treatment):
        raise SpecError("one arm is sums and the other rows; pass both in the same form.")
    if sums:
        if winsorise is not None or not isinstance(covariates, bool):
            raise SpecError("winsorise and arrays of covariates need rows, and these are sums.")
        arms = [
            moments_of_sums(as_aggregate(sample, name), metric, name, covariate=covariates)
            for sample, name in ((control, "control"), (treatment, "treatment"))
        ]
        return compare_moments(arms[0], arms[1], settings)
    columns = [
        outcome_columns(sample, metric, name)
        for sample, name in ((control, "control"), (treatment, "treatment"))
    ]
    columns, clipped = winsorised(columns, metric, winsorise)
    pasts = _pasts(covariates, [len(arm[0]) for arm in columns])
    arms = [moments_of_rows(arm + past) for arm, past in zip(columns, pasts, strict=True)]
    return compare_moments(arms[0], arms[1], settings, clipped=clipped)


def compare_moments(
    control: Moments, treatment: Moments, settings: Settings, *, clipped: int = 0
) -> Comparison:
    """Compare two arms from their moments; see `compare`.

    Raises
    ------
    DataError
        If an arm is empty.
    SpecError
        If covariates meet a prior on rates.
    """
    for arm, name in ((control, "control"), (treatment, "treatment")):
        if arm.n == 0:
            raise DataError(f"{name}: 0 units; an effect needs at least one in each arm.")
    outcomes = 2 if settings.metric == "ratio" else 1
    reduced = reduce_arms(control, treatment, outcomes)
    if settings.metric == "proportion" and not reduced.covariates:
        counts = _counts(control, treatment)
        reduced = Reduced(_rates(counts), 0.0, 0)
        test = _proportions(counts, settings)
    else:
        if settings.metric == "proportion" and settings.prior is not None:
            raise SpecError("prior on rates does not go with covariates; leave one of them out.")
        test = _levels_test(reduced.levels, (control.n, treatment.n), settings)
    levels = reduced.levels
    return Comparison(
        effect=test.effect,
        low=test.interval.low,
        high=test.interval.high,
        p_value=test.p_value,
        chance_to_win=test.chance_to_win,
        expected_loss=test.expected_loss,
        control=levels.control,
        treatment=levels.treatment,
        n_control=control.n,
        n_treatment=treatment.n,
        statistic=test.statistic,
        standard_error=levels.standard_error,
        variance_reduction=reduced.variance_reduction,
        metric=settings.metric,
        method=settings.method,
        relative=settings.relative,
        alpha=settings.alpha,
        tuning=settings.tuning,
        higher_is_better=settings.higher_is_better,
        clipped=clipped,
        covariates=reduced.covariates,
    )


def outcome_columns(sample: Any, metric: Metric, arm: str) -> list[FloatArray]:  # noqa: ANN401
    """One column of shape (n_units,), or two for a ratio.

    Raises
    ------
    SpecError
        If a ratio does not come as two columns.
    DataError
        If values are missing, or a proportion holds anything but 0 and 1.
    """
    if metric == "ratio":
        above, below = _two_columns(sample, arm)
        y = numbers(above, f"{arm}: numerators")
        return [
            y,
            same_length(numbers(below, f"{arm}: denominators"), len(y), f"{arm}: denominators"),
        ]
    y = numbers(sample, arm)
    other = (y != 0) & (y != 1) if metric == "proportion" else np.zeros(0, dtype=bool)
    if other.any():
        raise DataError(
            f"{arm}: {int(other.sum()):,} of {len(y):,} values are neither 0 nor 1, first "
            f"{y[other][0]:g}; compare numbers with metric='mean'."
        )
    return [y]


def winsorised(
    arms: list[list[FloatArray]], metric: Metric, quantile: float | None
) -> tuple[list[list[FloatArray]], int]:
    """Move values beyond the pooled quantiles to these, column by column.

    Returns
    -------
    The columns of each arm, and how many values moved.

    Raises
    ------
    SpecError
        If the quantile is not above .5 and below 1, or the metric is a proportion.

    Examples
    --------
    >>> arms, moved = winsorised([[np.array([0.0, 1.0])], [np.array([1.0, 9.0])]], "mean", 0.9)
    >>> moved, arms[1][0].round(1)
    (2, array([1. , 6.6]))
    """
    if quantile is None:
        return arms, 0
    if metric == "proportion" or not MEDIAN < quantile < 1:
        raise SpecError(
            f"winsorise is {quantile} for a {metric}; pass a quantile above 0.5 and below 1, "
            "such as 0.99, for a mean or ratio."
        )
    moved = 0
    clipped: list[list[FloatArray]] = [[] for _ in arms]
    for column in range(len(arms[0])):
        pooled = np.concatenate([arm[column] for arm in arms])
        if not len(pooled):
            return arms, 0
        low, high = np.quantile(pooled, [1.0 - quantile, quantile])
        moved += int(((pooled < low) | (pooled > high)).sum())
        for kept, arm in zip(clipped, arms, strict=True):
            kept.append(np.clip(arm[column], low, high))
    return clipped, moved


def _two_columns(sample: Any, arm: str) -> tuple[Any, Any]:  # noqa: ANN401 - rows of any kind
    if isinstance(sample, tuple | list):
        with suppress(ValueError):  # any other number of parts
            above, below = sample
            if np.ndim(above) == np.ndim(below) == 1:
                return above, below
    elif np.shape(sample)[1:] == (2,):
        table = np.asarray(sample)
        return table[:, 0], table[:, 1]
    raise SpecError(
        f"{arm}: a ratio needs the pair (numerators, denominators), one of each a unit."
    )


def _pasts(covariates: tuple[Any, Any] | bool, units: list[int]) -> list[list[FloatArray]]:  # noqa: FBT001 - public default
    if isinstance(covariates, bool):
        if covariates:
            raise SpecError("covariates=True goes with sums; pass (control's, treatment's) here.")
        return [[], []]
    if not isinstance(covariates, tuple | list) or len(covariates) != len(units):
        raise SpecError("covariates must be a pair: control's values and treatment's.")
    names = ("control: covariates", "treatment: covariates")
    return known_past(
        [
            same_length(numbers_or_missing(past, name), n, name)
            for past, n, name in zip(covariates, units, names, strict=True)
        ]
    )


def _counts(control: Moments, treatment: Moments) -> Counts:
    """Back to counts; a sum of conversions is mean x n up to rounding."""
    x, y = (
        whole if abs(count - (whole := round(count))) < WHOLE else count
        for count in (float(arm.mean[0]) * arm.n for arm in (control, treatment))
    )
    return Counts(x, control.n, y, treatment.n)


def _rates(counts: Counts) -> Levels:
    p, q = counts.rates
    return Levels(p, p * (1 - p) / counts.n_control, q, q * (1 - q) / counts.n_treatment)


def _proportions(counts: Counts, settings: Settings) -> Test:
    alpha, n = settings.alpha, counts.n_control + counts.n_treatment
    p_control, p_treatment = counts.rates
    if settings.method == "bayesian":
        found = beta_posterior(counts, settings.prior, alpha, relative=settings.relative)
        loss = found.loss_if_higher_wins if settings.higher_is_better else found.loss_if_lower_wins
        return Test(
            found.effect,
            found.interval,
            chance_to_win=_chance(found.chance, settings),
            expected_loss=loss,
        )
    z = pooled_z(counts)
    if settings.method == "sequential":
        critical = sequential_critical(n, alpha, settings.tuning)
        p_value, chance = sequential_p(z, n, alpha, settings.tuning), math.nan
    else:
        critical = float(ndtri(1.0 - alpha / 2))
        p_value, chance = two_sided_t(z, math.inf), beta_chance(*beta_pair(counts, None))
    interval = (lift_interval if settings.relative else difference_interval)(counts, critical)
    effect = _lift(p_control, p_treatment) if settings.relative else p_treatment - p_control
    return Test(effect, interval, p_value, z, _chance(chance, settings))


def _levels_test(levels: Levels, units: tuple[int, int], settings: Settings) -> Test:
    relative = settings.relative
    if settings.method == "bayesian":
        found = normal_posterior(levels, settings.prior, settings.alpha, relative=relative)
        loss = found.loss_if_higher_wins if settings.higher_is_better else found.loss_if_lower_wins
        return Test(
            found.effect,
            found.interval,
            chance_to_win=_chance(found.chance, settings),
            expected_loss=loss,
        )
    effect = _lift(levels.control, levels.treatment) if relative else levels.effect
    error = levels.standard_error
    if not error > 0:
        return Test(effect, NO_INTERVAL)
    t = levels.effect / error
    chance = math.nan
    if settings.method == "sequential":
        n = sum(units)
        critical = sequential_critical(n, settings.alpha, settings.tuning)
        p_value = sequential_p(t, n, settings.alpha, settings.tuning)
    else:
        df = welch_df((levels.control_variance, levels.treatment_variance), units)
        critical, p_value = float(stdtrit(df, 1.0 - settings.alpha / 2)), two_sided_t(t, df)
        chance = two_sided_t(t, math.inf) / 2
        chance = 1.0 - chance if t > 0 else chance
    interval = Interval(levels.effect - critical * error, levels.effect + critical * error)
    if relative:
        interval = fieller_lift(levels, critical)
    return Test(effect, interval, p_value, t, _chance(chance, settings))


def _chance(higher: float, settings: Settings) -> float:
    chance = higher if settings.higher_is_better else 1.0 - higher
    return min(max(chance, 0.0), 1.0) if not math.isnan(chance) else chance


def _lift(control: float, treatment: float) -> float:
    return treatment / control - 1.0 if control > 0 else math.nan
