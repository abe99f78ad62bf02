"""Learn segments, tiers, stages and health from orders as of a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.errors import ConvergenceError, ReadinessError
from patronage.features.labels import holdout
from patronage.features.snapshot import snapshot
from patronage.jobs.health import learn_health, load_churn
from patronage.jobs.signals import read_signals
from patronage.models.lifetime_value import LifetimeValue
from patronage.segments.clusters import KMeansSegments
from patronage.segments.lifecycle import LifecycleStages
from patronage.segments.rfm_grid import RFMSegments
from patronage.segments.tiers import ValueTiers
from patronage.tracking.customer_segments import FORECAST, CustomerSegments, forecast_of
from patronage.tracking.segments_spec import SegmentsSpec

NO_TIERS = "no tiers, since value cannot be forecast"


@dataclass
class Learning:
    """What training knows: orders, customers as of the days that matter, and the model.

    Attributes
    ----------
    now, before
        Snapshots as of as_of and one horizon earlier, in the order of ids.
    outcome
        What each customer of `now` bought in the window after as_of; None before it is over.
    notes
        What could not be done, and why.
    """

    orders: Any
    report: DataReport
    now: pd.DataFrame
    before: pd.DataFrame
    outcome: pd.DataFrame | None
    model: CustomerSegments
    notes: list[str] = field(default_factory=list)


def learn(spec: SegmentsSpec) -> Learning:
    """Read the orders of a spec and fit every part to them."""
    table, as_of, horizon = spec.data.transactions, spec.snapshot.as_of, spec.snapshot.horizon_days
    churn = load_churn(spec)
    orders, report = check_table(table.source, **table.reading())
    if report.first_day is None or report.first_day > as_of:
        raise ReadinessError(
            f"{report.source}: no order on or before snapshot.as_of {as_of}, "
            f"{report.rows_kept:,} rows in all; set a later one."
        )
    now = _snapshot(orders, as_of, spec)
    if now.empty:
        raise ReadinessError(
            f"{report.source}: refunds leave no purchase on or before snapshot.as_of {as_of}, "
            f"{report.rows_kept:,} rows in all; set a later one, or read more of the orders."
        )
    before = _snapshot(orders, as_of - timedelta(days=horizon), spec)
    outcome = None
    if report.last_day is not None and report.last_day >= as_of + timedelta(days=horizon):
        outcome = _outcome(orders, as_of, spec)
    options = spec.model
    came = _outcome(orders, as_of - timedelta(days=horizon), spec)
    health = learn_health(spec, churn, before, came, value=_value_model(spec), report=report)
    notes = list(health.notes)
    model = CustomerSegments(
        segments=_segments(spec).fit(now),
        stages=LifecycleStages(options.at_risk, options.lapsed, options.lost).fit(now),
        **health.parts,
    )
    try:
        model.value = _value_model(spec).fit(now)
        model.tiers = ValueTiers(options.tiers).fit(forecast_of(model.value, now)["lifetime_value"])
    except ConvergenceError as error:
        model.value, notes = None, [*notes, f"{NO_TIERS}: {error}"]
    return Learning(orders, report, now, before, outcome, model, notes)


def label(found: Learning) -> pd.DataFrame:
    """Put labels and forecast beside the snapshot of as_of."""
    labels = found.model.predict(found.now)
    forecast = forecast_of(found.model.value, found.now)
    return pd.concat([found.now, labels, forecast[list(FORECAST)]], axis="columns")


def _snapshot(orders: Any, as_of: date, spec: SegmentsSpec) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    made = snapshot(orders, as_of=as_of, returns=spec.data.transactions.returns)
    table: pd.DataFrame = made.order("customer_id").to_arrow_table().to_pandas()
    signals = read_signals(spec.data, as_of)
    return table if signals is None else signals.beside(table, table["customer_id"])


def _outcome(orders: Any, as_of: date, spec: SegmentsSpec) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    came = holdout(
        orders,
        as_of=as_of,
        horizon_days=spec.snapshot.horizon_days,
        returns=spec.data.transactions.returns,
    )
    table: pd.DataFrame = came.order("customer_id").to_arrow_table().to_pandas()
    return table


def _value_model(spec: SegmentsSpec) -> LifetimeValue:
    options = spec.model
    return LifetimeValue(
        horizon_days=options.value_days,
        annual_discount=options.annual_discount,
        margin=options.margin,
    )


def _segments(spec: SegmentsSpec) -> RFMSegments | KMeansSegments:
    options = spec.model
    if options.method == "rfm":
        return RFMSegments(
            options.n_bins, dict(options.grid) or None, options.second, options.monetary
        )
    return KMeansSegments(
        options.n_clusters, features=list(options.features), random_state=options.seed
    )
