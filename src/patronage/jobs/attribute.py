"""Which channels share the credit of conversions, by every model, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from patronage.attribution.compare import ModelOptions
from patronage.attribution.costs import BASIS
from patronage.attribution.journeys import (
    JourneyRules,
    conversions_of_leads,
    conversions_of_orders,
    journeys,
    untouched,
)
from patronage.attribution.report import Certainty, attribution_report
from patronage.data.frames import frame_of
from patronage.data.units import to_day
from patronage.errors import ReadinessError, SpecError
from patronage.jobs.findings import Findings
from patronage.jobs.tables import Tables, read_paths_table, read_tables
from patronage.marketing.engines import collected
from patronage.plots import credit_by_model
from patronage.tracking.metric_specs import AttributionSpec

SHOWN = ("totals", "credit", "value", "costs", "intervals", "synergy")
PATHS = ("path", "days_before", "stage")


@dataclass(frozen=True)
class _Given:
    """A path table and how to read it, the spend beside it, and what to say of both."""

    paths: Any
    tables: Tables
    lines: list[str]
    columns: dict[str, str] = field(default_factory=dict)
    separator: str = ">"
    more: dict[str, pd.DataFrame] = field(default_factory=dict)


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
    report = attribution_report(
        given.paths,
        list(spec.attribution.models) or None,
        spec.attribution.order,
        spend=_spend(spec, given.tables),
        spend_key=spec.journeys.level[0],
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
    lines = [*given.lines, f"credit is {BASIS}"]
    return Findings(report | given.more, pictures, shown, lines)


def _path_table(spec: AttributionSpec) -> _Given:
    source = spec.data.journeys
    if source is None:
        raise TypeError("the spec has no journeys")
    paths = read_paths_table(source)
    tables = read_tables(spec.data, ["spend"])
    lines = [f"journeys: {len(paths):,} rows of {source.source}", *tables.lines()]
    return _Given(paths, tables, lines, dict(source.columns), source.separator)


def _from_touches(spec: AttributionSpec) -> _Given:
    tables = read_tables(spec.data, ["touches", "leads", "transactions", "steps", "spend"])
    as_of, how = tables.last_day(spec.snapshot.as_of), spec.journeys
    touches, found = tables.found["touches"], tables.found
    sold = (
        conversions_of_leads(found["leads"])
        if "leads" in found
        else conversions_of_orders(found["transactions"])
    )
    rules = JourneyRules(
        level=how.level[0] if len(how.level) == 1 else tuple(how.level),
        lookback_days=how.lookback_days,
        ignore=how.ignore,
        collapse=how.collapse,
        repeat=how.repeat,
        as_of=as_of,
        separator=how.separator,
    )
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
    lines = [*tables.lines(), f"{reach} before a conversion; observed until {as_of}"]
    between = None if spec.period is None else _days(spec)
    missed = untouched(touches, sold, rules=rules, between=between)
    more = {"journeys": summed, "untouched": pd.DataFrame([missed])}
    lines.append(
        f"{missed['conversions_untouched']:,} of {missed['conversions']:,} conversions have no "
        "touch in reach and are credited to nobody"
    )
    return _Given(every, tables, lines, separator=how.separator, more=more)


def _stages(spec: AttributionSpec, tables: Tables) -> Any:  # noqa: ANN401 - a DuckDB relation
    """Give the events of the step that w_shaped marks, or None."""
    if spec.journeys.stage is None:
        return None
    if "steps" not in tables.found:
        raise SpecError("journeys.stage needs a table [data.steps]; give one, or leave it out.")
    steps = frame_of(tables.found["steps"], "unit_id", "day", "step", name="steps")
    marked = steps.filter(nw.col("step") == spec.journeys.stage)
    if collected(marked.select(n=nw.len()))["n"].iloc[0] == 0:
        there = sorted(collected(steps.select("step").unique())["step"])
        raise SpecError(
            f"journeys.stage is {spec.journeys.stage!r}, which is no step; there are "
            f"{', '.join(map(repr, there[:8]))}."
        )
    return marked.to_native()


def _spend(spec: AttributionSpec, tables: Tables) -> Any:  # noqa: ANN401 - a DuckDB relation
    """Costs of the table of spend, else those written beside touches, within the period.

    What was spent after the last day observed has had no chance to lead to anything.
    """
    costs = tables.found.get("spend", tables.found.get("touches"))
    if costs is None or "cost" not in costs.columns:
        return None
    if spec.snapshot.as_of is not None:
        costs = costs.filter(f'"day" <= {to_day(spec.snapshot.as_of)}')
    if spec.period is None:
        return costs
    first, last = _days(spec)
    return costs.filter(f'"day" between {first} and {last}')


def _days(spec: AttributionSpec) -> tuple[int, int]:
    if spec.period is None:
        raise TypeError("the spec has no period")
    return to_day(spec.period.first), to_day(spec.period.last)


def _model_options(spec: AttributionSpec) -> ModelOptions:
    given = spec.attribution.model_dump(exclude={"models", "order"})
    given["weights"] = given["weights"] or None
    options: ModelOptions = {key: value for key, value in given.items() if value is not None}  # type: ignore[assignment]
    return options
