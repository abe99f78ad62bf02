"""How likely the treatment is to win, and what is lost by choosing it if it does not.

Proportions have Beta posteriors. Probabilities of two Betas are integrals over one of them;
they are taken over the quantiles of the narrower one, where what is integrated is smooth.
Means and ratios have a normal posterior, which is right for large samples.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, ndtr, ndtri

from patronage.abtest.intervals import Counts, Interval, Levels, fieller_lift
from patronage.abtest.statistics import FloatArray
from patronage.errors import SpecError

# Gauss-Legendre nodes on (0, 1), bent by 3v^2 - 2v^3: quantile functions are steep at the ends.
_V = np.polynomial.legendre.leggauss(64)[0] / 2.0 + 0.5
NODES = _V**2 * (3.0 - 2.0 * _V)
WEIGHTS = np.polynomial.legendre.leggauss(64)[1] * 3.0 * _V * (1.0 - _V)


class Posterior(NamedTuple):
    """What is believed of the effect after the data.

    Attributes
    ----------
    effect
        Posterior mean of treatment less control; where relative, the ratio of the two posterior
        means less 1 (the mean of a ratio need not exist).
    interval
        Central credible interval.
    chance
        That treatment is higher than control.
    loss_if_higher_wins, loss_if_lower_wins
        Expected value given up by choosing treatment, where high or low values are good.
    """

    effect: float
    interval: Interval
    chance: float
    loss_if_higher_wins: float
    loss_if_lower_wins: float


class Beta(NamedTuple):
    """Beta distribution of a rate."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Expected rate."""
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        """Variance of the rate."""
        return self.mean * (1.0 - self.mean) / (self.a + self.b + 1.0)

    def cdf(self, rate: FloatArray) -> FloatArray:
        """Chance of at most a rate, of shape (n,); outside 0 to 1 it is 0 or 1."""
        return np.asarray(betainc(self.a, self.b, np.clip(rate, 0.0, 1.0)))


class BetaPair:
    """Two independent rates, integrated over the quantiles of the narrower."""

    def __init__(self, control: Beta, treatment: Beta) -> None:
        self.control, self.treatment = control, treatment
        self.over_control = control.variance <= treatment.variance
        inner = control if self.over_control else treatment
        self.rates: FloatArray = np.asarray(betaincinv(inner.a, inner.b, NODES))

    def difference_below(self, difference: float) -> float:
        """Chance that treatment - control is at most this."""
        if self.over_control:
            return float(WEIGHTS @ self.treatment.cdf(self.rates + difference))
        return float(1.0 - WEIGHTS @ self.control.cdf(self.rates - difference))

    def ratio_below(self, ratio: float) -> float:
        """Chance that treatment / control is at most this, > 0."""
        if self.over_control:
            return float(WEIGHTS @ self.treatment.cdf(self.rates * ratio))
        return float(1.0 - WEIGHTS @ self.control.cdf(self.rates / ratio))

    def shortfall(self) -> float:
        """E[max(control - treatment, 0)], the inner integral in closed form."""
        control, treatment, rate = self.control, self.treatment, self.rates
        if self.over_control:
            above = Beta(treatment.a + 1.0, treatment.b)
            inner = rate * treatment.cdf(rate) - treatment.mean * above.cdf(rate)
        else:
            above = Beta(control.a + 1.0, control.b)
            inner = control.mean * (1 - above.cdf(rate)) - rate * (1 - control.cdf(rate))
        return max(float(WEIGHTS @ inner), 0.0)


def beta_chance(control: Beta, treatment: Beta) -> float:
    """Chance that treatment's rate is the higher one.

    Examples
    --------
    >>> round(beta_chance(Beta(1, 1), Beta(2, 1)), 6)
    0.666667
    """
    return 1.0 - BetaPair(control, treatment).difference_below(0.0)


def beta_posterior(
    counts: Counts, prior: tuple[float, float] | None, alpha: float, *, relative: bool
) -> Posterior:
    """Posterior of two proportions under independent Beta priors, uniform by default.

    Raises
    ------
    SpecError
        If a prior parameter is not above zero.

    Examples
    --------
    >>> found = beta_posterior(Counts(100, 1000, 130, 1000), None, 0.05, relative=False)
    >>> round(found.chance, 4)
    0.9822
    """
    control, treatment = beta_pair(counts, prior)
    pair = BetaPair(control, treatment)
    scale = control.mean if relative else 1.0
    gap, loss = treatment.mean - control.mean, pair.shortfall()
    return Posterior(
        gap / scale,
        _lift_interval(pair, alpha) if relative else _difference_interval(pair, alpha),
        1.0 - pair.difference_below(0.0),
        loss / scale,
        max(loss + gap, 0.0) / scale,
    )


def beta_pair(counts: Counts, prior: tuple[float, float] | None) -> tuple[Beta, Beta]:
    """Posteriors of control and treatment.

    Raises
    ------
    SpecError
        If a prior parameter is not above zero.
    """
    a, b = prior if prior is not None else (1.0, 1.0)
    if not (a > 0 and b > 0):
        raise SpecError(f"prior is ({a}, {b}); a Beta prior needs two numbers above zero.")
    return (
        Beta(a + counts.control, b + counts.n_control - counts.control),
        Beta(a + counts.treatment, b + counts.n_treatment - counts.treatment),
    )


def normal_posterior(
    levels: Levels, prior: tuple[float, float] | None, alpha: float, *, relative: bool
) -> Posterior:
    """Posterior of the difference of two means, under a flat or a normal prior on it.

    `prior` is mean and standard deviation of the difference, in units of the metric; a relative
    interval takes the flat prior only.

    Raises
    ------
    SpecError
        If the prior's deviation is not above zero, or it is given for a lift.

    Examples
    --------
    >>> found = normal_posterior(Levels(10.0, 0.5, 11.0, 0.5), None, 0.05, relative=False)
    >>> round(found.chance, 4), round(found.loss_if_higher_wins, 4)
    (0.8413, 0.0833)
    """
    mean, deviation = levels.effect, levels.standard_error
    if prior is not None:
        if relative or not prior[1] > 0:
            raise SpecError(
                "prior for a mean or ratio is (mean, standard deviation > 0) of the difference; "
                "it does not go with relative=True."
            )
        mean, deviation = _weighed(mean, deviation, *prior)
    if not deviation > 0:
        nothing = math.nan
        return Posterior(mean, Interval(nothing, nothing), nothing, nothing, nothing)
    critical = float(ndtri(1.0 - alpha / 2))
    z = mean / deviation
    loss = deviation * (math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - z * float(ndtr(-z)))
    if not relative:
        ends = Interval(mean - critical * deviation, mean + critical * deviation)
        return Posterior(mean, ends, float(ndtr(z)), loss, loss + mean)
    scale = levels.control if levels.control > 0 else math.nan
    ends = fieller_lift(levels, critical)
    return Posterior(mean / scale, ends, float(ndtr(z)), loss / scale, (loss + mean) / scale)


def _weighed(
    mean: float, deviation: float, prior_mean: float, prior_sd: float
) -> tuple[float, float]:
    """Precision-weighted mean of data and prior; the data alone where they have no spread."""
    if not deviation > 0:
        return mean, deviation
    weight = prior_sd**2 / (prior_sd**2 + deviation**2)
    return weight * mean + (1 - weight) * prior_mean, math.sqrt(weight) * deviation


def _difference_interval(pair: BetaPair, alpha: float) -> Interval:
    low, high = (
        brentq(lambda x: pair.difference_below(x) - chance, -1.0, 1.0, xtol=1e-13)  # noqa: B023 - called at once
        for chance in (alpha / 2, 1.0 - alpha / 2)
    )
    return Interval(float(low), float(high))


def _lift_interval(pair: BetaPair, alpha: float) -> Interval:
    """On the log scale, where ratios of rates are nearly symmetric."""
    spread = 1.0
    while (
        pair.ratio_below(math.exp(spread)) < 1.0 - alpha / 4
        or pair.ratio_below(math.exp(-spread)) > alpha / 4
    ):
        spread *= 2.0
    low, high = (
        brentq(lambda x: pair.ratio_below(math.exp(x)) - chance, -spread, spread, xtol=1e-13)  # noqa: B023 - called at once
        for chance in (alpha / 2, 1.0 - alpha / 2)
    )
    return Interval(math.expm1(low), math.expm1(high))
