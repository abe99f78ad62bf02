"""Rows with a known outcome, split into those that a classifier learns from and those that judge.

Each kind of table has a function that makes one; fitting and judging are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.data.units import to_date
from patronage.features.catalogue import as_named, describe
from patronage.features.declared import Feature
from patronage.models.lifetime_value import LifetimeValue
from patronage.models.score_model import completed

Mask = NDArray[np.bool_]
SEASON = ("season_sin", "season_cos")
AGE = "age_days"
YEAR = 365
NEW_DAYS = 90


@dataclass(frozen=True)
class TrainingSet:
    """Features and outcomes, and which rows are for what.

    Attributes
    ----------
    features : shape (n_rows, n_columns)
        What scoring will have too, without forecasts; their columns are `learnt`.
    label : shape (n_rows,), 1.0 where the outcome came, else 0.0
    units : shape (n_rows,)
        Customer or lead of each row; a unit's rows are never split over folds.
    judging : bool, shape (n_rows,)
        Rows that judge.
    fitting : bool, shape (n_rows,)
        Rows that are learnt from; rows that are neither lie between the two in time.
    later : bool, shape (n_rows,), or None
        The latest of the fitting rows, where there is time.
    of_snapshots
        Whether rows are snapshots of days; then the later ones are the last that is learnt from.
    in_time
        Whether the judging rows are the newest; else they were drawn at random.
    learnt
        Columns of `features` that the classifier may use; others feed the forecasts alone.
    brought
        Those of them that the user's table holds as they are: they mean what their names say,
        whatever feature of that name is made here.
    outcome
        What happened where the label is 1, in words.
    remedy
        What helps where there are too few rows of a kind.
    split
        How rows were split, in words.
    forecaster, horizon_days
        As `ScoreModel` takes them.
    days_each
        Purchase days a customer, of orders.
    source, report
        What messages call the data, and what their check found.
    sources
        Every source that was read, for the fingerprint.
    facts
        What scoring must know beside the spec, such as the declared levels of touches.
    notes
        What a reader of the run should know.
    """

    features: pd.DataFrame
    label: NDArray[np.float64]
    units: NDArray[Any]
    fitting: Mask
    judging: Mask
    learnt: tuple[str, ...]
    split: str
    source: str
    sources: tuple[Any, ...]
    later: Mask | None = None
    brought: tuple[str, ...] = ()
    outcome: str = ""
    remedy: str = "more history, another horizon, or another as_of"
    of_snapshots: bool = False
    in_time: bool = True
    forecaster: LifetimeValue | None = None
    horizon_days: int | None = None
    has_value: bool = False
    days_each: float | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def rows(self, mask: Mask) -> pd.DataFrame:
        """Give rows as the classifier takes them, forecasts included."""
        given = self.features[mask]
        forecasts = completed(given, self.forecaster, self.horizon_days)
        added = [name for name in forecasts if name not in given.columns]
        return forecasts[[*self.learnt, *added]]

    def described(self, name: str) -> Feature:
        """Give what is declared of a column; one that the user brought means what it is called."""
        return as_named(name) if name in self.brought else describe(name)

    def outcome_line(self) -> str:
        """Say what is forecast and how often it came."""
        return f"outcome: {self.outcome} ({self.label.mean():.1%} of {len(self.label):,} rows)"

    def _made(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Keep the columns that are made here, whose names have a meaning of ours."""
        return rows[[name for name in rows.columns if name not in self.brought]]

    def baselines(self, rows: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
        """Give scores that a model must beat, higher for likelier, for rows of `rows`."""
        found = {}
        rows = self._made(rows)
        if "recency_days" in rows:
            found["recency alone"] = rows["recency_days"].to_numpy(np.float64)
        if "last_touch_days" in rows:
            silent = rows["last_touch_days"].to_numpy(np.float64)
            longest = np.nanmax(silent) if np.isfinite(silent).any() else 0.0
            found["recency alone"] = -np.where(np.isnan(silent), longest + 1.0, silent)
        if "expected_purchases" in rows:
            found["purchase forecast"] = -rows["expected_purchases"].to_numpy(np.float64)
        return found

    def segments(self, rows: pd.DataFrame) -> dict[str, Mask]:
        """Give masks of the groups that are judged by themselves."""
        found: dict[str, Mask] = {"all": np.ones(len(rows), dtype=np.bool_)}
        rows = self._made(rows)
        for age in ("age_days", "subscribed_days", "lead_age_days"):
            if age in rows:
                is_new = (rows[age] < NEW_DAYS).to_numpy(dtype=bool)
                found |= {f"new, under {NEW_DAYS} days": is_new, "tenured": ~is_new}
        if "frequency" in rows:
            once = (rows["frequency"] == 0).to_numpy(dtype=bool)
            found |= {"one-time buyers": once, "repeat buyers": ~once}
        if "touches" in rows:
            untouched = (rows["touches"] == 0).to_numpy(dtype=bool)
            found |= {"never touched": untouched, "touched": ~untouched}
        return {name: mask for name, mask in found.items() if mask.any()}


def by_cutoff(
    cutoff: NDArray[np.int64], fitting_days: tuple[int, ...], unit: str
) -> tuple[Mask, Mask, Mask | None, str]:
    """Split stacked snapshots: the last cutoff judges, those closed by then are learnt from.

    Returns
    -------
    Masks of fitting, judging and later rows, and the split in words.

    Examples
    --------
    >>> by_cutoff(np.array([0, 5, 10]), (0,), "customers")[3]
    'fitted on 1 snapshot of 1970-01-01, judged on that of 1970-01-11: customers'
    """
    last = int(cutoff.max())
    fitting = np.isin(cutoff, fitting_days)
    later = cutoff == fitting_days[-1] if len(fitting_days) > 1 else None
    first = to_date(fitting_days[0])
    span = f"{first} to {to_date(fitting_days[-1])}" if len(fitting_days) > 1 else f"{first}"
    plural = "" if len(fitting_days) == 1 else "s"
    split = (
        f"fitted on {len(fitting_days)} snapshot{plural} of {span}, judged on that of "
        f"{to_date(last)}: {unit}"
    )
    return fitting, cutoff == last, later, split


def without_season(
    names: tuple[str, ...], fitting_days: tuple[int, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Leave out the time of the year where the cutoffs have not seen all of one.

    It would only say which snapshot a row is from, and mean nothing at the next.

    Returns
    -------
    The names to learn from, and a note for those left out.
    """
    if fitting_days[-1] - fitting_days[0] >= YEAR or not set(SEASON) & set(names):
        return names, ()
    note = "time of the year is left out: the snapshots cover less than a year"
    return tuple(name for name in names if name not in SEASON), (note,)


def without_age(
    names: tuple[str, ...], *, first_day: int, first_cutoff: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Leave out the customers' age where the data began less than a year before the snapshots.

    It is then the age of the data for many of them, and older at each next day than any that
    was learnt from.

    Returns
    -------
    The names to learn from, and a note for what is left out.

    Examples
    --------
    >>> without_age(("frequency", "age_days"), first_day=0, first_cutoff=200)[0]
    ('frequency',)
    """
    if first_cutoff - first_day >= YEAR or AGE not in names:
        return names, ()
    note = (
        f"the customers' age is left out: {first_cutoff - first_day} days of history before the "
        "first snapshot, and it is known from a year on"
    )
    return tuple(name for name in names if name != AGE), (note,)
