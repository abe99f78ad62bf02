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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, hyp2f1

from patronage.models.beta_geo import BetaGeoFitter
from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter

FloatArray = NDArray[np.float64]

KNOWN_RATE = 1e6
"""Posterior shape from which nu counts as known: its deviation is a thousandth."""

_HALVINGS = 24


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

    rows, level = inner(1 - tail)
    high[rows] = _quantile(_rows(outlook.buyers, rows), p, capped[rows], level) * back[rows]
    rows, level = inner(tail)
    low[rows] = back[rows] * _two_group_quantile(
        _rows(outlook.leavers, rows),
        _rows(outlook.stayers, rows),
        _quantile(_rows(outlook.buyers, rows), p, capped[rows], level),
        (p, capped[rows], level),
    )
    return low, high


def _rows(group: Buyers, rows: NDArray[np.intp]) -> Buyers:
    return Buyers(group.weight[rows], group.mean[rows], group.square[rows])


def _matched_gamma(group: Buyers, p: float) -> tuple[FloatArray, FloatArray]:
    """Shape and scale with the mean and variance of a sum of that many Gamma(p, 1)."""
    spread = p * group.mean + p**2 * np.maximum(group.square - group.mean**2, 0.0)
    scale = spread / (p * group.mean)
    return p * group.mean / scale, scale


def _quantile(
    group: Buyers, p: float, posterior_shape: FloatArray, level: FloatArray
) -> FloatArray:
    shape, scale = _matched_gamma(group, p)
    part = betaincinv(shape, posterior_shape, level)
    # Where the part leaves no digits to 1 - part, its complement keeps them.
    far = np.flatnonzero(part > 0.999)  # noqa: PLR2004 - three digits lost
    odds = part / np.maximum(1 - part, np.finfo(float).tiny)
    rest = betaincinv(posterior_shape[far], shape[far], 1 - level[far])
    odds[far] = (1 - rest) / rest
    return scale * odds


def _two_group_quantile(
    leavers: Buyers,
    stayers: Buyers,
    single: FloatArray,
    target: tuple[float, FloatArray, FloatArray],
) -> FloatArray:
    """Quantile of both groups together; of all as one, `single`, where a group is empty."""
    p, posterior_shape, level = target
    usable = np.ones(len(level), dtype=bool)
    for group in (leavers, stayers):
        usable &= np.isfinite(group.mean) & np.isfinite(group.square)
        usable &= (group.weight > 0) & (group.weight < 1) & (group.mean >= 1)
    rows = np.flatnonzero(usable)
    groups = [_rows(group, rows) for group in (leavers, stayers)]
    gammas = [_matched_gamma(group, p) for group in groups]
    ends = np.log([_quantile(g, p, posterior_shape[rows], level[rows]) for g in groups])
    lower, upper = ends.min(axis=0), ends.max(axis=0)
    for _ in range(_HALVINGS):
        middle = (lower + upper) / 2
        below = np.zeros(len(rows))
        for group, (shape, scale) in zip(groups, gammas, strict=True):
            odds = np.exp(middle) / scale
            below += group.weight * betainc(shape, posterior_shape[rows], odds / (1 + odds))
        lower = np.where(below < level[rows], middle, lower)
        upper = np.where(below < level[rows], upper, middle)
    quantile = single.copy()
    quantile[rows] = np.exp((lower + upper) / 2)
    return quantile
