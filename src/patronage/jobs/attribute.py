"""Which channels share the credit of conversions, by every model, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from patronage.attribution.compare import ModelOptions
from patronage.attribution.costs import BASIS
from patronage.attribution.events import DAY_MICROSECONDS, clock_time, level_name
from patronage.attribution.journeys import (
    JourneyRules,
    conversions_of_leads,
    conversions_of_orders,
    journeys,
    untouched,
)
from patronage.attribution.report import Certainty, attribution_report
from patronage.data.engines import DuckdbEngine
from patronage.data.frames import frame_of
from patronage.data.units import EPOCH, to_date, to_day
from patronage.errors import ReadinessError, SpecError
from patronage.jobs.findings import Findings
from patronage.jobs.funnel import timezone_of
from patronage.jobs.tables import Tables, read_paths_table, read_tables
from patronage.marketing.engines import collected
from patronage.marketing.periods import NOT_STATED, Period
from patronage.plots import credit_by_model
from patronage.tracking.metric_specs import AttributionSpec, Journeys
from patronage.tracking.sections import TableSource

SHOWN = ("totals", "credit", "value", "costs", "intervals", "synergy")
PATHS = ("path", "days_before", "stage")
LONG = {"models", "intervals", "costs", "synergy", "totals", "untouched"}
"""Tables with a row a figure, beside which stands what it is of."""
TEXTS = {"flag", "cost_by"}
MONTH = 31
"""Days that a row of spend may stand for."""


@dataclass(frozen=True)
class _Given:
    """A path table and how to read it, the spend beside it, and what to say of both."""

    paths: Any
    tables: Tables
    lines: list[str]
    columns: dict[str, str] = field(default_factory=dict)
    separator: str = ">"
    more: dict[str, pd.DataFrame] = field(default_factory=dict)
    window: str = NOT_STATED
    timezone: str = NOT_STATED
    days: _Days | None = None


@dataclass(frozen=True)
class _Days:
    """Days of the first touch, and of the first and the last conversion."""

    touched: int
    first: int
    last: int


@dataclass(frozen=True)
class _Spent:
    """Costs, the columns that they are known by, and what to say of them."""

    table: Any = None
    key: tuple[str, ...] = ("channel",)
    part_of: dict[str, str] | None = None
    lines: tuple[str, ...] = ()


def run_attribution(spec: AttributionSpec) -> Findings:
    """Share the credit that a spec asks for.

    Returns
    -------
    The tables of `attribution_report`; from touches also journeys (the path table, equal
    journeys added up) and untouched (conversions that no touch explains). Pictures of credit
    and value by model.

    Raises
    ------
    PatronageError
        If a table breaks its contract, or a model lacks what it needs.
    """
    given = _path_table(spec) if spec.data.journeys is not None else _from_touches(spec)
    spend = _spend(spec, given)
    report = attribution_report(
        given.paths,
        list(spec.attribution.models) or None,
        spec.attribution.order,
        spend=spend.table,
        spend_key=spend.key,
        part_of=spend.part_of,
        certainty=Certainty(**spec.intervals.model_dump()),
        columns=given.columns or None,
        separator=given.separator,
        **_model_options(spec),
    )
    has_value = bool(report["value"].drop(columns="channel").to_numpy().any())
    names = [name for name in SHOWN if name in report and (name != "value" or has_value)]
    shown = {name: report[name] for name in names}
    if "synergy" in shown:
        shown["synergy"] = shown["synergy"].dropna(subset="synergy")
    pictures = {"credit": credit_by_model(report["credit"])}
    if has_value:
        pictures["value"] = credit_by_model(report["value"], unit="value")
    lines = [*given.lines, *spend.lines, f"credit is {BASIS}"]
    lines.append(f"low and high are {spec.intervals.confidence:.0%} intervals")
    found = report | given.more
    for name in LONG & set(found):
        found[name] = _stands(found[name], spec, given)
    return Findings(found, pictures, shown, lines)


def _stands(table: pd.DataFrame, spec: AttributionSpec, given: _Given) -> pd.DataFrame:
    """Put the days, time zone and currency of a table beside its figures."""
    from_touches = spec.data.journeys is None
    # A column of nulls alone has no type.
    blank = [name for name in table if name not in TEXTS and table[name].isna().all()]
    return table.astype(dict.fromkeys(blank, float)).assign(
        window=given.window,
        window_days=spec.journeys.lookback_days if from_touches else None,
        timezone=given.timezone,
        currency=_currency(spec),
    )


def _currency(spec: AttributionSpec) -> str:
    of_period = NOT_STATED if spec.period is None else spec.period.currency
    return spec.attribution.currency if of_period == NOT_STATED else of_period


def _path_table(spec: AttributionSpec) -> _Given:
    source = spec.data.journeys
    if source is None:
        raise TypeError("the spec has no journeys")
    paths = read_paths_table(source)
    tables = read_tables(spec.data, ["spend"])
    lines = [f"journeys: {len(paths):,} rows of {source.source}", *tables.lines()]
    # Whoever names the period of a path table says what its journeys are of.
    window = NOT_STATED if spec.period is None else str(Period(*_days(spec)))
    return _Given(paths, tables, lines, dict(source.columns), source.separator, window=window)


def _from_touches(spec: AttributionSpec) -> _Given:
    zone = timezone_of(*_sources(spec))
    tables = read_tables(
        spec.data, ["touches", "leads", "transactions", "steps", "spend"], times=True
    )
    as_of, how = _last_day(spec, tables), spec.journeys
    touches = tables.found["touches"]
    sold, said = _conversions(spec, tables, as_of, zone)
    rules = _rules(how, as_of)
    frame = nw.from_native(journeys(touches, sold, _stages(spec, tables), rules=rules))
    if spec.period is not None:
        end, (first, last) = nw.col("end_day"), _days(spec)
        frame = frame.filter(end >= first, end <= last)
    every = collected(frame)
    if every.empty:
        raise ReadinessError("touches: no journey ends within the days asked for.")
    keys = [name for name in PATHS if name in every]
    sums = ["conversions", "nulls", "value"]
    summed = every.groupby(keys, dropna=False, as_index=False, sort=True)[sums].sum()
    reach = (
        "all touches" if how.lookback_days is None else f"touches up to {how.lookback_days} days"
    )
    lines = [*tables.lines(), f"{reach} before a conversion; observed until {as_of}", *said]
    between = None if spec.period is None else _days(spec)
    missed = untouched(touches, sold, rules=rules, between=between)
    more = {"journeys": summed, "untouched": pd.DataFrame([missed])}
    lines.append(
        f"{missed['conversions_untouched']:,} of {missed['conversions']:,} conversions have no "
        "touch in reach and are credited to nobody"
    )
    window = str(Period(*between)) if between else f"up to {as_of}"
    return _Given(
        every,
        tables,
        lines,
        separator=how.separator,
        more=more,
        window=window,
        timezone=zone,
        days=_days_of(tables, every),
    )


def _days_of(tables: Tables, every: pd.DataFrame) -> _Days | None:
    ends = every.loc[every["conversions"] > 0, "end_day"]
    touched = [each.first_day for each in tables.reports if each.table == "touches"]
    if ends.empty or not touched or touched[0] is None:
        return None
    return _Days(to_day(touched[0]), int(ends.min()), int(ends.max()))


def _last_day(spec: AttributionSpec, tables: Tables) -> date:
    """Give the day of the spec, else the last of what touches led to.

    A touch after it has had no chance to be followed by anything.
    """
    if spec.snapshot.as_of is not None:
        return spec.snapshot.as_of
    last = tables.last_day(None)
    ends = tables.observed(None)
    end = ends["leads" if "leads" in ends else "transactions"]
    return end if end > EPOCH else last


def _conversions(
    spec: AttributionSpec, tables: Tables, as_of: date, zone: str
) -> tuple[Any, list[str]]:
    """Give what touches led to, with times where they can be compared, and what to say of it."""
    found, orders = tables.found, spec.data.transactions
    name = "leads" if orders is None else "transactions"
    given = spec.snapshot.as_of
    said = [] if given is None else tables.observed_lines(given, {name})
    if given is None and tables.last_day(None) > as_of:
        said = [f"touches after {as_of}, the last day of {name}, are not counted"]
    table = found[name]
    if zone != "UTC" and _has_zone(found["touches"]) != _has_zone(table):
        table = table.project('* exclude ("at")')
        said.append(f"of touches and {name} one has times with a zone: days alone are compared")
    if orders is None:
        return conversions_of_leads(table), said
    refunds = sum(report.refunds for report in tables.reports if report.table == name)
    if refunds:
        said.append(f"{refunds:,} refunds are taken off the orders that they undo")
    return conversions_of_orders(table, as_of=as_of, returns=orders.returns), said


def _has_zone(table: Any) -> bool:  # noqa: ANN401 - a DuckDB relation
    """Tell whether times lie outside their day in UTC: those of the business's clock never do."""
    day = "converted_day" if "converted_day" in table.columns else '"day"'
    in_utc = f'floor("at" / {DAY_MICROSECONDS})'
    ((outside,),) = table.aggregate(f"coalesce(bool_or({in_utc} <> {day}), false)").fetchall()
    return bool(outside)


def _sources(spec: AttributionSpec) -> list[TableSource]:
    data = spec.data
    given = (data.touches, data.leads, data.transactions, data.steps)
    return [table for table in given if table is not None]


def _rules(how: Journeys, as_of: date) -> JourneyRules:
    return JourneyRules(
        level=how.level[0] if len(how.level) == 1 else tuple(how.level),
        lookback_days=how.lookback_days,
        ignore=how.ignore,
        collapse=how.collapse,
        repeat=how.repeat,
        as_of=as_of,
        separator=how.separator,
    )


def _stages(spec: AttributionSpec, tables: Tables) -> Any:  # noqa: ANN401 - a DuckDB relation
    """Give the events of the step that w_shaped marks, or None."""
    if spec.journeys.stage is None:
        return None
    if "steps" not in tables.found:
        raise SpecError("journeys.stage needs a table [data.steps]; give one, or leave it out.")
    steps = frame_of(tables.found["steps"], "unit_id", "day", "step", name="steps")
    marked = steps.filter(nw.col("step") == spec.journeys.stage).with_columns(at=clock_time())
    if collected(marked.select(n=nw.len()))["n"].iloc[0] == 0:
        there = sorted(collected(steps.select("step").unique())["step"])
        raise SpecError(
            f"journeys.stage is {spec.journeys.stage!r}, which is no step; there are "
            f"{', '.join(map(repr, there[:8]))}."
        )
    return marked.to_native()


def _spend(spec: AttributionSpec, given: _Given) -> _Spent:
    """Costs of the table of spend, else those written beside touches, within the period.

    What was spent after the last day observed has had no chance to lead to anything.
    """
    tables = given.tables
    costs = tables.found.get("spend", tables.found.get("touches"))
    if costs is None or "cost" not in costs.columns:
        return _Spent()
    if spec.snapshot.as_of is not None:
        costs = costs.filter(f'"day" <= {to_day(spec.snapshot.as_of)}')
    if spec.period is not None:
        first, last = _days(spec)
        costs = costs.filter(f'"day" between {first} and {last}')
    uneven = _uneven(costs, given.days) if "spend" in tables.found else ()
    levels = spec.journeys.level
    known = tuple(name for name in levels if _names_costs(costs, name))
    if known == levels:
        return _Spent(costs, levels, lines=uneven)
    table, unknown = "spend" if "spend" in tables.found else "touches", set(levels) - set(known)
    absent = f"{table} tells no cost by {', '.join(sorted(unknown))}"
    if not known:
        return _Spent(lines=(f"{absent}: no costs are shown",))
    line = f"{absent}: cost, cac and romi are told by {', '.join(known)} alone, and not split"
    part_of = _part_of(tables.found["touches"], levels, known)
    return _Spent(costs, known, part_of, (line, *uneven))


def _uneven(costs: Any, days: _Days | None) -> tuple[str, ...]:  # noqa: ANN401 - a DuckDB relation
    """Say where costs are of other days than the conversions that they are set beside."""
    ((first, last),) = costs.aggregate('min("day"), max("day")').fetchall()
    if days is None or first is None:
        return ()
    late = first > days.first or last < days.last - MONTH
    if not late and first >= days.touched - MONTH:
        return ()
    said = (
        f"costs are of {to_date(first)} to {to_date(last)}, touches from {to_date(days.touched)}, "
        f"conversions of {to_date(days.first)} to {to_date(days.last)}: cac and romi set one "
        "beside the other; set [period] to days that all cover"
    )
    return (said,)


def _names_costs(costs: Any, column: str) -> bool:  # noqa: ANN401 - a DuckDB relation
    """Tell whether any cost has a name in that column."""
    if column not in costs.columns:
        return False
    quoted = DuckdbEngine(costs).quoted(column)
    ((named,),) = costs.aggregate(f"count(nullif(trim({quoted}::varchar), ''))").fetchall()
    return bool(named)


def _part_of(touches: Any, levels: tuple[str, ...], known: tuple[str, ...]) -> dict[str, str]:  # noqa: ANN401 - a DuckDB relation
    """Names that paths are made of, and the wider one by which the cost of each is known."""
    frame = frame_of(touches, *levels, name="touches")
    names = collected(frame.select(fine=level_name(levels), wide=level_name(known)).unique())
    return dict(zip(names["fine"], names["wide"], strict=True))


def _days(spec: AttributionSpec) -> tuple[int, int]:
    if spec.period is None:
        raise TypeError("the spec has no period")
    return to_day(spec.period.first), to_day(spec.period.last)


def _model_options(spec: AttributionSpec) -> ModelOptions:
    given = spec.attribution.model_dump(exclude={"models", "order", "currency"})
    given["weights"] = given["weights"] or None
    options: ModelOptions = {key: value for key, value in given.items() if value is not None}  # type: ignore[assignment]
    return options
