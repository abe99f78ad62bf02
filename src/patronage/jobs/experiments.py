"""Read an experiment's tables, compare its arms, split customers into new ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from patronage.abtest.analyse import Analysis, analyse, analyse_totals
from patronage.abtest.assignment import Assignment, assign
from patronage.abtest.plan import Outcome, Plan
from patronage.abtest.rows import as_text
from patronage.data.yes_no import plain_word, read_yes_no
from patronage.errors import ReadinessError, SpecError
from patronage.jobs.findings import Findings, columns_of
from patronage.jobs.latest_scores import of_latest
from patronage.jobs.tables import Tables, read_tables
from patronage.plots import effects
from patronage.report.format import Unit
from patronage.report.picture import Chart
from patronage.tracking.experiment_specs import (
    AssignSpec,
    ExperimentData,
    ExperimentSpec,
    MetricSection,
)

SHOWN = ["metric", "arm", "control_level", "treatment_level", "effect", "low", "high", "p_adjusted"]


def run_abtest(spec: ExperimentSpec) -> Findings:
    """Analyse an experiment from rows or totals, with its verdicts in words."""
    plan = _plan(spec)
    lines: list[str] = []
    if spec.totals:
        found = analyse_totals(spec.totals, plan, language=spec.analysis.language)
    else:
        tables = read_tables(spec.data)
        lines = tables.lines()
        source = tables.reports[-1].source
        frame = with_chances(tables.found["assignments"].df(), spec.metrics, source)
        if plan.exposed is not None and plan.exposed not in frame:
            raise SpecError(
                f"{source}: exposed_only needs exposed_at, when a unit was first reached; name the "
                'column with columns = { exposed_at = "..." }.'
            )
        found = analyse(frame, plan, language=spec.analysis.language, source=source)
    return _findings(found, lines, plan)


def run_assign(spec: AssignSpec) -> Findings:
    """Split customers who have no arm yet, and say what the test will be able to find."""
    tables = Tables()
    customers = tables.read("customers", of_latest(spec.data.customers)).df()
    lines = tables.lines()
    kept = _kept(spec, customers)
    split = spec.split
    n_kept = 0 if kept is None else len(kept)
    if len(customers) == n_kept:
        raise ReadinessError("customers: nobody without an arm; there is no one to assign.")
    settings = split.model_dump(exclude={"arms", "salt", "strata"})
    found = assign(
        customers, split.arms, split.salt, strata=list(split.strata), kept=kept, **settings
    )
    empty = found.counts.loc[found.counts["units"] == 0, "arm"]
    if len(empty):
        raise ReadinessError(
            f"customers: {len(found.table):,} are too few for these shares, nobody is in "
            f"{', '.join(map(str, empty))}, and without all arms nothing will show. Take more "
            "customers, or fewer arms."
        )
    return Findings(
        {"assignment": found.table, "counts": found.counts, "detectable": found.detectable},
        shown={"arms": found.counts, "smallest_effects_that_are_found": found.detectable},
        lines=[*lines, *_said(found, n_kept)],
    )


def _plan(spec: ExperimentSpec) -> Plan:
    given = spec.analysis
    return Plan(
        tuple(Outcome(**metric.model_dump(exclude={"positive"})) for metric in spec.metrics),
        control=given.control,
        shares=given.shares,
        segments=given.segments,
        method=given.method,
        relative=given.relative,
        alpha=given.alpha,
        tuning=given.tuning,
        correction=given.correction,
        segment_correction=given.segment_correction,
        exposed="exposed_day" if given.exposed_only else None,
        start=given.start,
        end=given.end,
        window_days=given.window_days,
        as_of=given.as_of,
        names=given.names,
    )


def with_chances(
    frame: pd.DataFrame, metrics: Sequence[MetricSection], source: str
) -> pd.DataFrame:
    """Put 1 and 0 in the place of words, in columns of proportions, as labelled tables are read.

    Raises
    ------
    SpecError
        If a column's words are not yes and no, and `positive` does not say which one counts.
    """
    read = {}
    for metric in metrics:
        column = metric.value or metric.name
        if metric.kind != "proportion" or column not in frame:
            continue
        values = frame[column]
        if metric.positive is None and not pd.api.types.is_string_dtype(values.dropna()):
            continue
        if metric.positive is None:
            read[column], odd = read_yes_no(values)
            if odd.any():
                raise SpecError(
                    f"{source}: {column} has {_first(values)}, and which of them counts does not "
                    f"show; set positive in the metric {metric.name}."
                )
            continue
        words = values.map(plain_word, na_action="ignore")
        counts = words == plain_word(metric.positive)
        if words.notna().any() and not counts.any():
            raise SpecError(
                f"{source}: no row has {metric.positive!r} in {column}; it has {_first(values)}. "
                f"Set positive in the metric {metric.name} to one of these."
            )
        read[column] = counts.astype(float).where(words.notna())
    return frame.assign(**read)


def _first(values: pd.Series[Any]) -> str:
    return ", ".join(repr(value) for value in values.dropna().unique()[:3])


def _findings(found: Analysis, lines: list[str], plan: Plan) -> Findings:
    ratios = pd.DataFrame(
        [
            {"when": when, "arm": arm, "observed": n, "expected": ratio.expected[arm]}
            | {"statistic": ratio.statistic, "p_value": ratio.p_value, "level": ratio.level}
            for when, ratio in found.sample_ratios.items()
            for arm, n in ratio.observed.items()
        ]
    )
    said = [line for verdict in found.verdicts.values() for line in ("", *str(verdict).split("\n"))]
    return Findings(
        {
            "results": found.results,
            "segments": found.segments,
            "heterogeneity": found.heterogeneity,
            "excluded": found.excluded,
            "sample_ratio": ratios,
        },
        _pictures(found.results, plan),
        shown={"results": columns_of(found.results, SHOWN)},
        lines=[*lines, *said, *found.notes],
    )


def _pictures(results: pd.DataFrame, plan: Plan) -> dict[str, Chart]:
    """Draw the effects of each metric whose intervals are known."""
    drawn = {}
    for metric in plan.metrics:
        rows = results[results["metric"] == metric.name].dropna(subset=["effect", "low", "high"])
        if len(rows):
            share = plan.relative or metric.kind == "proportion"
            unit: Unit = "percent" if share else "number"
            name = re.sub(r"[^\w.-]+", "_", metric.name)  # it becomes a file's
            drawn[f"effects_{name}"] = effects(rows, "arm", metric.name, unit=unit)
    return drawn


def _kept(spec: AssignSpec, customers: pd.DataFrame) -> pd.DataFrame | None:
    """Arms of an earlier assignment, for customers who are still there."""
    if spec.data.previous is None:
        return None
    tables = read_tables(ExperimentData(assignments=spec.data.previous))
    previous: pd.DataFrame = tables.found["assignments"].df()
    here = as_text(previous["unit_id"]).isin(as_text(customers["customer_id"]))
    return previous[here & previous["arm"].notna()]


def _said(found: Assignment, n_kept: int) -> list[str]:
    units = int(found.counts["units"].sum())
    told = [f"{units:,} customers assigned; keep the assignment table, it is what was done"]
    if n_kept:
        told.append(
            f"{n_kept:,} of them keep the arm of an earlier assignment, {units - n_kept:,} are new"
        )
    for arm, n in found.counts.loc[found.counts["planned"].isna(), ["arm", "units"]].itertuples(
        index=False
    ):
        told.append(
            f"warning: {n:,} keep the arm {arm}, which split.arms does not have: they are in the "
            "table, and no effect is foretold of them. Give it a share, or leave them out of the "
            "customers"
        )
    return told
