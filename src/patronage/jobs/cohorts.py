"""Who came back, and what each cohort is worth, by age."""

from __future__ import annotations

from typing import Any

import pandas as pd

from patronage.data.frames import frame_of
from patronage.errors import ConvergenceError
from patronage.features.rfm import rfm_summary
from patronage.jobs.findings import Findings
from patronage.jobs.tables import read_tables
from patronage.marketing.cohort_forecast import cohort_forecast
from patronage.marketing.cohorts import cohort_revenue, matrix, retention, retention_by_age
from patronage.marketing.engines import collected
from patronage.marketing.intervals import LEVEL
from patronage.models.lifetime_value import LifetimeValue
from patronage.plots import cohort_matrix
from patronage.tracking.metric_specs import CohortSpec, Forecast

NO_FORECAST = "no forecast, since value cannot be told from these orders"
BY_AGE = ["age", "value", "low", "high", "numerator", "denominator", "n_left_out", "flag"]


def run_cohorts(spec: CohortSpec) -> Findings:
    """Follow the cohorts of a spec.

    Returns
    -------
    Tables retention, revenue (long, with intervals), retention_matrix, revenue_matrix
    (cumulative, per customer), retention_by_age where ages are given, forecast where a model is;
    pictures of both matrices.

    Raises
    ------
    PatronageError
        If the orders break their contract or cannot carry the forecast.
    """
    source, options = spec.data.transactions, spec.cohorts
    tables = read_tables(spec.data)
    orders = tables.found["transactions"]
    as_of = tables.last_day(spec.snapshot.as_of)
    counting: dict[str, Any] = {"as_of": as_of, "unit": options.unit, "returns": source.returns}
    came_back = retention(orders, **counting)
    revenue = cohort_revenue(orders, **counting, currency=options.currency)
    found = {
        "retention": came_back,
        "revenue": revenue,
        "retention_matrix": matrix(came_back),
        "revenue_matrix": matrix(revenue, values="cumulative_value"),
    }
    shown = {name: found[name].iloc[:, :13] for name in ("retention_matrix", "revenue_matrix")}
    by_age = _by_age(orders, spec, counting)
    if by_age is not None:
        found["retention_by_age"] = by_age
        shown["retention_by_age"] = by_age[["cohort", "kind", *BY_AGE]]
    notes: list[str] = []
    if spec.forecast is not None:
        try:
            model = forecaster(spec.forecast, orders, as_of=as_of, returns=source.returns)
            ahead = spec.forecast.units_ahead
            found["forecast"] = cohort_forecast(orders, model, **counting, units_ahead=ahead)
        except ConvergenceError as error:
            notes = [f"{NO_FORECAST}: {error}"]
    for name in [name for name in found if not name.endswith("_matrix")]:
        found[name] = found[name].assign(timezone=source.timezone)
    pictures = {
        "retention": cohort_matrix(found["retention_matrix"], f"bought again, by {options.unit}"),
        "revenue": cohort_matrix(
            found["revenue_matrix"], "revenue per customer so far", as_share=False
        ),
    }
    lines = [*tables.lines(), f"observed until {as_of}; cells that are not over are blank"]
    lines.append(f"low and high are {LEVEL:.0%} intervals")
    return Findings(found, pictures, shown, [*lines, *notes])


def forecaster(
    forecast: Forecast,
    orders: Any,  # noqa: ANN401 - a DuckDB relation
    *,
    as_of: Any,  # noqa: ANN401 - a day
    returns: str,
) -> LifetimeValue:
    """Load the model that a spec names, or fit one to the orders as of the day.

    Raises
    ------
    ConvergenceError
        If the orders cannot carry one, as where nobody bought twice.
    """
    if forecast.model != "fit":
        from patronage.tracking.registry import load_model  # noqa: PLC0415 - brings MLflow

        return load_model(forecast.model).model  # type: ignore[no-any-return]
    model = LifetimeValue(margin=forecast.margin, annual_discount=forecast.annual_discount)
    return model.fit(history_of(orders, as_of=as_of, returns=returns))


def history_of(orders: Any, *, as_of: Any, returns: str) -> pd.DataFrame:  # noqa: ANN401 - any engine, any day
    """Summarise orders as of a day, one row a customer in the order of their ids."""
    summary = rfm_summary(orders, as_of=as_of, returns=returns)  # type: ignore[arg-type]
    table = collected(frame_of(summary, name="transactions"))
    return table.sort_values("customer_id", ignore_index=True)


def _by_age(orders: Any, spec: CohortSpec, counting: dict[str, Any]) -> pd.DataFrame | None:  # noqa: ANN401 - a DuckDB relation
    options = spec.cohorts
    asked = {"n_day": options.n_days, "unbounded": options.unbounded, "bracket": options.brackets}
    parts = [
        retention_by_age(orders, list(ages), kind=kind, **counting).assign(kind=kind)  # type: ignore[arg-type]
        for kind, ages in asked.items()
        if ages
    ]
    return pd.concat(parts, ignore_index=True) if parts else None
