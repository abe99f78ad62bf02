"""Judge a lifetime-value model, beside its baselines, on the window after its day."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import pandas as pd

from patronage import plots
from patronage.data.units import to_day
from patronage.evaluation.counts import (
    Estimate,
    HoldoutReport,
    decile_table,
    interval_coverage,
    judge_counts,
    mean_baseline,
    rate_baseline,
    repeat_baseline,
)
from patronage.features.labels import holdout, weekly_purchases
from patronage.models.curve import cumulative_curve
from patronage.models.lifetime_value import LifetimeValue
from patronage.report.format import english
from patronage.report.picture import Chart
from patronage.tracking.spec import LifetimeValueSpec


@dataclass(frozen=True)
class Judgement:
    """How a model and its baselines fared on one holdout.

    Attributes
    ----------
    model
        Name of the judged model among `report`'s rows.
    report
        Measures and deciles of purchases of all.
    value_deciles
        Forecast and actual spend by tenth of forecast spend, currency units.
    coverage
        Part of the customers whose holdout spend fell into their interval.
    curve
        Cumulative repeat purchases by week: week, actual, forecast; week 0 ends on as_of.
    window
        Days that were forecast.
    """

    model: str
    report: HoldoutReport
    value_deciles: pd.DataFrame
    coverage: Estimate
    curve: pd.DataFrame
    window: str = ""

    @property
    def bias(self) -> float:
        """Predicted over actual purchases, less one."""
        return float(self.report.measures["total_ratio"][self.model]) - 1.0

    def metrics(self) -> dict[str, float]:
        """Numbers of the judged model, by the names that they are logged under."""
        own = self.report.measures.T[self.model].dropna().to_dict()
        found = {f"holdout_{name}": float(value) for name, value in own.items()}
        return found | {
            "holdout_interval_coverage": self.coverage.value,
            "holdout_customers": float(self.report.n_customers),
            "holdout_buyers": float(self.report.n_buyers),
            "holdout_purchases": self.report.total_actual,
        }

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by the names that they are logged under."""
        return {
            "holdout_measures": self.report.measures.reset_index(),
            "holdout_deciles": self.report.deciles[self.model].reset_index(),
            "holdout_value_deciles": self.value_deciles.reset_index(),
            "holdout_curve": self.curve,
        }

    def pictures(self) -> dict[str, Chart]:
        """Draw what the tables say."""
        return {
            "cumulative_purchases": plots.cumulative_purchases(
                self.curve, n=self.report.n_customers, window=self.window
            ),
            "purchases_by_decile": plots.by_decile(
                self.report.deciles[self.model], "purchases", window=self.window
            ),
            "value_by_decile": plots.by_decile(self.value_deciles, "spend", window=self.window),
        }


def judge(
    orders: Any,  # noqa: ANN401 - a DuckDB relation
    summary: pd.DataFrame,
    models: Mapping[str, LifetimeValue],
    spec: LifetimeValueSpec,
) -> Judgement:
    """Forecast the window after as_of with each model and baseline, and compare with the truth.

    Parameters
    ----------
    orders
        Checked transactions that reach the window's end.
    summary
        Of the customers as of the day, with customer_id.
    models
        By name; the first is the one judged, the others stand beside it.
    """
    as_of, days = to_day(spec.snapshot.as_of), spec.snapshot.horizon_days
    returns = spec.data.transactions.returns
    truth = _beside(summary, holdout(orders, as_of=as_of, horizon_days=days, returns=returns))
    # What each bought in the window before, first purchases included.
    before = holdout(orders, as_of=as_of - days, horizon_days=days, returns=returns, newcomers=True)
    name, model = next(iter(models.items()))
    ages = summary["T"]
    forecasts = {
        key: each.predict(summary, horizon_days=days)["expected_purchases"]
        for key, each in models.items()
    } | {
        "frequency / T": rate_baseline(summary["frequency"], ages, horizon=days),
        "last period repeated": repeat_baseline(_beside(summary, before)["holdout_purchases"]),
        "mean": mean_baseline(summary["frequency"], ages, horizon=days),
    }
    plain = copy(model).set_params(horizon_days=days, annual_discount=0.0, margin=1.0)
    spend = plain.predict(summary)
    weekly = weekly_purchases(orders, as_of=as_of, horizon_days=days, returns=returns)
    return Judgement(
        name,
        judge_counts(forecasts, truth["holdout_purchases"], spend=truth["holdout_value"]),
        decile_table(spend["lifetime_value"], truth["holdout_value"]),
        interval_coverage(
            spend["lifetime_value_low"], spend["lifetime_value_high"], truth["holdout_value"]
        ),
        cumulative_curve(model.purchase_model_, summary, weekly),
        english().span(as_of + 1, as_of + days),
    )


def _beside(summary: pd.DataFrame, found: Any) -> pd.DataFrame:  # noqa: ANN401 - a relation
    """Bring what was found into the order of the summary, 0 where nothing was."""
    return summary[["customer_id"]].merge(found.df(), on="customer_id", how="left").fillna(0)
