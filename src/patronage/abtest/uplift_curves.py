"""How well a ranking by expected effect finds those whom a treatment moves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from patronage.errors import ReadinessError

Floats = NDArray[np.float64]
GRID = np.linspace(0.0, 1.0, 101)
FEWEST_UNITS = 2


class Band(NamedTuple):
    """A figure and its bootstrap interval."""

    value: float
    low: float
    high: float


class UpliftReport(NamedTuple):
    """How a ranking fares in an experiment.

    Attributes
    ----------
    qini
        Area between the Qini curve and the straight line of a random order, in units of the
        outcome for each unit of the whole base. 0 means that the ranking is worth nothing.
    auuc
        Area under the cumulative gain curve; a random order has half the average effect.
    curve
        share (of units treated, best first), qini (outcomes gained for each unit of the base),
        low, high, random, gain (the same by difference of rates).
    deciles
        index decile, 1 the highest expected effect: units, treated, control, predicted_mean,
        actual (difference of the arms), low, high.
    """

    qini: Band
    auuc: Band
    curve: pd.DataFrame
    deciles: pd.DataFrame


class _Ranked(NamedTuple):
    """Units, best first, with what counts in each arm."""

    outcome: Floats
    treated: NDArray[np.bool_]
    weight: Floats
    ends: NDArray[np.intp]
    tenth: NDArray[np.intp]
    group: NDArray[np.intp]


def evaluate_uplift(  # noqa: PLR0913 - what a ranking is judged by
    outcome: ArrayLike,
    treated: ArrayLike,
    effect: ArrayLike,
    *,
    share: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    n_boot: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> UpliftReport:
    """Judge a ranking by expected effect on rows that its model never saw.

    Parameters
    ----------
    outcome : shape (n_rows,), yes or no as 1 or 0, or an amount
    treated : shape (n_rows,), 1 for treated, 0 for control
    effect : shape (n_rows,), expected effect of treating
    share
        Chance of having been treated, where it differs between units.
    groups : shape (n_rows,)
        Ids of rows that belong together: resamples draw whole groups.
    n_boot
        Resamples of each arm behind the bands.
    level
        Of the bands.
    seed

    Raises
    ------
    ReadinessError
        Without units in both arms: no ranking can be judged without a control group. With fewer
        than two groups: there is nothing to resample.
    ValueError
        For missing values or unequal lengths.

    References
    ----------
    Radcliffe (2007), "Using control groups to target on predicted lift", Direct Marketing
    Analytics Journal, 14-21; Gutierrez and Gérardy (2017), PMLR 67, 1-13.

    Examples
    --------
    The first two units are moved by the treatment, the last two are not:

    >>> found = evaluate_uplift([1, 0, 1, 1], [1, 0, 1, 0], [0.9, 0.9, 0.1, 0.1], n_boot=50)
    >>> round(found.qini.value, 3), found.curve["qini"].iloc[[0, 50, 100]].tolist()
    (0.125, [0.0, 0.5, 0.5])
    """
    values = _numbers(outcome, "outcome")
    sides = check_treated(treated, len(values))
    ranking = _numbers(effect, "effect", len(values))
    shares = check_share(share, sides)
    codes = group_codes(groups, len(values))
    ranked = _rank(values, sides, ranking, shares, (codes, seed))
    counts = np.ones(len(values))
    curve, gain, areas = _curves(ranked, counts)
    actual = _by_tenth(ranked, counts)
    drawn_curves, drawn_areas, drawn_tenths = _resample(ranked, n_boot, seed)
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn_curves, tails, axis=0)
    bands = np.quantile(drawn_areas, tails, axis=0)
    frame = pd.DataFrame(
        {
            "share": GRID,
            "qini": curve,
            "low": low,
            "high": high,
            "random": GRID * curve[-1],
            "gain": gain,
        }
    )
    deciles = _deciles(ranked, np.sort(ranking)[::-1], actual, np.array(drawn_tenths), tails)
    return UpliftReport(
        Band(float(areas[0]), float(bands[0, 0]), float(bands[1, 0])),
        Band(float(areas[1]), float(bands[0, 1]), float(bands[1, 1])),
        frame,
        deciles,
    )


def group_codes(groups: ArrayLike | None, n_rows: int) -> NDArray[np.intp]:
    """Give each row the number of its group; without groups, each row is its own.

    Raises
    ------
    ReadinessError
        If there are fewer than two groups.
    ValueError
        If there is not one id a row, or one is missing.
    """
    if groups is None:
        return np.arange(n_rows)
    values = pd.Series(np.asarray(groups))
    if len(values) != n_rows or values.isna().any():
        raise ValueError(
            f"groups: {len(values):,} ids of {n_rows:,} rows, {int(values.isna().sum()):,} of them "
            "missing; pass one a row."
        )
    codes, names = pd.factorize(values)
    if len(names) < FEWEST_UNITS:
        raise ReadinessError(
            f"groups: all {n_rows:,} rows belong to one group; how far figures are by chance "
            "shows between groups."
        )
    return codes


def summed(values: Floats, codes: NDArray[np.intp]) -> Floats:
    """Sum values by group, shape (n_groups,)."""
    return np.asarray(np.bincount(codes, values), dtype=np.float64)


def check_treated(treated: ArrayLike, n_rows: int) -> NDArray[np.bool_]:
    """Read who was treated, and insist on a control group.

    Raises
    ------
    ReadinessError
        If an arm has fewer than two units.
    ValueError
        If values are other than 0 and 1, or their number is wrong.
    """
    values = _numbers(treated, "treated", n_rows)
    odd = ~np.isin(values, (0.0, 1.0))
    if odd.any():
        raise ValueError(
            f"treated: {int(odd.sum()):,} of {n_rows:,} values are neither 0 nor 1, first "
            f"{values[odd][0]:g}; compare one treatment with control at a time."
        )
    sides: NDArray[np.bool_] = values == 1
    n_treated = int(sides.sum())
    for arm, n in (("control", n_rows - n_treated), ("treated", n_treated)):
        if n < FEWEST_UNITS:
            raise ReadinessError(
                f"treated: {n:,} of {n_rows:,} units are {arm}; what an action changes shows only "
                "beside a control group. Hold some customers out with patronage assign first."
            )
    return sides


def check_share(share: ArrayLike | None, treated: NDArray[np.bool_]) -> Floats:
    """Give each unit's chance of having been treated; by default the share that was.

    Raises
    ------
    ValueError
        If a chance is not strictly between 0 and 1.
    """
    given = treated.mean() if share is None else share
    shares = np.broadcast_to(np.asarray(given, dtype=np.float64), treated.shape)
    wrong = ~((shares > 0) & (shares < 1))
    if wrong.any():
        raise ValueError(
            f"share: {int(wrong.sum()):,} of {len(treated):,} are not between 0 and 1, first "
            f"{shares[wrong][0]:g}; units that were sure of their arm show no effect."
        )
    return shares


def _numbers(values: ArrayLike, name: str, n_rows: int | None = None) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or (n_rows is not None and len(found) != n_rows):
        raise ValueError(f"{name} has shape {found.shape}; pass one value a unit.")
    missing = ~np.isfinite(found)
    if missing.any():
        raise ValueError(
            f"{name}: {int(missing.sum()):,} of {len(found):,} values are missing or infinite; "
            "a unit that did nothing has the outcome 0."
        )
    return found


def _rank(
    outcome: Floats,
    treated: NDArray[np.bool_],
    effect: Floats,
    share: Floats,
    more: tuple[NDArray[np.intp], int],
) -> _Ranked:
    codes, seed = more
    # Equal effects are put in an order of chance, and the curves look at none but their ends.
    chance = np.random.default_rng(seed).permutation(len(effect))
    order = np.lexsort((chance, -effect))
    ordered = effect[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    tenth = np.arange(len(effect)) * 10 // len(effect)
    weight = np.where(treated, 1.0 / share, 1.0 / (1.0 - share))[order]
    return _Ranked(outcome[order], treated[order], weight, ends, tenth, codes[order])


def _curves(ranked: _Ranked, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Qini and gain curve on the grid, and the areas of both."""
    weight = counts * ranked.weight
    sums = []
    for side in (ranked.treated, ~ranked.treated):
        own = np.where(side, weight, 0.0)
        sums += [np.cumsum(own)[ranked.ends], np.cumsum(own * ranked.outcome)[ranked.ends]]
    n_treated, y_treated, n_control, y_control = sums
    scaled = np.divide(
        y_control * n_treated, n_control, out=np.zeros_like(y_control), where=n_control > 0
    )
    qini = np.where(n_control > 0, y_treated - scaled, 0.0) / n_treated[-1]
    share = np.cumsum(counts)[ranked.ends] / counts.sum()
    both = (n_treated > 0) & (n_control > 0)
    gain = np.zeros_like(share)
    gain[both] = share[both] * (
        y_treated[both] / n_treated[both] - y_control[both] / n_control[both]
    )
    share, qini, gain = (np.append(0.0, each) for each in (share, qini, gain))
    areas = np.array([np.trapezoid(qini, share) - qini[-1] / 2, np.trapezoid(gain, share)])
    return np.interp(GRID, share, qini), np.interp(GRID, share, gain), areas


def _by_tenth(ranked: _Ranked, counts: Floats) -> Floats:
    """Difference of the arms in each tenth; nan where an arm is empty."""
    weight = counts * ranked.weight
    means = []
    for side in (ranked.treated, ~ranked.treated):
        own = np.where(side, weight, 0.0)
        total = np.bincount(ranked.tenth, own, 10)
        filled = np.where(total > 0, total, np.nan)
        means.append(np.bincount(ranked.tenth, own * ranked.outcome, 10) / filled)
    return np.asarray(means[0] - means[1])


def _resample(ranked: _Ranked, n_boot: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Curves, areas and tenths of resamples: whole groups, and each arm drawn in its own size."""
    random = np.random.default_rng(seed)
    pools = _pools(ranked)
    curves: list[Floats] = []
    areas, tenths = [], []
    while len(curves) < n_boot:
        drawn = np.concatenate([pool[random.integers(0, len(pool), len(pool))] for pool in pools])
        times = np.bincount(drawn, minlength=int(ranked.group.max()) + 1)
        counts = times[ranked.group].astype(np.float64)
        if not (counts[ranked.treated].any() and counts[~ranked.treated].any()):
            continue  # of few groups in both arms: a draw without one arm says nothing
        curve, _, area = _curves(ranked, counts)
        curves.append(curve)
        areas.append(area)
        tenths.append(_by_tenth(ranked, counts))
    return np.array(curves), np.array(areas), np.array(tenths)


def _pools(ranked: _Ranked) -> list[NDArray[np.intp]]:
    """Find the groups to draw from: of each arm, or all where some group is in both arms."""
    treated = np.unique(ranked.group[ranked.treated])
    control = np.unique(ranked.group[~ranked.treated])
    if np.isin(treated, control).any():
        return [np.union1d(treated, control)]
    return [treated, control]


def _deciles(
    ranked: _Ranked, predicted: Floats, actual: Floats, drawn: Floats, tails: list[float]
) -> pd.DataFrame:
    tenths = pd.Series(ranked.tenth + 1, name="decile")
    rows: dict[str, Any] = {
        "units": 1,
        "treated": ranked.treated.astype(int),
        "control": (~ranked.treated).astype(int),
    }
    table = pd.DataFrame(rows, index=tenths.index).groupby(tenths).sum()
    table["predicted_mean"] = pd.Series(predicted).groupby(tenths).mean()
    place = table.index.to_numpy() - 1
    table["actual"] = actual[place]
    bounds = [np.full(len(place), np.nan)] * 2
    known: NDArray[np.bool_] = np.asarray(~np.isnan(drawn[:, place]).all(axis=0))
    if known.any():
        found = np.nanquantile(drawn[:, place[known]], tails, axis=0)
        bounds = [_spread_out(each, known) for each in found]
    table["low"], table["high"] = bounds
    return table


def _spread_out(values: Floats, known: NDArray[np.bool_]) -> Floats:
    filled = np.full(len(known), np.nan)
    filled[known] = values
    return filled
