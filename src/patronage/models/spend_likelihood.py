"""Likelihood of the Gamma-Gamma model of spend, with its exact first and second derivatives.

Each purchase of a customer is Gamma(p, nu), and the rate nu varies between customers as
Gamma(q, v). Given x purchases with mean m and z = x m, a customer contributes

    -ln B(p x, q) - p x ln(1 + v / z) - q ln(1 + z / v) - ln m,

which is equation (1a) of Hardie's note written so that nothing cancels when p, q or v is huge.

References
----------
Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value",
http://www.brucehardie.com/notes/025/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, psi, zeta

from patronage.models.patterns import encode

FloatArray = NDArray[np.float64]
Objective = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]

BLOCK = 8192
MANY = 1_000_000

LARGE = 50.0
"""From here on three terms of Stirling's series are exact to 1e-15."""


class SpendTotals(NamedTuple):
    """What the likelihood needs of the data; money in units of `scale`.

    Attributes
    ----------
    counts, customers : shape (n_counts,)
        Distinct numbers of purchases x, and the weight of customers with each.
    total : shape (n_rows,)
        z = x m.
    weights : shape (2, n_rows)
        The weight w, and w x.
    sum_log_total : shape (2,)
        Sums of w ln z and w x ln z.
    n, sum_log_mean : float
        Sums of w and w ln m.
    scale
        Geometric mean of m: a heavy tail does not move it.
    mean
        Weighted mean of m.
    """

    counts: FloatArray
    customers: FloatArray
    total: FloatArray
    weights: FloatArray
    sum_log_total: FloatArray
    n: float
    sum_log_mean: float
    scale: float
    mean: float


def spend_totals(frequency: FloatArray, mean: FloatArray, weight: FloatArray) -> SpendTotals:
    """Reduce customers, all with frequency, mean and weight above zero, to sums.

    Parameters
    ----------
    frequency, mean, weight : shape (n_rows,)
    """
    n = float(weight.sum())
    log_mean = np.log(mean)
    log_scale = float(weight @ log_mean / n)
    scale = float(np.exp(log_scale))
    scaled = mean / scale
    weights = np.stack([weight, weight * frequency])
    column = encode(frequency)
    codes = np.bincount(column.codes, weights=weight) if column.n_levels < MANY else None
    if codes is None:
        counts, place = np.unique(frequency, return_inverse=True)
        customers = np.bincount(place, weights=weight).astype(np.float64)
    else:
        seen = np.flatnonzero(codes)
        counts, customers = column.values(seen), codes[seen].astype(np.float64)
    return SpendTotals(
        counts=counts,
        customers=customers,
        total=frequency * scaled,
        weights=weights,
        sum_log_total=weights @ (np.log(frequency) + log_mean - log_scale),
        n=n,
        sum_log_mean=float(weight @ log_mean) - n * log_scale,
        scale=scale,
        mean=float(weight @ scaled / n),
    )


def spend_objective(data: SpendTotals, penalizer: float = 0.0) -> Objective:
    """Mean log-likelihood of (p, q, v), less `penalizer` times the sum of their squares.

    v is in units of `data.scale`; the penalty counts it in currency units, as lifetimes does.
    """
    square = 2 * penalizer * np.array([1.0, 1.0, data.scale**2])

    def objective(params: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, gradient, hessian = _sums(params, data)
        return (
            float(value / data.n - square @ params**2 / 2),
            gradient / data.n - square * params,
            hessian / data.n - np.diag(square),
        )

    return objective


class Chart(NamedTuple):
    """Other coordinates of (p, q, v), in which only v is curved.

    Attributes
    ----------
    params : shape (3,)
        p, q, v at this place.
    jacobian : shape (3, k)
        Their derivatives with respect to the k coordinates.
    bend : shape (k, k)
        Second derivatives of v.
    """

    params: FloatArray
    jacobian: FloatArray
    bend: FloatArray


def level_chart(coordinates: FloatArray) -> Chart:
    """Coordinates p, q and the level c = p v / q of spend.

    When purchases or customers hardly differ, p or q runs to infinity and v with it. The level
    stays, so one coordinate meets the wall of the search and the others keep their optimum.
    """
    p, q, c = coordinates
    return Chart(
        np.array([p, q, c * q / p]),
        np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-c * q / p**2, c / p, q / p]]),
        np.array(
            [[2 * c * q / p**3, -c / p**2, -q / p**2], [-c / p**2, 0, 1 / p], [-q / p**2, 1 / p, 0]]
        ),
    )


def held_mean_chart(coordinates: FloatArray, population_mean: float) -> Chart:
    """Coordinates p and q - 1 of the models whose population mean p v / (q - 1) is as given."""
    p, excess = coordinates
    m = population_mean
    return Chart(
        np.array([p, 1 + excess, m * excess / p]),
        np.array([[1.0, 0.0], [0.0, 1.0], [-m * excess / p**2, m / p]]),
        np.array([[2 * m * excess / p**3, -m / p**2], [-m / p**2, 0.0]]),
    )


def in_chart(objective: Objective, chart: Callable[[FloatArray], Chart]) -> Objective:
    """Rewrite an objective of (p, q, v) in the coordinates of a chart, by the chain rule."""

    def rewritten(coordinates: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        params, turn, bend = chart(coordinates)
        value, gradient, hessian = objective(params)
        return value, turn.T @ gradient, turn.T @ hessian @ turn + gradient[2] * bend

    return rewritten


def _sums(params: FloatArray, data: SpendTotals) -> tuple[float, FloatArray, FloatArray]:
    p, q, v = params
    x, c, n = data.counts, data.customers, data.n
    own = p * x
    both = own + q

    # Columns: sums of the logarithm, of e = 1 / (z + v), of e z and e^2; rows: times w, times w x.
    logs, inverse, part, square = _row_sums(v, data).T
    sum_log, sum_count_log = _log_sums(v, logs, data)

    value = c @ minus_log_beta(own, q) - p * sum_count_log - q * sum_log - data.sum_log_mean
    gradient = np.array(
        [
            (c * x) @ (psi(both) - psi(own)) - sum_count_log,
            c @ psi(both) - n * psi(q) - sum_log,
            q / v * part[0] - p * inverse[1],
        ]
    )
    # zeta(2, .) is the trigamma function, at a third of polygamma's overhead.
    bend_both, bend_own = zeta(2, both), zeta(2, own)
    pp = (c * x * x) @ (bend_both - bend_own)
    pq = (c * x) @ bend_both
    qq = c @ bend_both - n * zeta(2, q)
    pv = -inverse[1]
    qv = part[0] / v
    vv = -n * q / v**2 + p * square[1] + q * square[0]
    return float(value), gradient, np.array([[pp, pq, pv], [pq, qq, qv], [pv, qv, vv]])


def _row_sums(v: float, data: SpendTotals) -> FloatArray:
    """Sum over customers, shape (2, 4), in blocks that stay in the cache."""
    sums = np.zeros((2, 4))
    for at in range(0, len(data.total), BLOCK):
        z = data.total[at : at + BLOCK]
        terms = np.empty((4, len(z)))
        np.log1p(v / z if v < 1 else z / v, out=terms[0])
        np.reciprocal(z + v, out=terms[1])
        np.multiply(terms[1], z, out=terms[2])
        np.multiply(terms[1], terms[1], out=terms[3])
        sums += data.weights[:, at : at + BLOCK] @ terms.T
    return sums


def _log_sums(v: float, logs: FloatArray, data: SpendTotals) -> tuple[float, float]:
    """Sum w ln(1 + z / v) and w x ln(1 + v / z), from one logarithm a row.

    The logarithm taken is that of the smaller ratio: the likelihood multiplies it by a p or q
    that may be a million, and would multiply its rounding too.
    """
    if v < 1:
        return float(logs[0] + data.sum_log_total[0] - data.n * np.log(v)), float(logs[1])
    n_purchases = data.customers @ data.counts
    return float(logs[0]), float(logs[1] + n_purchases * np.log(v) - data.sum_log_total[1])


def minus_log_beta(first: FloatArray, second: float) -> FloatArray:
    """-ln B(first, second), exact to rounding of the result.

    scipy takes differences of logarithms of gamma functions until one argument is a million
    times the other; the climb along a large p then meets steps of 1e-8.
    """
    large, small = np.maximum(first, second), np.minimum(first, second)
    with_stirling = (
        (large - 0.5) * np.log1p(small / large)
        + small * (np.log(large + small) - 1)
        + (_stirling_rest(large + small) - _stirling_rest(large))
    )
    plain = gammaln(large + small) - gammaln(large)
    result: FloatArray = np.where(large > LARGE, with_stirling, plain) - gammaln(small)
    return result


def _stirling_rest(z: FloatArray) -> FloatArray:
    """Sum the rest of Stirling's formula for ln Gamma, for z above `LARGE`."""
    square = 1 / z**2
    return (1 / 12 - square * (1 / 360 - square / 1260)) / z
