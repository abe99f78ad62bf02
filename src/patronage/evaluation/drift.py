"""Whether new rows still look like those that a model was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
N_BINS = 10
N_QUANTILES = 101
MAX_LEVELS = 50
NOTICED = 0.10
CHANCE = 0.05
_LEAST_SHARE = 1e-4
_ROUNDING = 1e-9
_DRAWS = 1_000


class Drift(NamedTuple):
    """How far one feature moved.

    Attributes
    ----------
    feature
    psi
        Population stability index over deciles (or levels) and missing; by habit under .1 is
        still, over .25 has moved.
    ks
        Largest distance of the two distribution functions; NaN for words.
    missing_before, missing_now : share of missing values
    n_before, n_now : rows
    noise
        Stability index that samples of these sizes reach by chance: below it, nothing has moved.
    """

    feature: str
    psi: float
    ks: float
    missing_before: float
    missing_now: float
    n_before: int
    n_now: int
    noise: float

    def passes(self, limit: float) -> bool:
        """Tell whether the feature moved by more than a limit, and by more than chance does."""
        return self.psi > max(limit, self.noise)

    def is_too_small_for(self, limit: float) -> bool:
        """Tell whether chance alone passes a limit on so few rows."""
        return self.noise > limit


class RateShift(NamedTuple):
    """The outcome's rate in two slices.

    Attributes
    ----------
    before, after : rates
    ratio : after over before
    moved : whether it moved by more than a tenth, so that calibration cannot be held to it
    """

    before: float
    after: float
    ratio: float
    moved: bool


def psi(before: ArrayLike, now: ArrayLike) -> float:
    """Measure how far shares moved, bin by bin: the population stability index.

    Parameters
    ----------
    before, now : shape (n_bins,), counts or shares
        An empty bin counts as a share of .0001, which keeps the index finite.

    References
    ----------
    Siddiqi (2006), "Credit Risk Scorecards", chapter 9.

    Examples
    --------
    >>> psi([50, 50], [50, 50]), round(psi([50, 50], [60, 40]), 4)
    (0.0, 0.0405)
    """
    shares = []
    for counts in (before, now):
        values = np.asarray(counts, dtype=np.float64)
        if not values.sum() > 0:
            raise ValueError("psi: a set of counts is all zero; pass counts of at least one row.")
        shares.append(np.maximum(values / values.sum(), _LEAST_SHARE))
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def psi_noise(before: ArrayLike, now: ArrayLike, *, chance: float = CHANCE) -> float:
    """Measure how large the stability index gets where nothing moved: a quantile of its own.

    Both samples are drawn from the shares of all rows together. On many rows the index is
    chi-square of one less than the bins, times 1/n before + 1/n now; on few, empty bins make it
    much larger, which is why it is drawn and not looked up.

    Parameters
    ----------
    before, now : shape (n_bins,), counts
    chance
        With which the figure is passed. Draws are seeded: the same counts give the same figure.

    References
    ----------
    Yurdakul and Naranjo (2020), "Statistical properties of the population stability index",
    Journal of Risk Model Validation 14.

    Examples
    --------
    >>> round(psi_noise([1000] * 10, [10] * 10), 2), round(psi_noise([1000] * 10, [1000] * 10), 3)
    (0.18, 0.004)
    """
    first, second = (np.asarray(side, dtype=np.int64) for side in (before, now))
    shares = (first + second) / (first.sum() + second.sum())
    random, n_draws = np.random.default_rng(0), max(_DRAWS, int(2 / chance))
    drawn = [
        np.maximum(random.multinomial(side.sum(), shares, n_draws) / side.sum(), _LEAST_SHARE)
        for side in (first, second)
    ]
    index = ((drawn[1] - drawn[0]) * np.log(drawn[1] / drawn[0])).sum(axis=1)
    # A sum of the same terms in another order must not pass it.
    return float(np.quantile(index, 1 - chance, method="higher")) + _ROUNDING


def ks(before: ArrayLike, now: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance of two samples; NaN where either has no value.

    Examples
    --------
    >>> ks([1, 2, 3, 4], [3, 4, 5, 6])
    0.5
    """
    first, second = (np.sort(_present(np.asarray(side, np.float64))) for side in (before, now))
    if not len(first) or not len(second):
        return float("nan")
    points = np.concatenate([first, second])
    return float(
        np.abs(
            np.searchsorted(first, points, side="right") / len(first)
            - np.searchsorted(second, points, side="right") / len(second)
        ).max()
    )


def profile(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Sum up the columns of a frame, to be stored with a model and compared later.

    Parameters
    ----------
    frame
        Numbers, words or truth values; no row is kept.

    Returns
    -------
    Column name to JSON values: quantiles for numbers, counts of at most 50 levels for words, and
    the share missing.

    Examples
    --------
    >>> profile(pd.DataFrame({"origin": ["ad", "ad", None]}))["origin"]["levels"]
    {'ad': 2}
    """
    return {str(name): _profile_column(frame[name]) for name in frame.columns}


def _profile_column(values: pd.Series[Any]) -> dict[str, Any]:
    missing = float(values.isna().mean()) if len(values) else 0.0
    if _is_number(values):
        present = _present(_numbers(values))
        points = np.linspace(0, 1, N_QUANTILES)
        quantiles: Floats = (
            np.quantile(present, points, method="inverted_cdf") if len(present) else np.zeros(0)
        )
        edges = np.unique(quantiles[10:-1:10])
        counts = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
        return {
            "kind": "number",
            "missing": missing,
            "quantiles": [float(value) for value in quantiles],
            "edges": edges.tolist(),
            "counts": [*counts.tolist(), int(values.isna().sum())],
        }
    counts_by_level = values.dropna().astype(str).value_counts()
    kept = counts_by_level.iloc[:MAX_LEVELS]
    return {
        "kind": "level",
        "missing": missing,
        "levels": {str(name): int(count) for name, count in kept.items()},
        "other": int(counts_by_level.iloc[MAX_LEVELS:].sum()),
        "missing_count": int(values.isna().sum()),
    }


def drift(
    before: Mapping[str, Mapping[str, Any]], now: pd.DataFrame, *, n_compared: int | None = None
) -> list[Drift]:
    """Compare a frame with a stored profile, the feature that moved most first.

    Parameters
    ----------
    before
        From `profile`.
    now
        Columns that the profile does not know are ignored.
    n_compared
        Columns that are compared in all, by default those of the profile: the noise of each is
        such that any one of them passes it by chance once in twenty comparisons.

    Raises
    ------
    ValueError
        Where columns of the profile are not there, or the frame is empty.

    Examples
    --------
    >>> old = pd.DataFrame({"visits": range(100), "origin": ["ad", "shop"] * 50})
    >>> [(found.feature, round(found.psi, 3)) for found in drift(profile(old), old)]
    [('visits', 0.0), ('origin', 0.0)]
    """
    absent = [name for name in before if name not in now.columns]
    if absent or not len(now):
        raise ValueError(
            f"now: {len(now):,} rows, {len(absent)} of {len(before)} columns not found, first "
            f"{absent[:3]}; pass rows with the columns of the profile."
        )
    chance = CHANCE / max(1, len(before) if n_compared is None else n_compared)
    found = [_compare(name, stored, now[name], chance) for name, stored in before.items()]
    return sorted(found, key=lambda one: -one.psi)


def _compare(name: str, stored: Mapping[str, Any], values: pd.Series[Any], chance: float) -> Drift:
    missing, distance = float(values.isna().mean()), float("nan")
    if stored["kind"] == "number":
        present = _present(_numbers(values))
        edges = np.asarray(stored["edges"], np.float64)
        inside = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
        before, now = stored["counts"], [*inside.tolist(), len(values) - len(present)]
        distance = _ks_of_quantiles(np.asarray(stored["quantiles"], np.float64), present)
    else:
        counts = values.dropna().astype(str).value_counts()
        known = counts.reindex(list(stored["levels"]), fill_value=0)
        before = [*stored["levels"].values(), stored["other"], stored["missing_count"]]
        other = int(counts.sum() - known.sum())
        now = [*known.tolist(), other, int(values.isna().sum())]
    return Drift(
        name,
        psi(before, now),
        distance,
        stored["missing"],
        missing,
        int(sum(before)),
        len(values),
        psi_noise(before, now, chance=chance),
    )


def _ks_of_quantiles(quantiles: Floats, present: Floats) -> float:
    """Compare at the stored quantiles; exact to a hundredth."""
    if not len(quantiles) or not len(present):
        return float("nan")
    points = np.unique(quantiles)
    stored = np.searchsorted(quantiles, points, side="right") - 1
    current = np.sort(present)
    reached = np.searchsorted(current, points, side="right") / len(current)
    # What now lies below the smallest stored value counts in full.
    below = np.searchsorted(current, points[0], side="left") / len(current)
    return float(max(np.abs(reached - stored / (len(quantiles) - 1)).max(), below))


def rate_shift(before: ArrayLike, after: ArrayLike, *, noticed: float = NOTICED) -> RateShift:
    """Compare the outcome's rate in the rows of the fit and in those that judge.

    Parameters
    ----------
    before, after : outcomes, 0 or 1
    noticed : relative move that is called one

    Examples
    --------
    >>> rate_shift([0, 1], [0, 0, 1, 1]).moved, rate_shift([0, 1], [0, 1, 1]).moved
    (False, True)
    """
    rates = []
    for side in (before, after):
        values = np.asarray(side, np.float64)
        if not len(values):
            raise ValueError("rate_shift: a slice has no rows; pass outcomes of both slices.")
        rates.append(float(values.mean()))
    ratio = rates[1] / rates[0] if rates[0] else float("inf") if rates[1] else 1.0
    # Rates are quotients of counts: a move of exactly a tenth must not hang on the last bit.
    return RateShift(rates[0], rates[1], ratio, moved=abs(ratio - 1) > noticed + 1e-9)


def _is_number(values: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values.dtype)) or bool(values.isna().all())


def _numbers(values: pd.Series[Any]) -> Floats:
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan), np.float64)


def _present(values: Floats) -> Floats:
    return values[np.isfinite(values)]
