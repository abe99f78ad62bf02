"""What a page is made of, gathered before a word of it is written.

A part that is None, or a name that a mapping does not have, is not there; the page then leaves
out what would rest on it and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class ModelRecord:
    """How one of the models behind the scores came to be.

    Attributes
    ----------
    name, version
        As registered; version is "" for a run that a person named.
    tags
        Of the run and the version: as_of, horizon_days, grade, validation_status, ...
    metrics, tables, documents
        As training logged them.
    """

    name: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)

    @property
    def as_of(self) -> str:
        """Last day that it learnt from, "" where it has none."""
        return self.tags.get("as_of", "")

    @property
    def horizon_days(self) -> int | None:
        """Length of the window that it was judged on."""
        days = self.tags.get("horizon_days", "")
        return int(days) if days.isdigit() else None


@dataclass(frozen=True)
class ValueFacts:
    """Forecast value of all customers of the score table, in currency units.

    Attributes
    ----------
    total
    low, high
        Of the total, 80%, if customers vary independently of each other.
    median
    top_share
        Share of the total that the most valuable fifth of the customers holds.
    n
        Customers whose value is known.
    days
        That the forecast looks ahead; None where it is not on record.
    tenths
        By tenth of the customers, 1 the most valuable: tenth, n, value, mean, low, high (of the
        tenth's value, as above).
    n_below, below
        Customers of a value below zero, and what they come to together.
    margin
        Part of what customers pay that counts as value; None where it is not on record.
    annual_discount
        A year.
    """

    total: float
    low: float
    high: float
    median: float
    top_share: float
    n: int
    days: float | None
    tenths: pd.DataFrame
    n_below: int = 0
    below: float = 0.0
    margin: float | None = None
    annual_discount: float | None = None


@dataclass(frozen=True)
class RiskFacts:
    """Who is about to leave.

    Attributes
    ----------
    n
        Customers with a chance of leaving.
    n_listed, n_found
        Rows of `warned`, and customers who meet its conditions.
    value_at_risk
        Value weighted by the chance of leaving, of all customers, in currency units; a value
        below zero counts as none.
    days
        Within which a customer leaves; None where it is not on record.
    min_risk, min_value
        From which on a customer is risky, and valuable.
    is_churn
        True for a churn model's chance, False for 1 - probability alive.
    bands
        By fifth of the chance, band 0 up to 20%: band, customers, value, value_at_risk, and spread
        (standard deviation of value, as that of groups).
    warned
        The early-warning list, most at stake first.
    found_at_risk
        Value at risk of the `n_found`.
    mean_risk
        Mean chance of the `n`.
    """

    n: int
    n_listed: int
    n_found: int
    value_at_risk: float
    days: float | None
    min_risk: float
    min_value: float
    is_churn: bool
    bands: pd.DataFrame
    warned: pd.DataFrame
    found_at_risk: float = float("nan")
    mean_risk: float = float("nan")


@dataclass(frozen=True)
class Moves:
    """Customers by label on an earlier day and on that of the scores.

    Attributes
    ----------
    before, after
        The two days.
    table
        before, after, customers: one row a move; ABSENT where a customer was not there.
    same_model
        Whether one version put the labels on both days.
    """

    before: date
    after: date
    table: pd.DataFrame
    same_model: bool


@dataclass(frozen=True)
class Truth:
    """What an earlier score table forecast, beside what came until the day of this one.

    Attributes
    ----------
    before, after
        The two days.
    deciles
        Purchase days by tenth of the forecast, as `evaluation.counts.decile_table`; None
        without a forecast.
    forecast, actual
        Total purchase days.
    churn
        Chance of leaving beside who left, as `evaluation.reliability.reliability_curve`; None
        where the days between are not the churn model's window.
    """

    before: date
    after: date
    deciles: pd.DataFrame | None = None
    forecast: float = float("nan")
    actual: float = float("nan")
    churn: pd.DataFrame | None = None


@dataclass(frozen=True)
class Material:
    """Everything that a page may tell.

    Attributes
    ----------
    as_of
        Last day observed.
    n_customers
        Rows of the score table.
    value, risk
    groups
        "tier", "segment", "stage" to label, customers, value (absent where some customer's is
        below zero: a share of such a total says nothing), and risk, value_at_risk (of
        n_at_risk customers) and health where known; value_spread and at_risk_spread are standard
        deviations of the two sums, if customers vary independently of each other.
    moves
        "stage", "segment" to moves since the score table before.
    truth
    models
        By what they do: "value", "churn", "segments".
    figures
        Tables of the commands that count, by file name: credit, costs, kpis, funnel, ...
    drift
        feature, psi, moved, n (rows compared) and limit (from which psi on it counts as moved),
        the most moved first.
    currency
        ISO code, "" where none is named.
    """

    as_of: date | None
    n_customers: int
    value: ValueFacts | None = None
    risk: RiskFacts | None = None
    groups: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    moves: Mapping[str, Moves] = field(default_factory=dict)
    truth: Truth | None = None
    models: Mapping[str, ModelRecord] = field(default_factory=dict)
    figures: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    drift: pd.DataFrame | None = None
    currency: str = ""
