"""How customers moved between segments, tiers or stages from one day to another, and where to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from patronage.errors import DataError, SpecError
from patronage.segments.lifecycle import STAGES
from patronage.segments.shares import wilson

CUSTOMER = "customer_id"
ABSENT = "(not there)"
"""Where a customer is on the day on which the table does not have them."""


@dataclass(frozen=True)
class Migration:
    """Moves between two days.

    Attributes
    ----------
    counts
        Customers by label before (rows) and after (columns). The last row holds those who were
        not there before, the last column those who are not there after.
    table
        The same, one row a move: before, after, customers, of (customers before), share with
        Wilson's 95% bounds low and high; NaN for arrivals, which have no base.
    """

    counts: pd.DataFrame
    table: pd.DataFrame


def migration(
    before: pd.Series[Any], after: pd.Series[Any], *, order: Sequence[str] | None = None
) -> Migration:
    """Count the moves between two labellings of customers.

    Parameters
    ----------
    before, after
        Labels indexed by customer id, each id once.
    order
        Labels in the order in which they are shown; others follow by name.

    Raises
    ------
    DataError
        If an id stands there twice, or ids are text on one day and numbers on the other.

    Examples
    --------
    >>> moves = migration(pd.Series({"a": "new", "b": "new"}),
    ...                   pd.Series({"a": "active", "b": "new", "c": "new"}))
    >>> moves.counts.loc["new"].to_dict()
    {'active': 1, 'new': 1, '(not there)': 0}
    """
    for name, labels in (("before", before), ("after", after)):
        twice = int(labels.index.duplicated().sum())
        if twice:
            raise DataError(
                f"{name}: {twice:,} of {len(labels):,} ids stand there twice, first "
                f"{labels.index[labels.index.duplicated()][0]!r}; give one row a customer."
            )
    kinds = [pd.api.types.is_numeric_dtype(labels.index) for labels in (before, after)]
    if len(before) and len(after) and kinds[0] != kinds[1]:
        raise DataError("ids are text on one day and numbers on the other; read both alike.")
    both = pd.concat(
        {"before": before.astype(object), "after": after.astype(object)}, axis=1, join="outer"
    ).fillna(ABSENT)
    found = set(both["before"]) | set(both["after"]) - {ABSENT}
    named = [label for label in order or [] if label in found]
    names = [*named, *sorted(found - {*named, ABSENT}), ABSENT]
    counts = pd.crosstab(both["before"], both["after"])
    counts = counts.reindex(index=names, columns=names, fill_value=0).rename_axis(
        index="before", columns="after"
    )
    return Migration(counts, _long(counts))


def score_migration(
    before: pd.DataFrame, after: pd.DataFrame, *, by: str = "stage", order: Sequence[str] = ()
) -> Migration:
    """Count the moves between the score tables of two days.

    Parameters
    ----------
    before, after
        Score tables, one row a customer: customer_id and the column `by`.
    by
        stage, segment, tier, or any other label.
    order
        As in `migration`; of stages their own.

    Raises
    ------
    DataError
        If a table lacks a column, or as `migration`.

    Examples
    --------
    >>> then = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["A", "B"]})
    >>> now = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["A", "A"]})
    >>> score_migration(then, now, by="tier").counts.loc["B", "A"]
    np.int64(1)
    """
    for name, table in (("before", before), ("after", after)):
        absent = [column for column in (CUSTOMER, by) if column not in table]
        if absent:
            raise DataError(
                f"{name}: column(s) {', '.join(absent)} not found; it has "
                f"{', '.join(map(str, table.columns))}. "
                "Score both days with the models whose labels are compared."
            )
    labels = [table.set_index(CUSTOMER)[by] for table in (before, after)]
    return migration(*labels, order=order or (STAGES if by == "stage" else None))


def project(moves: Migration, *, periods: int, n_draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Project how many customers each label will have if they go on moving like this.

    The observed shares of moves are applied again and again, and as many customers arrive each
    period as did in the one observed. No season, no campaign, and no memory beyond the label:
    what would come of the present course, not a forecast of a plan.

    Parameters
    ----------
    moves
        From `migration`; a period is as long as lay between its two days.
    periods
        How many to look ahead, >= 1.
    n_draws, seed
        The 80% interval comes from shares drawn from their Dirichlet posterior (Jeffreys prior
        on observed moves), Poisson arrivals and multinomial moves.

    Returns
    -------
    pandas.DataFrame
        period (0 is the second day), label, customers (expected), low, high.
    """
    if periods < 1:
        raise SpecError(f"periods is {periods}; use 1 or more.")
    counts = moves.counts.to_numpy(dtype=float)
    names = [str(name) for name in moves.counts.index if name != ABSENT]
    k = len(names)
    start, arrivals = counts[:, :k].sum(axis=0), counts[k, :k]
    rates = _shares(counts[:k])
    expected = [start]
    for _ in range(periods):
        expected.append(expected[-1] @ rates[:, :k] + arrivals)
    draws = _drawn(counts, periods=periods, n_draws=n_draws, seed=seed)
    low, high = np.quantile(draws, [0.1, 0.9], axis=0)
    return pd.DataFrame(
        {
            "period": np.repeat(np.arange(periods + 1), k),
            "label": names * (periods + 1),
            "customers": np.concatenate(expected),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )


def _long(counts: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "before": np.repeat(counts.index.to_numpy(), len(counts.columns)),
            "after": np.tile(counts.columns.to_numpy(), len(counts)),
            "customers": counts.to_numpy().ravel(),
        }
    )
    totals = counts.sum(axis=1)
    table["of"] = table["before"].map(totals).where(table["before"] != ABSENT)
    table["share"] = table["customers"] / table["of"].where(table["of"] > 0)
    table["low"], table["high"] = wilson(table["customers"], table["of"])
    return table


def _shares(counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows to shares; a label that nobody had stays where it is."""
    totals = counts.sum(axis=1, keepdims=True)
    stay = np.eye(*counts.shape)
    return np.where(totals > 0, counts / np.where(totals > 0, totals, 1), stay)


def _drawn(
    counts: np.ndarray[Any, Any], *, periods: int, n_draws: int, seed: int
) -> np.ndarray[Any, Any]:
    """Simulate customers by draw, period and label."""
    rng = np.random.default_rng(seed)
    k = len(counts) - 1
    now = np.tile(counts[:, :k].sum(axis=0).astype(np.int64), (n_draws, 1))
    seen = counts[:k] > 0
    gamma = rng.gamma(np.where(seen, counts[:k] + 0.5, 1e-12), size=(n_draws, k, k + 1))
    gamma = np.where(seen, gamma, 0.0)
    totals = gamma.sum(axis=2, keepdims=True)
    rates = np.where(totals > 0, gamma / np.where(totals > 0, totals, 1), np.eye(k, k + 1))
    mean_arrivals = rng.gamma(counts[k, :k] + 1e-12, size=(n_draws, k))
    path = [now]
    for _ in range(periods):
        moved = rng.multinomial(now, rates).sum(axis=1)[:, :k]
        now = moved + rng.poisson(mean_arrivals)
        path.append(now)
    return np.stack(path, axis=1)
