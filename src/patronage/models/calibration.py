"""Turn a classifier's margins into probabilities that come true, as a curve that JSON can hold.

Every curve maps a margin (log-odds as the classifier gives them) to calibrated log-odds and
never falls. The isotonic one joins the centres of its blocks by straight lines, so it has no
steps: customers whom the classifier tells apart stay apart, and ranking measures do not move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit
from sklearn.isotonic import isotonic_regression

Floats = NDArray[np.float64]
Method = Literal["isotonic", "platt", "beta", "none"]
ENOUGH_FOR_ISOTONIC = 1_000
MIN_SLOPE = 1e-3
_MAX_LOG_ODDS = 30.0


@dataclass(frozen=True)
class Calibration:
    """A curve from margins to log-odds.

    Attributes
    ----------
    method
        How it was made.
    margins, log_odds
        The knots, both rising; straight lines between them.
    slope_below, slope_above
        Slopes before the first knot and after the last.
    beta
        For "beta" alone: a, b and c of a * log(q) - b * log(1 - q) + c, q = expit(margin).
    """

    method: Method
    margins: tuple[float, ...] = (0.0,)
    log_odds: tuple[float, ...] = (0.0,)
    slope_below: float = 1.0
    slope_above: float = 1.0
    beta: tuple[float, float, float] | None = None

    def calibrated_log_odds(self, margins: ArrayLike) -> Floats:
        """Give calibrated log-odds, within -30 and 30.

        Parameters
        ----------
        margins : shape (n,), log-odds before calibration
        """
        values = np.asarray(margins, dtype=np.float64)
        if self.beta is not None:
            a, b, c = self.beta
            curve = a * log_expit(values) - b * log_expit(-values) + c
        else:
            first, last = self.margins[0], self.margins[-1]
            curve = np.interp(values, self.margins, self.log_odds)
            curve += self.slope_below * np.minimum(values - first, 0.0)
            curve += self.slope_above * np.maximum(values - last, 0.0)
        return np.clip(curve, -_MAX_LOG_ODDS, _MAX_LOG_ODDS)

    def probability(self, margins: ArrayLike) -> Floats:
        """Give calibrated probabilities, never 0 and never 1.

        Examples
        --------
        >>> Calibration("none").probability([0.0, 1000.0])[0].item()
        0.5
        """
        return np.asarray(expit(self.calibrated_log_odds(margins)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Give numbers and lists as JSON takes them."""
        state = asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in state.items()
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Undo `to_dict`."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in state.items()
        }
        return cls(**values)


def fit_calibration(
    margins: ArrayLike,
    outcome: ArrayLike,
    *,
    method: Literal["auto"] | Method = "auto",
    sample_weight: ArrayLike | None = None,
) -> Calibration:
    """Fit a calibration curve on margins of rows that the classifier was not fitted on.

    Parameters
    ----------
    margins : shape (n,), log-odds
    outcome : shape (n,), 0 or 1
    method
        "isotonic" (free form), "platt" (slope and intercept), "beta" (two slopes, Kull et al.),
        "none" (leave the margins), or "auto": isotonic from 1,000 positives and 1,000 negatives
        on, Platt below.
    sample_weight : shape (n,), >= 0

    Raises
    ------
    ValueError
        For an unknown method, lengths that differ, or an outcome of one class.

    References
    ----------
    Platt (1999), "Probabilistic outputs for support vector machines"; Kull, Silva Filho and
    Flach (2017), "Beta calibration", AISTATS; Oron and Flournoy (2017), "Centered isotonic
    regression", Statistics in Biopharmaceutical Research 9(3).

    Examples
    --------
    >>> curve = fit_calibration([-2.0, -1.0, 1.0, 2.0] * 50, [0, 1, 0, 1] * 50)
    >>> curve.method, bool(curve.probability([2.0]) > curve.probability([-2.0]))
    ('platt', True)
    """
    values, y = np.asarray(margins, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if not len(values) == len(y) == len(weight):
        raise ValueError(
            f"margins, outcome and sample_weight have {len(values):,}, {len(y):,} and "
            f"{len(weight):,} values; pass one of each a row."
        )
    kept = weight > 0
    values, y, weight = values[kept], y[kept], weight[kept]
    n_positive = int((y == 1).sum())
    rarer = min(n_positive, len(y) - n_positive)
    if method == "auto":
        method = "isotonic" if rarer >= ENOUGH_FOR_ISOTONIC else "platt"
    if method == "none":
        return Calibration("none")
    if method not in _FITS:
        raise ValueError(f"calibration={method!r}; choose auto, {', '.join(_FITS)} or none.")
    if not rarer:
        raise ValueError(
            f"outcome: all {len(y):,} rows are of one class; calibration needs both classes."
        )
    return _FITS[method](values, y, weight)


def _penalised_fit(design: Floats, y: Floats, weight: Floats, lowest: float) -> Floats:
    """Regress the outcome on the columns; all coefficients but the last are bounded below."""
    total = weight.sum()
    positive = weight @ y
    # Platt's targets: short of 0 and 1 by what one more row of each class would say, so that
    # a perfect separation has a finite answer.
    high, low = (positive + 1) / (positive + 2), 1 / (total - positive + 2)
    target = np.where(y == 1, high, low)

    def loss(values: Floats) -> tuple[float, Floats]:
        margin = design @ values
        value = weight @ (np.logaddexp(0.0, margin) - target * margin) / total
        return float(value), design.T @ (weight * (expit(margin) - target)) / total

    n_slopes = design.shape[1] - 1
    start: Floats = np.append(np.full(n_slopes, max(1.0, lowest)), 0.0)
    bounds: list[tuple[float | None, float | None]] = [(lowest, None)] * n_slopes
    bounds.append((None, None))
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
    )
    return np.asarray(found.x, dtype=np.float64)


def _platt(margins: Floats, y: Floats, weight: Floats) -> Calibration:
    # Standardised for the search, since margins of huge size or spread stall it.
    center, scale = float(margins.mean()), float(margins.std()) or 1.0
    design = np.column_stack([(margins - center) / scale, np.ones(len(y))])
    slope, intercept = _penalised_fit(design, y, weight, MIN_SLOPE * scale).tolist()
    slope /= scale
    return Calibration("platt", (center,), (intercept,), slope, slope)


def _beta(margins: Floats, y: Floats, weight: Floats) -> Calibration:
    design = np.column_stack([log_expit(margins), -log_expit(-margins), np.ones(len(y))])
    a, b, c = _penalised_fit(design, y, weight, MIN_SLOPE).tolist()
    return Calibration("beta", beta=(a, b, c))


def _isotonic(margins: Floats, y: Floats, weight: Floats) -> Calibration:
    order = np.argsort(margins, kind="stable")
    margins, y, weight = margins[order], y[order], weight[order]
    # Bins of about 1% (never under 50 rows) go in, not rows: alone, the few rows at either end
    # would make blocks of pure luck, and these hold the customers who matter most.
    n_bins = int(np.clip(len(y) // 50, 2, 100))
    bins = np.linspace(0, len(y), n_bins, endpoint=False).astype(np.intp)
    starts = np.unique(np.searchsorted(margins, margins[bins], side="left"))
    rate = float(weight @ y / weight.sum())
    # Twice: the first pass finds the blocks, and each block's rate is then drawn towards the
    # overall rate by one row's weight, which may break the order and so needs a second pass.
    place, mass, positive, _ = _blocks(
        np.add.reduceat(weight * margins, starts),
        np.add.reduceat(weight, starts),
        np.add.reduceat(weight * y, starts),
        prior=(0.0, rate),
    )
    place, _, _, rates = _blocks(place * mass, mass, positive, prior=(1.0, rate))
    log_odds = logit(rates)
    tail = _platt(margins, y, weight).slope_below
    return Calibration("isotonic", tuple(place.tolist()), tuple(log_odds.tolist()), tail, tail)


def _blocks(
    moment: Floats, mass: Floats, positive: Floats, *, prior: tuple[float, float]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Pool neighbours until rates rise: mean margin, mass, positives and rate of each block."""
    rows, rate = prior
    raw = (positive + rows * rate) / (mass + rows)
    pooled = np.asarray(isotonic_regression(raw, sample_weight=mass + rows), dtype=np.float64)
    starts = np.flatnonzero(np.append(True, np.diff(pooled) > 0))
    mass = np.add.reduceat(mass, starts)
    return (
        np.add.reduceat(moment, starts) / mass,
        mass,
        np.add.reduceat(positive, starts),
        pooled[starts],
    )


_FITS = cast(
    "dict[str, Callable[[Floats, Floats, Floats], Calibration]]",
    {"isotonic": _isotonic, "platt": _platt, "beta": _beta},
)
