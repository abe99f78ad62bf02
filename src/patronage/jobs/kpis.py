"""Every metric that some tables allow, for one period."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from patronage import plots
from patronage.data.engines import DuckdbEngine
from patronage.errors import ConvergenceError, SpecError
from patronage.jobs.cohorts import NO_FORECAST, forecaster, history_of
from patronage.jobs.findings import Findings, columns_of
from patronage.jobs.funnel import period_of
from patronage.jobs.tables import Tables, read_scored_values, read_steps, read_tables
from patronage.marketing.economics import Forecasts, value_by_month
from patronage.marketing.first_touch import ORIGINS, with_first_touch
from patronage.marketing.intervals import LEVEL
from patronage.marketing.kpis import kpis
from patronage.marketing.leads import (
    converted_before_created,
    leading_and_lagging,
    stage_rates,
)
from patronage.marketing.periods import Period
from patronage.marketing.satisfaction import Questions
from patronage.report.picture import Chart
from patronage.tracking.metric_specs import KpiData, KpiSpec
from patronage.tracking.sections import TableSource

SHOWN = ["metric", "group", "value", "low", "high", "numerator", "denominator", "n"]
SHOWN += ["window_days", "unit", "flag"]

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
    period = period_of(spec.period, *_sources(spec.data))
    tables = _read(spec)
    # Without a day given, a period counts as over only as far as the tables reach.
    as_of, observed = tables.last_day(spec.snapshot.as_of), tables.observed(spec.snapshot.as_of)
    _add_origins(spec, tables)
    forecasts, notes = _forecasts(spec, tables, observed)
    table = kpis(
        tables.found,
        period=period,
        as_of=as_of,
        window_days=spec.kpis.window_days,
        active_days=spec.kpis.active_days,
        forecasts=forecasts,
        scale=Questions(*spec.survey.scale, spec.survey.question),
        leads_by=spec.kpis.leads_by,
        observed=observed,
    )
    more = _of_leads(spec, tables, period, observed) | _of_steps(spec, tables, period, observed)
    shown = {str(room): columns_of(part, SHOWN) for room, part in table.groupby("room", sort=False)}
    for name, part in more.items():
        brief = [str(c) for c in part if str(c).startswith(("deals_", "rate_"))]
        brief = [name for name in brief if not name.endswith(("_low", "_high"))]
        wide = ["origin", "leads", "quality", *brief, "flag"]
        shown[name] = columns_of(part, SHOWN if name == "stage_rates" else wide)
    lines = [
        *tables.lines(),
        f"{period}, time zone {period.timezone}, currency {period.currency}",
        f"observed until {as_of}; low and high are {LEVEL:.0%} intervals",
        *tables.observed_lines(spec.snapshot.as_of),
        *_doubts(tables),
        *notes,
    ]
    return Findings({"kpis": table, **more}, _pictures(table), shown, lines)


def _sources(data: KpiData) -> list[TableSource]:
    # Customers have no days.
    dated = [name for name in KpiData.model_fields if name not in ("steps", "customers")]
    given = [getattr(data, name) for name in dated]
    return [table for table in given if table is not None] + list(data.steps or ())


def _read(spec: KpiSpec) -> Tables:
    tables = read_tables(spec.data, [name for name in KpiData.model_fields if name != "steps"])
    if spec.data.steps is not None:
        kept = ["channel", *filter(None, [spec.kpis.stages_by])]
        read_steps(spec.data.steps, kept, tables=tables)
    return tables


def _add_origins(spec: KpiSpec, tables: Tables) -> None:
    """Put the first touch beside leads where they are told apart by it.

    Raises
    ------
    SpecError
        If leads are told apart by a column that they do not have.
    """
    leads = tables.found.get("leads")
    asked = [("leads_by", spec.kpis.leads_by), ("origin", spec.kpis.origin)]
    if "steps" in tables.found and spec.kpis.stages_by not in tables.found["steps"].columns:
        asked.append(("stages_by", spec.kpis.stages_by))
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


def _doubts(tables: Tables) -> list[str]:
    """Say what of the leads cannot be true."""
    leads = tables.found.get("leads")
    early = 0 if leads is None else converted_before_created(leads)
    if not early:
        return []
    line = f"leads: {early:,} converted before they were created and count as not converted"
    return [f"{line}; correct one of the dates"]


def _pictures(table: pd.DataFrame) -> dict[str, Chart]:
    """Draw the metrics that are told by channel or product, where there are any."""
    pictures = {}
    for metric, room in DRAWN.items():
        own = table[(table["room"] == room) & (table["metric"] == metric)]
        if own["value"].notna().sum() > 1:
            pictures[f"{room}_{metric}"] = plots.figure_by_group(own, metric)
    return pictures


def _forecasts(
    spec: KpiSpec, tables: Tables, observed: dict[str, date]
) -> tuple[Forecasts | None, list[str]]:
    """Forecast value by month of every customer, where the spec asks for it; else say why not."""
    if spec.forecast is None or "transactions" not in tables.found or spec.data.spend is None:
        return None, []
    as_of = observed["transactions"]
    if spec.forecast.scores is not None:
        scored = read_scored_values(spec.forecast.scores, as_of)
        return Forecasts(scored, spec.forecast.margin), []
    orders, source = tables.found["transactions"], spec.data.transactions
    returns = "net" if source is None else source.returns
    try:
        model = forecaster(spec.forecast, orders, as_of=as_of, returns=returns)
    except ConvergenceError as error:
        return None, [f"{NO_FORECAST}: {error}"]
    summary = history_of(orders, as_of=as_of, returns=returns)
    table = value_by_month(summary, model, months=spec.forecast.months)
    return Forecasts(table, model.margin), []


def _of_leads(
    spec: KpiSpec, tables: Tables, period: Period, observed: dict[str, date]
) -> dict[str, pd.DataFrame]:
    if "leads" not in tables.found:
        return {}
    table = leading_and_lagging(
        tables.found["leads"],
        as_of=observed["leads"],
        windows=spec.kpis.lead_windows,
        by=spec.kpis.origin,
        unit=spec.kpis.origin_unit,
        quality=spec.kpis.quality,
    )
    stated = {"timezone": period.timezone, "currency": period.currency}
    return {"leading_and_lagging": table.assign(**stated)}


def _of_steps(
    spec: KpiSpec, tables: Tables, period: Period, observed: dict[str, date]
) -> dict[str, pd.DataFrame]:
    if not spec.kpis.stages:
        return {}
    if "steps" not in tables.found:
        raise SpecError("kpis.stages needs a table [data.steps]; give one, or leave it out.")
    counting: dict[str, Any] = {"window_days": spec.kpis.window_days, "period": period}
    steps, by = tables.found["steps"], spec.kpis.stages_by
    if by is not None and by not in steps.columns:
        named = DuckdbEngine(tables.found["leads"]).quoted(by)
        leads = tables.found["leads"].project(
            f"lead_id::varchar as lead_id, {named}::varchar as _by"
        )
        told = steps.set_alias("s").join(leads.set_alias("l"), "s.unit_id = l.lead_id", how="left")
        steps = told.project(f"s.*, _by as {named}")
    rates = stage_rates(steps, spec.kpis.stages, as_of=observed["steps"], by=by, **counting)
    return {"stage_rates": rates}
