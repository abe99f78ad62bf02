"""Every metric that some tables allow, for one period."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from patronage import plots
from patronage.errors import SpecError
from patronage.jobs.cohorts import forecaster, history_of
from patronage.jobs.findings import Findings, columns_of
from patronage.jobs.funnel import period_of
from patronage.jobs.tables import Tables, read_scored_values, read_tables
from patronage.marketing.economics import Forecasts, value_by_month
from patronage.marketing.first_touch import ORIGINS, with_first_touch
from patronage.marketing.kpis import kpis
from patronage.marketing.leads import leading_and_lagging, stage_rates
from patronage.marketing.periods import Period
from patronage.marketing.satisfaction import Questions
from patronage.report.picture import Chart
from patronage.tracking.metric_specs import KpiData, KpiSpec

SHOWN = ["metric", "group", "value", "low", "high", "numerator", "denominator", "n", "unit", "flag"]


DRAWN = {
    "cac": "acquisition",
    "romi_on_revenue": "acquisition",
    "ltv_to_cac": "economics",
    "revenue_share": "mix_by_product",
}
"""Metric to the part of the table whose groups are drawn."""


def run_kpis(spec: KpiSpec) -> Findings:
    """Compute the metrics of a spec.

    Returns
    -------
    Table kpis (one row a figure, see `patronage.marketing.figures`); where there are leads
    leading_and_lagging, and where kpis.stages names steps stage_rates. Pictures of costs and
    returns by channel and of the product mix, where there are several.

    Raises
    ------
    PatronageError
        If a table breaks its contract or the spec asks for what is not there.
    """
    given = [getattr(spec.data, name) for name in KpiData.model_fields]
    period = period_of(spec.period, *[table for table in given if table is not None])
    tables = read_tables(spec.data)
    # Without a day given, a period counts as over only as far as the tables reach.
    as_of = spec.snapshot.as_of or tables.last_day(None)
    _add_origins(spec, tables)
    table = kpis(
        tables.found,
        period=period,
        as_of=as_of,
        window_days=spec.kpis.window_days,
        forecasts=_forecasts(spec, tables, as_of),
        scale=Questions(*spec.survey.scale, spec.survey.question),
        leads_by=spec.kpis.leads_by,
    )
    more = _of_leads(spec, tables, as_of) | _of_steps(spec, tables, period, as_of)
    shown = {str(room): columns_of(part, SHOWN) for room, part in table.groupby("room", sort=False)}
    for name, part in more.items():
        brief = [str(c) for c in part if str(c).startswith(("deals_", "rate_"))]
        brief = [name for name in brief if not name.endswith(("_low", "_high"))]
        wide = ["origin", "leads", "quality", *brief, "flag"]
        shown[name] = columns_of(part, SHOWN if name == "stage_rates" else wide)
    lines = [
        *tables.lines(),
        f"{period}, time zone {period.timezone}, currency {period.currency}",
        f"observed until {as_of}",
    ]
    return Findings({"kpis": table, **more}, _pictures(table), shown, lines)


def _add_origins(spec: KpiSpec, tables: Tables) -> None:
    """Put the first touch beside leads where they are told apart by it.

    Raises
    ------
    SpecError
        If leads are told apart by a column that they do not have.
    """
    leads = tables.found.get("leads")
    asked = [("leads_by", spec.kpis.leads_by), ("origin", spec.kpis.origin)]
    for option, name in [each for each in asked if each[1] is not None]:
        if leads is None:
            raise SpecError(f"kpis.{option} is {name!r}, but there is no [data.leads].")
        if name in leads.columns:
            continue
        touches = tables.found.get("touches")
        if touches is not None and ORIGINS.get(str(name)) in touches.columns:
            leads = tables.found["leads"] = with_first_touch(leads, touches)
            continue
        remedy = f"; {name} needs [data.touches] with it" if name in ORIGINS else ""
        raise SpecError(
            f"kpis.{option} is {name!r}, which the leads do not have{remedy}; they have "
            f"{', '.join(leads.columns)}."
        )


def _pictures(table: pd.DataFrame) -> dict[str, Chart]:
    """Draw the metrics that are told by channel or product, where there are any."""
    pictures = {}
    for metric, room in DRAWN.items():
        own = table[(table["room"] == room) & (table["metric"] == metric)]
        if own["value"].notna().sum() > 1:
            pictures[f"{room}_{metric}"] = plots.figure_by_group(own, metric)
    return pictures


def _forecasts(spec: KpiSpec, tables: Tables, as_of: date) -> Forecasts | None:
    """Forecast value by month of every customer, where the spec asks for it."""
    if spec.forecast is None or "transactions" not in tables.found or spec.data.spend is None:
        return None
    if spec.forecast.scores is not None:
        return Forecasts(read_scored_values(spec.forecast.scores, as_of), spec.forecast.margin)
    orders, source = tables.found["transactions"], spec.data.transactions
    returns = "net" if source is None else source.returns
    model = forecaster(spec.forecast, orders, as_of=as_of, returns=returns)
    summary = history_of(orders, as_of=as_of, returns=returns)
    table = value_by_month(summary, model, months=spec.forecast.months)
    return Forecasts(table, model.margin)


def _of_leads(spec: KpiSpec, tables: Tables, as_of: date) -> dict[str, pd.DataFrame]:
    if "leads" not in tables.found:
        return {}
    table = leading_and_lagging(
        tables.found["leads"],
        as_of=as_of,
        windows=spec.kpis.lead_windows,
        by=spec.kpis.origin,
        unit=spec.kpis.origin_unit,
        quality=spec.kpis.quality,
    )
    return {"leading_and_lagging": table}


def _of_steps(
    spec: KpiSpec, tables: Tables, period: Period, as_of: date
) -> dict[str, pd.DataFrame]:
    if "steps" not in tables.found or not spec.kpis.stages:
        return {}
    counting: dict[str, Any] = {"window_days": spec.kpis.window_days, "period": period}
    rates = stage_rates(tables.found["steps"], spec.kpis.stages, as_of=as_of, **counting)
    return {"stage_rates": rates}
