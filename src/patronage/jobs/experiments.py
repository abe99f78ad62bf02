"""Read an experiment's tables, compare its arms, split customers into new ones."""

from __future__ import annotations

import re
from dataclasses import asdict

import pandas as pd

from patronage.abtest.analyse import Analysis, analyse, analyse_totals
from patronage.abtest.assignment import Assignment, assign
from patronage.abtest.plan import Outcome, Plan
from patronage.abtest.rows import as_text
from patronage.errors import ReadinessError
from patronage.jobs.findings import Findings, columns_of
from patronage.jobs.latest_scores import of_latest
from patronage.jobs.tables import Tables, read_tables
from patronage.plots import effects
from patronage.report.format import Unit
from patronage.report.picture import Chart
from patronage.tracking.experiment_specs import AssignSpec, ExperimentData, ExperimentSpec

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
        frame = tables.found["assignments"].df()
        found = analyse(frame, plan, language=spec.analysis.language)
    return _findings(found, lines, plan)


def run_assign(spec: AssignSpec) -> Findings:
    """Split customers who have no arm yet, and say what the test will be able to find."""
    tables = Tables()
    customers = tables.read("customers", of_latest(spec.data.customers)).df()
    lines = tables.lines()
    kept = _kept(spec, customers, lines)
    fresh = customers
    if kept is not None:
        fresh = customers[~as_text(customers["customer_id"]).isin(as_text(kept["unit_id"]))]
    split = spec.split
    if fresh.empty:
        raise ReadinessError("customers: nobody without an arm; there is no one to assign.")
    settings = split.model_dump(exclude={"arms", "salt", "strata"})
    found = assign(fresh, split.arms, split.salt, strata=list(split.strata), **settings)
    table = found.table if kept is None else pd.concat([kept, found.table], ignore_index=True)
    return Findings(
        {"assignment": table, "counts": found.counts, "detectable": found.detectable},
        shown={"arms": found.counts, "smallest_effects_that_are_found": found.detectable},
        lines=[*lines, *_said(found)],
    )


def _plan(spec: ExperimentSpec) -> Plan:
    given = spec.analysis
    return Plan(
        tuple(Outcome(**metric.model_dump()) for metric in spec.metrics),
        control=given.control,
        shares=given.shares,
        segments=given.segments,
        method=given.method,
        relative=given.relative,
        alpha=given.alpha,
        correction=given.correction,
        segment_correction=given.segment_correction,
        exposed="exposed_day" if given.exposed_only else None,
        start=given.start,
        end=given.end,
        window_days=given.window_days,
        as_of=given.as_of,
        names=given.names,
    )


def _findings(found: Analysis, lines: list[str], plan: Plan) -> Findings:
    ratios = pd.DataFrame(
        [{"when": when} | asdict(ratio) for when, ratio in found.sample_ratios.items()]
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


def _kept(spec: AssignSpec, customers: pd.DataFrame, lines: list[str]) -> pd.DataFrame | None:
    """Arms of an earlier assignment, for customers who are still there."""
    if spec.data.previous is None:
        return None
    tables = read_tables(ExperimentData(assignments=spec.data.previous))
    previous: pd.DataFrame = tables.found["assignments"].df()
    here = as_text(previous["unit_id"]).isin(as_text(customers["customer_id"]))
    lines.append(f"{int(here.sum()):,} customers keep the arm of an earlier assignment")
    return previous[here]


def _said(found: Assignment) -> list[str]:
    units = int(found.counts["units"].sum())
    told = [f"{units:,} customers assigned; keep the assignment table, it is what was done"]
    empty = found.counts.loc[found.counts["units"] == 0, "arm"]
    if len(empty):
        told.append(
            f"nobody in {', '.join(map(str, empty))}: too few customers for these shares, and "
            "without all arms nothing will show"
        )
    return told
