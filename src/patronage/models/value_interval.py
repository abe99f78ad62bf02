"""How far a customer's real value may lie from its expectation: a predictive interval.

What a customer will bring is a sum of N purchases, each Gamma(p, nu). Given that there are any,
the sum in units of 1 / nu is a gamma mixture over N; it is replaced by the one gamma
distribution, shape k and scale s, that has its mean and variance. The history leaves
nu ~ Gamma(p x + q, v + x m), and a gamma over a gamma is a beta prime, so that the quantiles
are closed and finite however heavy the tail, with or without a variance.

Parameters are taken as known and purchases as independent of spend, as in the models.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv

FloatArray = NDArray[np.float64]

FAR = 0.999

KNOWN_RATE = 1e6
"""Posterior shape from which nu counts as known: its deviation is below a thousandth."""


class CountOutlook(NamedTuple):
    """Purchases to come; arrays of shape (n,).

    Attributes
    ----------
    none
        Probability of no purchase.
    mean, variance
        Of their number.
    """

    none: FloatArray
    mean: FloatArray
    variance: FloatArray


def unit_quantiles(
    outlook: CountOutlook, p: float, posterior_shape: FloatArray, *, level: float
) -> FloatArray:
    """Quantile of undiscounted spend, divided by the posterior rate v + x m.

    Parameters
    ----------
    outlook
        Shape (n,).
    p
        Of Gamma-Gamma.
    posterior_shape : shape (n,)
        p x + q.
    level
        Probability of bringing less, in (0, 1).

    Returns
    -------
    Shape (n,); zero where the probability of no purchase is `level` or more.

    Examples
    --------
    Exactly one purchase, and a spend rate that is all but known: the median of Gamma(3, 1),
    times p x + q for the rate.

    >>> one = CountOutlook(np.zeros(1), np.ones(1), np.zeros(1))
    >>> float(unit_quantiles(one, 3.0, np.array([1e9]), level=0.5)[0] * 1e9)
    2.674...
    """
    quantile = np.zeros_like(outlook.mean)
    some = 1 - outlook.none
    live = (level > outlook.none) & (outlook.mean > 0) & (some > 0)
    if not live.any():
        return quantile
    mean = outlook.mean[live] / some[live]
    square = (outlook.variance[live] + outlook.mean[live] ** 2) / some[live]
    spread = p * mean + p**2 * np.maximum(square - mean**2, 0.0)
    scale = spread / (p * mean)
    shape = p * mean / scale
    inner = (level - outlook.none[live]) / some[live]
    quantile[live] = scale * _beta_prime(shape, posterior_shape[live], inner)
    return quantile


def _beta_prime(first: FloatArray, second: FloatArray, level: FloatArray) -> FloatArray:
    """Quantiles of Gamma(first) / Gamma(second)."""
    out = np.empty_like(first)
    known = second > KNOWN_RATE
    out[known] = gammaincinv(first[known], level[known]) / (second[known] - 1)
    part = betaincinv(first[~known], second[~known], level[~known])
    odds = part / np.maximum(1 - part, np.finfo(float).tiny)
    # Near 1 the complement keeps the digits that 1 - part loses.
    far = np.flatnonzero(part > FAR)
    where = np.flatnonzero(~known)[far]
    rest = betaincinv(second[where], first[where], 1 - level[where])
    odds[far] = (1 - rest) / rest
    out[~known] = odds
    return out
