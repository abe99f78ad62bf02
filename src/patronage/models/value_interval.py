"""How far a customer's real value may lie from its expectation: a predictive interval.

What a customer will bring is a sum of N purchases, each Gamma(p, nu). Given that there are any,
the sum in units of 1 / nu is a gamma mixture over N; it is replaced by the gamma distribution
that has its mean and variance. The history leaves nu ~ Gamma(p x + q, v + x m), and a gamma
over a gamma is a beta prime, so that quantiles are finite however heavy the tail of spend, with
or without a variance.

Customers who leave within the horizon buy few times and those who stay buy often. One gamma for
both would put too little below, so the lower end takes one for each; the upper does not need it.

Parameters of the models are taken as known; what a single customer does is far less certain.
Fitted to 200 simulated customers the upper tail of 10% held 10.4%, fitted to 60 it held 12%.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, hyp2f1, ndtri

from patronage.models.beta_geo import BetaGeoFitter
from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter

FloatArray = NDArray[np.float64]

KNOWN_RATE = 1e6
"""Posterior shape from which nu counts as known: its deviation is a thousandth."""

_MOST_STEPS = 100
_CLOSE = 3e-4
"""Of the logarithm of a value: what such a step of Newton's leaves is about its square, 1e-8."""
_FAR = 5.0
_ROOT_TWO_PI = np.sqrt(2 * np.pi)


class Buyers(NamedTuple):
    """A group of those who buy at all; arrays of shape (n,).

    Attributes
    ----------
    weight
        Its part of them.
    mean, square
        Of the number of purchases, and of its square.
    """

    weight: FloatArray
    mean: FloatArray
    square: FloatArray


class Outlook(NamedTuple):
    """Purchases to come of customers with a history; arrays of shape (n,).

    Attributes
    ----------
    some
        Probability of any.
    buyers
        Those who will make some, as one group.
    leavers, stayers
        The same in two.
    """

    some: FloatArray
    buyers: Buyers
    leavers: Buyers
    stayers: Buyers


def purchase_outlook(
    model: BetaGeoFitter | ModifiedBetaGeoFitter,
    horizon: float,
    frequency: FloatArray,
    recency: FloatArray,
    T: FloatArray,
) -> Outlook:
    """Work out how many purchases a history lets expect, and by whom.

    Parameters
    ----------
    model
        Fitted.
    horizon
        In the model's time unit.
    frequency, recency, T : shape (n,)

    Notes
    -----
    Given alive, the rate is Gamma(r + x, alpha + T) and the chance to leave Beta(a, b'). Whoever
    meets no dropout within t does so with probability e^(-rate p t); its moments are averages of
    (1 - p)^j (1 + p tau)^-(r + x + j), with tau = t / (alpha + T), which the Pfaff transform
    turns into hypergeometric functions whose parameters do not grow with x.
    """
    r, alpha, a, b = (float(model.params_[name]) for name in ("r", "alpha", "a", "b"))
    alive = model.conditional_probability_alive(frequency, recency, T)
    mean, variance = model.conditional_moments(horizon, frequency, recency, T)
    shape, tau = r + frequency, horizon / (alpha + T)
    silent = np.exp(-shape * np.log1p(tau))
    some = alive * (1 - silent)
    with np.errstate(all="ignore"):
        buyers = Buyers(np.ones_like(mean), mean / some, (variance + mean**2) / some)
        chances = b + frequency + model.chances_at_start

        def stays(j: int) -> FloatArray:
            below = a + chances
            rise = chances * (chances + 1) / (below * (below + 1)) if j > 1 else chances / below
            tilt = hyp2f1(a, below - shape, below + j, tau / (1 + tau)) * (1 + tau) ** -a
            result: FloatArray = tilt * (rise if j else 1.0)
            return result

        weight = (stays(0) - silent) / (1 - silent)
        first = shape * tau * stays(1) / (1 - silent)
        second = shape * (shape + 1) * tau**2 * stays(2) / (1 - silent) + first
        stayers = Buyers(weight, first / weight, second / weight)
        rest = 1 - weight
        leavers = Buyers(rest, (buyers.mean - first) / rest, (buyers.square - second) / rest)
    return Outlook(some, buyers, leavers, stayers)


def value_bounds(
    outlook: Outlook, p: float, posterior_shape: FloatArray, *, interval: float
) -> tuple[FloatArray, FloatArray]:
    """Bound the undiscounted spend to come, divided by the posterior rate v + x m.

    Parameters
    ----------
    outlook
        Shape (n,).
    p
        Of Gamma-Gamma.
    posterior_shape : shape (n,)
        p x + q.
    interval
        Probability between the ends; the tails are equally likely.

    Returns
    -------
    low, high : shape (n,)
        Zero where the probability of no purchase is as large as the tail asked for.

    Examples
    --------
    One purchase for sure, of somebody who stays, and a rate of spend that is all but known:
    quantiles of Gamma(3, 1).

    >>> one, none = np.ones(1), np.zeros(1)
    >>> group = Buyers(one, one, one)
    >>> sure = Outlook(one, group, Buyers(none, one, one), group)
    >>> low, high = value_bounds(sure, 3.0, np.array([1e9]), interval=0.8)
    >>> (low * 1e9).round(2), (high * 1e9).round(2)
    (array([1.1]), array([5.32]))
    """
    tail = (1 - interval) / 2
    low, high = np.zeros((2, len(outlook.some)))
    # Beyond KNOWN_RATE the distribution of nu only moves with its mean.
    capped = np.minimum(posterior_shape, KNOWN_RATE)
    back = (capped - 1) / (posterior_shape - 1)

    def inner(level: float) -> tuple[NDArray[np.intp], FloatArray]:
        reached = np.flatnonzero(level > 1 - outlook.some)
        return reached, 1 - (1 - level) / outlook.some[reached]

    def quantiles(
        groups: Sequence[Buyers], rows: NDArray[np.intp], level: FloatArray
    ) -> FloatArray:
        picked = [_rows(group, rows) for group in groups]
        return _quantile(picked, p, capped[rows], level) * back[rows]

    rows, level = inner(1 - tail)
    high[rows] = quantiles([outlook.buyers], rows, level)
    rows, level = inner(tail)
    two = _has_both(outlook)[rows]
    low[rows[~two]] = quantiles([outlook.buyers], rows[~two], level[~two])
    low[rows[two]] = quantiles([outlook.leavers, outlook.stayers], rows[two], level[two])
    return low, high


def _has_both(outlook: Outlook) -> NDArray[np.bool_]:
    """Say whether there are leavers and stayers, each with a number of purchases."""
    usable = np.ones(len(outlook.some), dtype=bool)
    for group in (outlook.leavers, outlook.stayers):
        usable &= np.isfinite(group.mean) & np.isfinite(group.square)
        usable &= (group.weight > 0) & (group.weight < 1) & (group.mean >= 1)
    return usable


def _rows(group: Buyers, rows: NDArray[np.intp]) -> Buyers:
    return Buyers(group.weight[rows], group.mean[rows], group.square[rows])


def _gamma(group: Buyers, p: float) -> tuple[FloatArray, FloatArray]:
    """Shape and scale with the mean and variance of a sum of that many Gamma(p, 1)."""
    spread = p * group.mean + p**2 * np.maximum(group.square - group.mean**2, 0.0)
    scale = spread / (p * group.mean)
    return p * group.mean / scale, scale


class _Mixture(NamedTuple):
    """Groups of beta primes, one row a group, with one quantile asked of each column.

    Attributes
    ----------
    weight, shape, log_scale, log_beta : shape (n_groups, n)
    posterior_shape, goal : shape (n,)
        The goal is a probability below the quantile, or above it where `is_upper`, which keeps
        the digits of either tail.
    is_upper : shape (n,)
    """

    weight: FloatArray
    shape: FloatArray
    log_scale: FloatArray
    log_beta: FloatArray
    posterior_shape: FloatArray
    goal: FloatArray
    is_upper: NDArray[np.bool_]

    def rows(self, at: NDArray[np.intp]) -> _Mixture:
        return _Mixture(
            self.weight[:, at],
            self.shape[:, at],
            self.log_scale[:, at],
            self.log_beta[:, at],
            self.posterior_shape[at],
            self.goal[at],
            self.is_upper[at],
        )

    def reached(self, log_value: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probability on the goal's side of a value, and the density of its logarithm."""
        log_odds = log_value - self.log_scale
        log_below, log_above = -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)
        b = np.broadcast_to(self.posterior_shape, log_odds.shape)
        # On the side where a part of 1 keeps its digits.
        turned = log_odds > 0
        part = betainc(
            np.where(turned, b, self.shape),
            np.where(turned, self.shape, b),
            np.exp(np.where(turned, log_above, log_below)),
        )
        part = np.where(turned == self.is_upper, part, 1 - part)
        density = np.exp(self.shape * log_below + b * log_above - self.log_beta)
        return (self.weight * part).sum(axis=0), (self.weight * density).sum(axis=0)


def _quantile(
    groups: Sequence[Buyers], p: float, posterior_shape: FloatArray, level: FloatArray
) -> FloatArray:
    """Quantile of the groups together, in units of the posterior rate.

    Newton's method on the logarithm of the value and the normal deviate of its probability,
    which are all but proportional for a beta prime: three or four steps a row.
    """
    shape, scale = (np.stack(parts) for parts in zip(*(_gamma(g, p) for g in groups), strict=True))
    is_upper = level > 0.5  # noqa: PLR2004 - the farther tail
    mixture = _Mixture(
        weight=np.stack([group.weight for group in groups]),
        shape=shape,
        log_scale=np.log(scale),
        log_beta=betaln(shape, posterior_shape),
        posterior_shape=posterior_shape,
        goal=np.where(is_upper, 1 - level, level),
        is_upper=is_upper,
    )
    start = mixture.log_scale + _log_quantile(shape, posterior_shape, ndtri(level))
    return np.exp(_solved(mixture, (mixture.weight * start).sum(axis=0)))


def _log_quantile(a: FloatArray, b: FloatArray, deviate: FloatArray) -> FloatArray:
    """Approximate the logarithm of a beta prime's quantile by its first three cumulants."""
    above, below = _log_gamma_cumulants(a), _log_gamma_cumulants(b)
    variance = above[1] + below[1]
    skew = (above[2] - below[2]) / (6 * variance)
    result: FloatArray = above[0] - below[0] + np.sqrt(variance) * deviate + skew * (deviate**2 - 1)
    return result


def _log_gamma_cumulants(shape: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Polygamma functions by their asymptotic series, to three digits from a shape of 2."""
    # Below, the series knows no bound; Newton's method then starts from a milder guess.
    part = 1 / np.maximum(shape, 0.5)
    mean = -np.log(part) - part / 2 - part**2 / 12
    return mean, part + part**2 / 2 + part**3 / 6, -(part**2) - part**3 - part**4 / 2


def _solved(mixture: _Mixture, log_value: FloatArray) -> FloatArray:
    """Where the probability is the goal; a row that is done is not looked at again."""
    found = log_value.copy()
    active = np.arange(len(found))
    lower, upper = np.full(len(found), -np.inf), np.full(len(found), np.inf)
    for _ in range(_MOST_STEPS):
        if not active.size:
            break
        now, here = mixture.rows(active), found[active]
        reached, density = now.reached(here)
        is_below = (reached < now.goal) != now.is_upper
        lower[active] = np.where(is_below, here, lower[active])
        upper[active] = np.where(is_below, upper[active], here)
        with np.errstate(all="ignore"):
            deviate = ndtri(reached)
            steep = density * _ROOT_TWO_PI * np.exp(deviate**2 / 2)
            step = np.where(now.is_upper, 1, -1) * (deviate - ndtri(now.goal)) / steep
        # Where the deviate or the density is out of reach there is still a direction.
        usable = np.isfinite(step) & np.isfinite(steep)
        step = np.where(usable, step, np.where(is_below, _FAR, -_FAR))
        there = here + np.clip(step, -_FAR, _FAR)
        outside = (there <= lower[active]) | (there >= upper[active])
        halfway = (lower[active] + upper[active]) / 2
        there = np.where(outside & np.isfinite(halfway), halfway, there)
        found[active] = there
        close = np.where(outside, _CLOSE**2, _CLOSE)
        active = active[np.abs(there - here) > close]
    return found
