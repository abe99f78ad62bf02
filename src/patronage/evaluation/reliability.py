"""Whether probabilities come true: log loss, Brier, calibration slope, intercept and error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from patronage.evaluation.discrimination import checked

Floats = NDArray[np.float64]
N_BINS = 10
_EDGE = 1e-15
_STEEPEST = 100.0


class Bin(NamedTuple):
    """One bin of a reliability curve: an equal share of the rows, by probability.

    Attributes
    ----------
    n : rows
    forecast : mean probability
    observed : rate of the outcome
    low, high : Wilson's 95% interval of the rate
    """

    n: int
    forecast: float
    observed: float
    low: float
    high: float


class Reliability(NamedTuple):
    """How far probabilities can be taken at their word.

    Attributes
    ----------
    rate, mean_probability
    mean_over_rate
        Mean probability over the rate; 1 is right.
    log_loss : nats
    log_loss_skill
        1 - log loss over that of the base rate; 0 is no better than the rate, 1 perfect.
    brier, brier_skill
        The same for the squared error.
    slope
        Of the outcome's log-odds on the forecast's; under 1 means forecasts too extreme.
    intercept
        Shift of the log-odds that brings the mean right, slope held at 1 (calibration in the
        large); above 0 means forecasts too low.
    ece
        Mean distance of forecast and observed rate over bins of equal mass. A distance is never
        below 0, so chance alone makes it positive.
    ece_noise
        What the ece would be on average, on these rows, if every probability were right.
    """

    rate: float
    mean_probability: float
    mean_over_rate: float
    log_loss: float
    log_loss_skill: float
    brier: float
    brier_skill: float
    slope: float
    intercept: float
    ece: float
    ece_noise: float


def probabilities(outcome: ArrayLike, probability: ArrayLike) -> tuple[Floats, Floats]:
    """Read outcomes and probabilities.

    Raises
    ------
    ValueError
        As `checked`, and where a probability lies outside 0 to 1.
    """
    y, p = checked(outcome, probability)
    outside = (p < 0) | (p > 1)
    if outside.any():
        raise ValueError(
            f"probability: {int(outside.sum()):,} of {len(p):,} values lie outside 0 to 1, first "
            f"{p[outside][0]}; calibrate scores before judging them so."
        )
    return y, p


def row_log_loss(y: Floats, p: Floats) -> Floats:
    """Log loss of each row, in nats; certainty counts as 1e-15 short of it."""
    chance = np.clip(np.where(y == 1, p, 1 - p), _EDGE, 1.0)
    return np.asarray(-np.log(chance), dtype=np.float64)


def reliability(outcome: ArrayLike, probability: ArrayLike, *, n_bins: int = N_BINS) -> Reliability:
    """Measure calibration and accuracy of probabilities.

    Parameters
    ----------
    outcome : shape (n_rows,), 0 or 1
    probability : shape (n_rows,)
    n_bins
        Bins of equal mass for the calibration error.

    References
    ----------
    Van Calster et al. (2019), "Calibration: the Achilles heel of predictive analytics", BMC
    Medicine 17; Naeini, Cooper and Hauskrecht (2015) for the calibration error.

    Examples
    --------
    >>> found = reliability([0, 0, 0, 1] * 25, [0.25] * 100)
    >>> found.mean_over_rate, round(found.ece, 12), round(found.brier_skill, 12)
    (1.0, 0.0, 0.0)
    >>> round(found.ece_noise, 3)  # 100 draws of .25 are off by this much on average
    0.035
    """
    y, p = probabilities(outcome, probability)
    rate = float(y.mean())
    log_loss, brier = float(row_log_loss(y, p).mean()), float(((p - y) ** 2).mean())
    base_loss = float(-(rate * np.log(rate) + (1 - rate) * np.log1p(-rate)))
    log_odds = logit(np.clip(p, _EDGE, 1 - _EDGE))
    bins = reliability_curve(y, p, n_bins=n_bins)
    return Reliability(
        rate,
        float(p.mean()),
        float(p.mean()) / rate,
        log_loss,
        1 - log_loss / base_loss,
        brier,
        1 - brier / (rate * (1 - rate)),
        _slope(y, log_odds),
        _shift(y, log_odds),
        sum(found.n * abs(found.forecast - found.observed) for found in bins) / len(y),
        _ece_noise(p, n_bins),
    )


def _ece_noise(p: Floats, n_bins: int) -> float:
    """Add up the mean distances of the bins' sums from what they expect, taken as normal."""
    p = np.sort(p)
    variance = np.add.reduceat(p * (1 - p), _starts(p, n_bins))
    return float(np.sqrt(2 / np.pi * variance).sum() / len(p))


def _starts(p: Floats, n_bins: int) -> NDArray[np.intp]:
    """Say where each bin of sorted probabilities starts."""
    first = np.searchsorted(p, p, side="left")
    last = np.searchsorted(p, p, side="right") - 1
    # A run of equal values goes where its middle lies.
    place = ((first + last + 1) / 2 * n_bins / len(p)).astype(np.intp).clip(0, n_bins - 1)
    return np.flatnonzero(np.append([True], np.diff(place) > 0))


def reliability_curve(
    outcome: ArrayLike, probability: ArrayLike, *, n_bins: int = N_BINS
) -> list[Bin]:
    """Compare forecast and observed rate over bins of equal mass.

    Equal probabilities are never split over bins, so the curve does not hang on the order of
    the rows; with few distinct probabilities there are fewer bins.

    Examples
    --------
    >>> [(found.n, found.observed) for found in reliability_curve([0, 1, 1, 1], [.1, .1, .8, .8],
    ...                                                           n_bins=2)]
    [(2, 0.5), (2, 1.0)]
    """
    y, p = probabilities(outcome, probability)
    order = np.argsort(p, kind="stable")
    y, p = y[order], p[order]
    starts = _starts(p, n_bins)
    bins = []
    for start, stop in zip(starts, np.append(starts[1:], len(p)), strict=True):
        n, observed = int(stop - start), float(y[start:stop].mean())
        low, high = _wilson(observed, n)
        bins.append(Bin(n, float(p[start:stop].mean()), observed, low, high))
    return bins


def _wilson(rate: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _shift(y: Floats, log_odds: Floats) -> float:
    shift = 0.0
    for _ in range(100):
        p = expit(log_odds + shift)
        step = (y - p).sum() / max((p * (1 - p)).sum(), _EDGE)
        shift += float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-12:  # noqa: PLR2004 - converged
            break
    return shift


def _slope(y: Floats, log_odds: Floats) -> float:
    """Newton's method; NaN where all forecasts are equal, bounded where classes separate."""
    centered = log_odds - log_odds.mean()
    if not np.ptp(centered):
        return float("nan")
    design = np.column_stack([np.ones(len(y)), centered])
    values = np.array([logit(y.mean()), 0.0])
    for _ in range(100):
        p = expit(design @ values)
        curvature = (design.T * (p * (1 - p))) @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (y - p))
        values += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10 or abs(values[1]) > _STEEPEST:  # noqa: PLR2004 - converged
            break
    return float(np.clip(values[1], -_STEEPEST, _STEEPEST))
