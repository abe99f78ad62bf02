"""Weights of the health score that cannot be below zero, and how sure they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import expit

from patronage.segments.tables import FloatArray

RIDGE = 1.0
"""Penalty on the squared weights, in customers: it settles components that say the same."""
N_DRAWS = 1000
LEVEL = 0.95


def positive_logistic(ranks: FloatArray, stayed: FloatArray) -> FloatArray:
    """Fit a logistic regression with an intercept and no weight below zero.

    Parameters
    ----------
    ranks : shape (n_customers, n_components)
    stayed : shape (n_customers,), 0 or 1

    Returns
    -------
    shape (1 + n_components,): intercept, then weights.
    """

    def loss(beta: FloatArray) -> tuple[float, FloatArray]:
        margin = beta[0] + ranks @ beta[1:]
        value = np.logaddexp(0, margin).sum() - stayed @ margin + RIDGE / 2 * beta[1:] @ beta[1:]
        gap = expit(margin) - stayed
        slope = np.concatenate([[gap.sum()], ranks.T @ gap + RIDGE * beta[1:]])
        return float(value) / len(stayed), slope / len(stayed)

    rate = np.clip(stayed.mean(), 1e-6, 1 - 1e-6)
    start = np.concatenate([[np.log(rate / (1 - rate))], np.full(ranks.shape[1], 0.1)])
    bounds: list[Any] = [(None, None), *[(0, None)] * ranks.shape[1]]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, dtype=float)


def share_bounds(
    ranks: FloatArray, stayed: FloatArray, beta: FloatArray, *, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Bound each weight's share of all weights, 95%.

    The estimate without the bound at zero is normal with the sandwich covariance; each draw of
    it is brought back to weights of zero or more as the fit does, by least squares in the metric
    of the curvature, and scaled to sum to 1. One pass over the customers.

    Parameters
    ----------
    ranks, stayed
        As in `positive_logistic`.
    beta
        From `positive_logistic`.

    Returns
    -------
    low, high : shape (n_components,)

    References
    ----------
    White (1982), Econometrica 50, 1-25, for the covariance; Geyer (1994), Annals of Statistics
    22, 1993-2010, for estimates within bounds.
    """
    columns = np.column_stack([np.ones(len(ranks)), ranks])
    chance = expit(columns @ beta)
    penalty = np.diag([0.0, *[RIDGE] * ranks.shape[1]])
    bend = (columns * (chance * (1 - chance))[:, None]).T @ columns + penalty
    slopes = columns * (chance - stayed)[:, None]
    inverse = np.linalg.inv(bend)
    centre = beta - inverse @ (slopes.sum(axis=0) + penalty @ beta)
    spread = inverse @ (slopes.T @ slopes) @ inverse
    draws = np.random.default_rng(seed).multivariate_normal(centre, spread, size=N_DRAWS)[:, 1:]
    # The intercept is free: what is left of the curvature is that of the weights alone.
    metric = bend[1:, 1:] - np.outer(bend[1:, 0], bend[0, 1:]) / bend[0, 0]
    root = np.linalg.cholesky(metric).T
    kept = np.array([nnls(root, root @ draw)[0] for draw in draws])
    totals = kept.sum(axis=1)
    shares = kept[totals > 0] / totals[totals > 0, None]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(shares, [tail, 1 - tail], axis=0)
    return np.asarray(low), np.asarray(high)
