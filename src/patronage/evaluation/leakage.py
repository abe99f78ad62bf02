"""Columns that know the outcome too well to have been known before it.

No single figure proves a leak. Each test below is evidence, listed with its numbers; only what
no honest column of the field reaches makes a column one that training refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.evaluation.discrimination import auc

Floats = NDArray[np.float64]
Fit = Callable[[NDArray[np.float32], Floats, NDArray[np.intp]], Floats]
"""From a matrix, outcome and fold numbers to the out-of-fold scores of a quick model."""

TELLING_AUC = 0.90
SURE_LOW, SURE_HIGH, SURE_ROWS = 0.02, 0.98, 50
SURE_BASE = 0.10
SURE_SHARE = 0.25
FILLED_LITTLE, FILLED_MUCH = 0.02, 0.10
COLLAPSE, DENT = 0.03, 0.005
HIGH_AUC = 0.90
LOOKED_AT = 8
MOST_ROWS = 10_000
N_FOLDS = 3
N_BINS = 20
FEW_LEVELS = 50


class Evidence(NamedTuple):
    """What speaks against one column.

    Attributes
    ----------
    field
    auc
        Of the outcome by this column alone, out of fold.
    sure_share
        Share of the rows in levels that all but decide the outcome.
    reasons
        The tests that it fails, each with its figures.
    is_leak
        Whether training should refuse it; else it is a suspect.
    """

    field: str
    auc: float
    sure_share: float
    reasons: tuple[str, ...]
    is_leak: bool


def suspected_leaks(
    features: pd.DataFrame, outcome: Floats, *, fit: Fit | None = None, seed: int = 0
) -> list[Evidence]:
    """Test every column for knowledge of the outcome.

    Four tests: the column alone has an AUC above .90; levels of 50 rows or more in which under
    2% or over 98% have the outcome, where that is far from the rate of all; a column filled for
    one class only; an AUC of all columns that collapses when one goes. A column is a leak where
    it fails the first, the third or the last, or where levels that decide the outcome hold a
    quarter of the rows; other failures make it a suspect. Where the AUC stays above .90 without
    the leaks, columns that it still leans on are suspects too.

    Parameters
    ----------
    features : shape (n_rows, n_columns)
    outcome : shape (n_rows,), 0 or 1
    fit
        A quick model for the last test; without it that test is left out.
    seed
        Of the folds, and of the rows where there are over 10,000.

    Returns
    -------
    The columns that fail a test, leaks first, then by AUC.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = (rng.random(2000) < 0.3).astype(float)
    >>> table = pd.DataFrame({"visits": rng.poisson(3 + y), "invoice": np.where(y, "sent", None)})
    >>> [(found.field, found.is_leak) for found in suspected_leaks(table, y)]
    [('invoice', True)]
    """
    rng = np.random.default_rng(seed)
    y = np.asarray(outcome, np.float64)
    if len(y) > MOST_ROWS:
        picked = np.sort(rng.choice(len(y), MOST_ROWS, replace=False))
        features, y = features.iloc[picked], y[picked]
    if not 0 < y.sum() < len(y):
        return []
    folds = rng.integers(0, N_FOLDS, len(y)).astype(np.intp)
    found = {str(name): _alone(features[name], y, folds) for name in features.columns}
    falls = {} if fit is None else _falls(features, y, folds, found, fit)
    evidence = [_evidence(name, features[name], y, found[name], falls.get(name)) for name in found]
    failing = [each for each in evidence if each.reasons]
    return sorted(failing, key=lambda each: (not each.is_leak, -each.auc))


class _Fall(NamedTuple):
    """AUC of many columns, and of the same without one."""

    whole: float
    rest: float

    @property
    def is_collapse(self) -> bool:
        return self.whole - self.rest > COLLAPSE


def _evidence(
    name: str, values: pd.Series[Any], y: Floats, area: float, fall: _Fall | None
) -> Evidence:
    reasons, is_leak = [], area > TELLING_AUC
    if is_leak:
        reasons.append(f"AUC {area:.3f} by itself")
    sure = _sure_levels(values, y)
    share = sum(n for _, n, _ in sure) / len(y)
    if sure:
        level, n, rate = sure[0]
        more = f"; {len(sure)} such levels hold {share:.0%} of the rows" if len(sure) > 1 else ""
        reasons.append(f"{rate:.1%} of {n:,} rows of {level!r} have the outcome{more}")
    filled = _filled_for_one(values, y)
    reasons += [filled] if filled else []
    if fall is not None:
        without = f"AUC falls from {fall.whole:.3f} to {fall.rest:.3f} without it"
        reasons.append(without)
        is_leak |= fall.is_collapse
    return Evidence(
        name, area, share, tuple(reasons), is_leak or share >= SURE_SHARE or bool(filled)
    )


def _codes(values: pd.Series[Any]) -> NDArray[np.intp]:
    """Give levels, or bins of equal mass of numbers, a code each, 0 for missing."""
    if pd.api.types.is_numeric_dtype(values.dtype) and values.nunique() > FEW_LEVELS:
        numbers = values.astype("float64").to_numpy(dtype=np.float64, na_value=np.nan)
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, N_BINS + 1)[1:-1]))
        codes = np.searchsorted(edges, numbers, side="right") + 1
        return np.where(np.isnan(numbers), 0, codes).astype(np.intp)
    return (pd.factorize(values)[0] + 1).astype(np.intp)


def _alone(values: pd.Series[Any], y: Floats, folds: NDArray[np.intp]) -> float:
    """AUC of the outcome by one column: rates of its levels, learnt on the other folds."""
    codes = _codes(values)
    score, size = np.zeros(len(y)), int(codes.max()) + 1
    for fold in range(N_FOLDS):
        held, rate = folds == fold, y[folds != fold].mean()
        rows = np.bincount(codes[~held], minlength=size)
        hits = np.bincount(codes[~held], weights=y[~held], minlength=size)
        # Ten rows of the overall rate, so that small levels say little.
        score[held] = ((hits + 10 * rate) / (rows + 10))[codes[held]]
    return auc(y, score)


def _sure_levels(values: pd.Series[Any], y: Floats) -> list[tuple[Any, int, float]]:
    """Levels that all but decide the outcome, the largest first."""
    if values.nunique() > FEW_LEVELS and pd.api.types.is_numeric_dtype(values.dtype):
        return []
    table = pd.DataFrame({"level": values.to_numpy(), "y": y}).groupby("level", observed=True)["y"]
    figures = table.agg(["size", "mean"])
    base = float(y.mean())
    low = (figures["mean"] < SURE_LOW) & (base >= SURE_BASE)
    high = (figures["mean"] > SURE_HIGH) & (base <= 1 - SURE_BASE)
    found = figures[(figures["size"] >= SURE_ROWS) & (low | high)].sort_values(
        "size", ascending=False, kind="stable"
    )
    return [(level, int(n), float(rate)) for level, n, rate in found.itertuples()]


def _filled_for_one(values: pd.Series[Any], y: Floats) -> str:
    filled = values.notna().to_numpy(dtype=bool)
    with_it, without = float(filled[y == 1].mean()), float(filled[y == 0].mean())
    low, high = min(with_it, without), max(with_it, without)
    if low <= FILLED_LITTLE and high >= FILLED_MUCH and filled.sum() >= SURE_ROWS:
        return f"filled in {with_it:.1%} of the rows with the outcome, {without:.1%} of the others"
    return ""


def _falls(
    features: pd.DataFrame,
    y: Floats,
    folds: NDArray[np.intp],
    found: Mapping[str, float],
    fit: Fit,
) -> dict[str, _Fall]:
    """Find columns that an AUC above .90 leans on: leaks first, then, without these, suspects."""
    matrix = np.column_stack([_column(features[name]) for name in features.columns])
    names = [str(name) for name in features.columns]

    def area(without: Collection[str]) -> float:
        kept = [place for place, name in enumerate(names) if name not in without]
        return auc(y, fit(matrix[:, kept], y, folds)) if kept else 0.5

    likely = sorted(found, key=lambda name: -found[name])[:LOOKED_AT]
    falls: dict[str, _Fall] = {}
    whole = area(())
    if whole >= HIGH_AUC:
        falls = {name: _Fall(whole, area((name,))) for name in likely}
    leaks = {
        name
        for name in found
        if found[name] > TELLING_AUC or (name in falls and falls[name].is_collapse)
    }
    rest = area(leaks) if leaks else whole
    if rest >= HIGH_AUC and leaks:
        others = [name for name in likely if name not in leaks]
        falls |= {name: _Fall(rest, area((*leaks, name))) for name in others}
    return {
        name: fall
        for name, fall in falls.items()
        if fall.is_collapse or (leaks and fall.whole - fall.rest > DENT)
    }


def _column(values: pd.Series[Any]) -> NDArray[np.float32]:
    """Give numbers as they are and levels as codes, missing as NaN."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype("float64").to_numpy(dtype=np.float32, na_value=np.nan)
    codes = pd.factorize(values)[0].astype(np.float32)
    return np.where(codes < 0, np.float32(np.nan), codes)
