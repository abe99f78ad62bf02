"""Training rows of leads, from leads and what reached them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from patronage.data.connection import open_connection
from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.data.units import to_date, to_day
from patronage.errors import ReadinessError, SpecError
from patronage.features.engagement import TouchLevels, declare_levels
from patronage.features.labels import cutoffs, fitting_cutoffs
from patronage.features.leads import (
    LEAD_COLUMNS,
    immature_leads,
    lead_features,
    lead_snapshot,
    training_lead_snapshots,
)
from patronage.jobs.churn import as_frame, kept_as
from patronage.jobs.labelled import refuse_oversized
from patronage.jobs.training_set import TrainingSet, by_cutoff
from patronage.jobs.unlearnable import LOOKED_AT, Verdict, verdict_on_counts
from patronage.models.score_model import VALUE
from patronage.tracking.propensity_spec import LeadSnapshot, LeadSpec
from patronage.tracking.sections import LeadsSource, TableSource

JUDGE_SHARE = 0.2
BY_LEAD = ("cutoff", "lead_id")


class Leads(NamedTuple):
    """Checked leads with their touches, None where there are none."""

    leads: Any
    touches: Any
    report: DataReport
    touches_report: DataReport | None

    def known_until(self, snapshot: LeadSnapshot | None = None) -> int:
        """Last day on which a conversion would be known: what touches say is of no account."""
        if snapshot is not None and snapshot.observed_until is not None:
            return to_day(snapshot.observed_until)
        days = self.leads.aggregate("max(created_day), max(converted_day)").fetchall()[0]
        known = [int(day) for day in days if day is not None]
        if not known:
            raise ReadinessError(f"{self.report.source}: there are no leads.")
        return max(known)


def read_leads(
    table: LeadsSource,
    touches: TableSource | None,
    *,
    connection: Any = None,  # noqa: ANN401 - duckdb has no types
) -> Leads:
    """Read and check leads and touches, on one connection so that they can meet.

    Raises
    ------
    PatronageError
        If a table breaks its contract, or a column to drop is not there.
    """
    connection = open_connection() if connection is None else connection
    leads, report = check_table(table.source, "leads", connection=connection, **table.reading())
    absent = [name for name in table.drop if name not in leads.columns]
    if absent:
        raise SpecError(
            f"{report.source}: data.leads.drop names {', '.join(absent)}, which it does not have; "
            f"it has {', '.join(leads.columns)}."
        )
    kept = [name for name in leads.columns if name not in table.drop]
    leads = leads.select(*kept) if len(kept) < len(leads.columns) else leads
    leads = kept_as("checked_leads", leads, connection)
    if touches is None:
        return Leads(leads, None, report, None)
    told, told_report = check_table(
        touches.source, "touches", connection=connection, **touches.reading()
    )
    return Leads(leads, kept_as("checked_touches", told, connection), report, told_report)


def training_set(spec: LeadSpec) -> TrainingSet:
    """Read leads and touches and make the rows to learn from and to judge on.

    Raises
    ------
    PatronageError
        If a table breaks its contract or its history is too short.
    """
    table, snapshot = spec.data.leads, spec.snapshot
    if table is None or snapshot is None:
        raise ReadinessError("data.leads or snapshot is missing.")
    found, notes = _without_unlearnable(read_leads(table, spec.data.touches), table.decimal)
    levels = _levels(found, snapshot, spec.model.answering_kinds)
    rows = _labelled_rows(found, snapshot, levels)
    fitting, judging, later, split = _split(rows, snapshot)
    until = found.known_until(snapshot)
    immature = immature_leads(found.leads, horizon_days=snapshot.horizon_days, observed_until=until)
    notes += (f"conversions are known until {to_date(until)}",)
    notes += (f"{immature:,} leads whose window is not over are left out",) if immature else ()
    learnt, has_value = lead_features(rows.columns), VALUE in rows
    return TrainingSet(
        features=rows[[*learnt, *([VALUE] if has_value else [])]],
        label=rows["label"].to_numpy(np.float64),
        units=rows["lead_id"].to_numpy(),
        fitting=fitting,
        judging=judging,
        later=later,
        of_snapshots=snapshot.step is not None,
        learnt=learnt,
        brought=tuple(name for name in learnt if name in found.leads.columns),
        outcome=f"converted within {snapshot.horizon_days} days",
        split=split,
        source=found.report.source,
        sources=tuple(each.source for each in (table, spec.data.touches) if each is not None),
        has_value=has_value,
        report=found.report.to_dict(),
        facts={"touch_levels": levels.to_dict(), "has_touches": found.touches is not None},
        notes=notes,
    )


def _levels(found: Leads, snapshot: LeadSnapshot, answering: tuple[str, ...]) -> TouchLevels:
    first_fit = _first_fitting_day(found, snapshot)
    if found.touches is None:
        return TouchLevels()
    return declare_levels(found.touches, as_of=first_fit, answering_kinds=answering)


def _labelled_rows(found: Leads, snapshot: LeadSnapshot, levels: TouchLevels) -> pd.DataFrame:
    rows = as_frame(
        training_lead_snapshots(
            found.leads,
            found.touches,
            as_of=snapshot.as_of,
            horizon_days=snapshot.horizon_days,
            **_at(snapshot),
            levels=levels,
            observed_until=found.known_until(snapshot),
        ),
        by=BY_LEAD,
    )
    if not len(rows):
        raise ReadinessError(
            f"{found.report.source}: no open lead whose window of {snapshot.horizon_days} days is "
            f"over by {snapshot.as_of}, {found.report.rows_kept:,} leads in all."
        )
    refuse_oversized(rows[[*lead_features(rows.columns)]], found.report.source)
    return rows


def describe_leads(found: Leads, as_of: Any, levels: TouchLevels) -> pd.DataFrame:  # noqa: ANN401 - any day
    """Give all leads open at a day with their features, as training saw them."""
    return as_frame(
        lead_snapshot(found.leads, found.touches, as_of=as_of, levels=levels), by=("lead_id",)
    )


def _at(snapshot: LeadSnapshot) -> dict[str, Any]:
    if snapshot.step is not None:
        return {"step_days": snapshot.step}
    return {"ages_days": list(snapshot.ages_days or ())}


def _without_unlearnable(found: Leads, decimal: str) -> tuple[Leads, tuple[str, ...]]:
    """Leave out attributes of text that are times, or differ from lead to lead as names do."""
    text = [
        name
        for name, kind in zip(found.leads.columns, found.leads.types, strict=True)
        if name not in LEAD_COLUMNS and str(kind) == "VARCHAR"
    ]
    verdicts = {name: _verdict(found.leads, name, decimal) for name in text}
    told = {name: each for name, each in verdicts.items() if each.told}
    notes = tuple(each.note(name) for name, each in told.items())
    gone = {name for name, each in told.items() if each.is_left_out}
    kept = ", ".join(_quoted(name) for name in found.leads.columns if name not in gone)
    return (found._replace(leads=found.leads.project(kept)) if gone else found), notes


def _verdict(leads: Any, name: str, decimal: str) -> Verdict:  # noqa: ANN401 - a DuckDB relation
    value = _quoted(name)
    commonest = leads.filter(f"{value} is not null").aggregate(f"trim({value}) v, count(*) n")
    rows = commonest.order("n desc, v").limit(LOOKED_AT).fetchall()
    n_levels, n_filled = leads.aggregate(f"count(distinct {value}), count({value})").fetchall()[0]
    counts = pd.Series(dict(rows), dtype="int64")
    return verdict_on_counts(counts, n_levels, n_filled, decimal=decimal)


def _first_fitting_day(found: Leads, snapshot: LeadSnapshot) -> int:
    """Give the day by which levels are declared: none after it may leak into the features."""
    if found.report.first_day is None:
        raise ReadinessError(f"{found.report.source}: there are no leads.")
    first, last = to_day(found.report.first_day), to_day(snapshot.as_of)
    if snapshot.step is None:
        # Leads are described at ages, from the first on: what half of the time shows is known.
        return first + max(0, (last - first) // 2)
    days = cutoffs(
        as_of=last,
        horizon_days=snapshot.horizon_days,
        step_days=snapshot.step,
        first_day=first,
        max_snapshots=max(1, (last - first) // snapshot.step + 1),
    )
    return days[0]


def _split(rows: pd.DataFrame, snapshot: LeadSnapshot) -> tuple[Any, Any, Any, str]:
    """Judge on the last snapshot, or, where leads are described at ages, on the newest days."""
    cutoff = rows["cutoff"].to_numpy(np.int64)
    if snapshot.step is not None:
        days = fitting_cutoffs(np.unique(cutoff).tolist(), horizon_days=snapshot.horizon_days)
        _refuse_short(days, snapshot)
        return by_cutoff(cutoff, days, "open leads")
    edge = int(np.quantile(cutoff, 1 - JUDGE_SHARE, method="higher"))
    judging = cutoff >= edge
    fitting = cutoff + snapshot.horizon_days <= edge
    _refuse_short((1,) if fitting.any() else (), snapshot)
    inner = np.quantile(cutoff[fitting], 1 - JUDGE_SHARE, method="higher")
    told = (
        f"the newest {judging.mean():.0%} of the leads judge, those whose windows of "
        f"{snapshot.horizon_days} days closed before them are fitted on"
    )
    return fitting, judging, fitting & (cutoff >= inner), told


def _refuse_short(days: tuple[int, ...], snapshot: LeadSnapshot) -> None:
    if not days:
        raise ReadinessError(
            f"snapshot.as_of {snapshot.as_of}: no day whose window of {snapshot.horizon_days} days "
            "closes before the judging one; take a shorter horizon_days or more history."
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
