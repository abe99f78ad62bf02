"""Many comparisons at once: fewer false finds, and whether segments differ at all."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from patronage.abtest.compare import Comparison
from patronage.abtest.statistics import FloatArray
from patronage.errors import DataError, SpecError

Correction = Literal["holm", "benjamini-hochberg", "none"]
CORRECTIONS: tuple[Correction, ...] = ("holm", "benjamini-hochberg", "none")


class Heterogeneity(NamedTuple):
    """Cochran's Q: whether effects differ between segments by more than chance.

    Attributes
    ----------
    statistic, df, p_value
        Chi-square test that all effects are one; nan with fewer than two usable segments.
    segments_left_out
        Segments too small, or without the variance, to have a standard error.
    """

    statistic: float
    df: int
    p_value: float
    segments_left_out: int


def adjust(p_values: ArrayLike, correction: Correction = "holm") -> FloatArray:
    """Adjust p values, so that each can be held against alpha as if it were alone.

    Parameters
    ----------
    p_values : shape (n,)
        nan stays nan and is not counted as a comparison.
    correction
        "holm" bounds the chance of any false find, "benjamini-hochberg" the share of false ones
        among the finds; "none" gives the values back.

    Raises
    ------
    SpecError
        If the correction does not exist.
    DataError
        If a value is outside 0 to 1.

    Examples
    --------
    >>> adjust([0.118, 0.0211, 0.0213, 0.00218], "benjamini-hochberg").round(5)
    array([0.118  , 0.0284 , 0.0284 , 0.00872])
    """
    raw = np.array(p_values, dtype=np.float64).reshape(-1)
    if correction not in CORRECTIONS:
        raise SpecError(f"correction is {correction!r}; choose from {', '.join(CORRECTIONS)}.")
    known = ~np.isnan(raw)
    outside = known & ((raw < 0) | (raw > 1))
    if outside.any():
        raise DataError(
            f"p_values: {int(outside.sum())} of {len(raw)} are outside 0 to 1, first "
            f"{raw[outside][0]:g}; pass probabilities."
        )
    if correction != "none" and known.any():
        raw[known] = _stepped(raw[known], correction)
    return raw


def _stepped(p: FloatArray, correction: Correction) -> FloatArray:
    """Holm steps down from the smallest, Benjamini and Hochberg up from the largest.

    Written out because statsmodels' Holm collects all garbage at each call, which takes longer
    than the comparison itself.
    """
    order = np.argsort(p)
    rank = np.arange(1, len(p) + 1)
    if correction == "holm":
        stepped = np.maximum.accumulate((len(p) + 1 - rank) * p[order])
    else:
        stepped = np.minimum.accumulate((len(p) / rank * p[order])[::-1])[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def heterogeneity(comparisons: Sequence[Comparison]) -> Heterogeneity:
    """Test whether differences (not lifts) vary between segments by more than chance.

    Parameters
    ----------
    comparisons
        One a segment, of the same metric. Standard errors of rates count half a success and half
        a failure more in each arm, so that a segment without conversions has one.

    References
    ----------
    Cochran (1954), "The combination of estimates from different experiments", Biometrics 10.

    Examples
    --------
    >>> from patronage.abtest.compare import compare
    >>> a = compare({"n": 1000, "sum": 100}, {"n": 1000, "sum": 100})
    >>> b = compare({"n": 1000, "sum": 100}, {"n": 1000, "sum": 200})
    >>> heterogeneity([a, b]).p_value < 0.001
    True
    """
    effects = np.array([found.treatment - found.control for found in comparisons])
    errors = np.array([_error(found) for found in comparisons])
    usable = np.isfinite(effects) & np.isfinite(errors) & (errors > 0)
    left_out = int((~usable).sum())
    df = int(usable.sum()) - 1
    if df < 1:
        return Heterogeneity(math.nan, max(df, 0), math.nan, left_out)
    weight = errors[usable] ** -2.0
    centre = float(weight @ effects[usable] / weight.sum())
    statistic = float(weight @ (effects[usable] - centre) ** 2)
    return Heterogeneity(statistic, df, float(chdtrc(df, statistic)), left_out)


def _error(found: Comparison) -> float:
    if found.metric != "proportion" or found.variance_reduction:
        return found.standard_error
    arms = ((found.control, found.n_control), (found.treatment, found.n_treatment))
    rates = [((rate * n + 0.5) / (n + 1), n + 1) for rate, n in arms]
    return math.sqrt(sum(rate * (1 - rate) / n for rate, n in rates))
