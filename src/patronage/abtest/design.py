"""Before a test: how many units it takes, and what it could find with those that there are."""

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.optimize import brentq
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from patronage.abtest.statistics import METRICS, Metric
from patronage.errors import SpecError

# Nobody has more units; a test that needs more is not to be had.
MOST_UNITS = 1e15
# From here on the t distribution is the normal one to nine digits, and much slower.
NORMAL_FROM = 1e6


class SampleSize(NamedTuple):
    """Units that a test needs.

    Attributes
    ----------
    control, treatment
        Units of each arm, rounded up; treatment is each treatment's where there are several.
    total
        All arms together.
    exact
        Control before rounding, as textbooks and statsmodels print it.
    """

    control: int
    treatment: int
    total: int
    exact: float


class DetectableEffect(NamedTuple):
    """Smallest true effect that a test finds with the power asked for.

    Attributes
    ----------
    absolute
        In units of the metric (rate points as a fraction). nan where no rate is high enough.
    relative
        As a share of the baseline; nan without one.
    standardised
        In standard deviations; for a proportion Cohen's h.
    """

    absolute: float
    relative: float
    standardised: float


def sample_size(  # noqa: PLR0913 - a design has these many sides
    effect: float,
    *,
    metric: Metric = "proportion",
    baseline: float | None = None,
    sd: float | None = None,
    relative: bool = False,
    power: float = 0.8,
    alpha: float = 0.05,
    treatment_per_control: float = 1.0,
    treatments: int = 1,
    variance_reduction: float = 0.0,
) -> SampleSize:
    """Units needed to find an effect, in a two-sided test.

    Parameters
    ----------
    effect
        Treatment less control in units of the metric, or a lift where `relative`.
    metric
        A proportion needs `baseline` (its rate); a mean or ratio needs `sd`, of one unit, and
        `baseline` where the effect is relative; take both from past data.
    power
        Chance to find the effect where it is there.
    alpha
        Chance to find one where there is none; shared among `treatments` (Bonferroni, which
        makes room for Holm's correction).
    treatment_per_control
        Units of each treatment for one of control.
    variance_reduction
        Share of the variance that CUPED will take away, 0 to 1: the squared correlation of
        metric and covariate. Not for a proportion's score test, which uses no covariate.

    Raises
    ------
    SpecError
        If the effect is zero, leads to a rate outside 0 to 1, or what the metric needs is absent.

    Notes
    -----
    Proportions by Cohen's arcsine difference and the normal distribution, means and ratios by
    the noncentral t distribution; the same figures as statsmodels' NormalIndPower and
    TTestIndPower, solved so that huge and tiny effects work too.

    Examples
    --------
    >>> sample_size(0.02, baseline=0.10)
    SampleSize(control=3835, treatment=3835, total=7670, exact=3834.595...)
    >>> round(sample_size(0.2, metric="mean", sd=1.0).exact, 1)
    393.4
    """
    _check(metric, power, alpha, treatment_per_control, treatments)
    size = _standardised(effect, metric, baseline, sd, relative=relative)
    size /= math.sqrt(1.0 - _share(variance_reduction, metric))
    reaches = _power_curve(metric, alpha / treatments, treatment_per_control)

    def missing(log_n: float) -> float:
        return reaches(size, math.exp(log_n)) - power

    # Two units an arm are the fewest that a variance can be had from.
    fewest = 2.0 * max(1.0, 1.0 / treatment_per_control)
    if missing(math.log(fewest)) >= 0:
        exact = fewest
    elif missing(math.log(MOST_UNITS)) < 0:
        raise SpecError(f"effect {effect:g} is too small: no test of any size would find it.")
    else:
        exact = math.exp(brentq(missing, math.log(fewest), math.log(MOST_UNITS), xtol=1e-13))
    control = math.ceil(exact - 1e-9)
    treatment = math.ceil(exact * treatment_per_control - 1e-9)
    return SampleSize(control, treatment, control + treatments * treatment, exact)


def minimum_detectable_effect(  # noqa: PLR0913 - a design has these many sides
    n_control: int,
    n_treatment: int,
    *,
    metric: Metric = "proportion",
    baseline: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    treatments: int = 1,
    variance_reduction: float = 0.0,
) -> DetectableEffect:
    """Smallest increase that a test of this size finds; parameters as in `sample_size`.

    Returns
    -------
    nan throughout where an arm has fewer than two units.

    Raises
    ------
    SpecError
        If what the metric needs is absent.

    Examples
    --------
    >>> found = minimum_detectable_effect(3835, 3835, baseline=0.10)
    >>> round(found.absolute, 4), round(found.relative, 3)
    (0.02, 0.2)
    """
    _check(metric, power, alpha, 1.0, treatments)
    share = _share(variance_reduction, metric)
    _needs_present(metric, baseline, sd)
    if min(n_control, n_treatment) < 2:  # noqa: PLR2004 - a variance needs two units
        return DetectableEffect(math.nan, math.nan, math.nan)
    reaches = _power_curve(metric, alpha / treatments, n_treatment / n_control)
    top = 1.0
    while reaches(top, n_control) < power:
        top *= 2.0
    size = float(brentq(lambda d: reaches(d, n_control) - power, 0.0, top, xtol=1e-15))
    size *= math.sqrt(1.0 - share)
    if metric == "proportion":
        absolute = _rate_above(float(baseline or 0.0), size) - float(baseline or 0.0)
    else:
        absolute = size * float(sd or 0.0)
    relative = absolute / baseline if baseline is not None and baseline > 0 else math.nan
    return DetectableEffect(absolute, relative, size)


def _check(
    metric: Metric, power: float, alpha: float, treatment_per_control: float, treatments: int
) -> None:
    if metric not in METRICS:
        raise SpecError(f"metric is {metric!r}; choose from {', '.join(METRICS)}.")
    if not (0 < alpha < power < 1):
        raise SpecError(
            f"alpha is {alpha} and power {power}; pass 0 < alpha < power < 1, such as 0.05 and 0.8."
        )
    if not treatment_per_control > 0 or treatments < 1:
        raise SpecError("treatment_per_control must be above 0, and treatments at least 1.")


def _share(variance_reduction: float, metric: Metric) -> float:
    if not 0 <= variance_reduction < 1:
        raise SpecError(f"variance_reduction is {variance_reduction}; pass a share, 0 to below 1.")
    if variance_reduction and metric == "proportion":
        raise SpecError(
            "variance_reduction goes with a mean or ratio; with covariates a proportion is "
            "compared as a mean, so design it with metric='mean' and sd=sqrt(p(1-p))."
        )
    return variance_reduction


def _needs_present(metric: Metric, baseline: float | None, sd: float | None) -> None:
    if metric == "proportion":
        if baseline is None or not 0 <= baseline <= 1:
            raise SpecError(f"baseline is {baseline}; a proportion needs its rate, 0 to 1.")
    elif sd is None or not sd > 0:
        raise SpecError(f"sd is {sd}; a {metric} needs the deviation of one unit, above 0.")


def _standardised(
    effect: float, metric: Metric, baseline: float | None, sd: float | None, *, relative: bool
) -> float:
    _needs_present(metric, baseline, sd)
    if relative:
        if baseline is None or not baseline > 0:
            raise SpecError(f"baseline is {baseline}; a relative effect needs one above 0.")
        effect = effect * baseline
    if not effect or not math.isfinite(effect):
        raise SpecError(f"effect is {effect}; pass the smallest one worth finding, not zero.")
    if metric != "proportion":
        return abs(effect) / float(sd or 0.0)
    start, end = float(baseline or 0.0), float(baseline or 0.0) + effect
    if not 0 <= end <= 1:
        raise SpecError(
            f"effect {effect:g} takes the rate from {start:g} to {end:g}; it must stay in 0 to 1."
        )
    return abs(2 * math.asin(math.sqrt(end)) - 2 * math.asin(math.sqrt(start)))


def _rate_above(rate: float, size: float) -> float:
    """Rate that lies Cohen's h above another; nan where none is high enough."""
    angle = math.asin(math.sqrt(rate)) + size / 2
    return math.sin(angle) ** 2 if angle <= math.pi / 2 else math.nan


def _power_curve(
    metric: Metric, alpha: float, treatment_per_control: float
) -> Callable[[float, float], float]:
    """Power by standardised effect and units of control."""
    normal, student = NormalIndPower(), TTestIndPower()

    def reached(size: float, n_control: float) -> float:
        smaller = n_control * min(1.0, treatment_per_control)
        # Past here power is one to all digits, and the noncentral t has none.
        if size * math.sqrt(smaller / 2) > 30:  # noqa: PLR2004 - standard errors
            return 1.0
        if metric != "proportion" and smaller <= NORMAL_FROM:
            found = float(student.power(size, n_control, alpha, ratio=treatment_per_control))
            # The noncentral t has no value for some large arguments, where it is normal.
            if math.isfinite(found):
                return found
        return float(normal.power(size, n_control, alpha, ratio=treatment_per_control))

    return reached
