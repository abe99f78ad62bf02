"""Training rows of leads, from leads and what reached them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from patronage.data.connection import open_connection
from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.data.units import to_day
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
from patronage.jobs.churn import as_frame
from patronage.jobs.labelled import FEW_LEVELS, MOSTLY_DISTINCT
from patronage.jobs.training_set import TrainingSet, by_cutoff
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

    @property
    def last_day(self) -> int:
        """Last day that anything is known of."""
        days = [self.report.last_day]
        days += [self.touches_report.last_day] if self.touches_report is not None else []
        known = [to_day(day) for day in days if day is not None]
        last = self.leads.aggregate("max(converted_day)").fetchall()[0][0]
        return max([*known, *([] if last is None else [int(last)])])


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
    if touches is None:
        return Leads(leads, None, report, None)
    told, told_report = check_table(
        touches.source, "touches", connection=connection, **touches.reading()
    )
    return Leads(leads, told, report, told_report)


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
    found, notes = _without_ids(read_leads(table, spec.data.touches))
    levels = _levels(found, snapshot, spec.model.answering_kinds)
    rows = _labelled_rows(found, snapshot, levels)
    fitting, judging, later, split = _split(rows, snapshot)
    immature = immature_leads(
        found.leads, horizon_days=snapshot.horizon_days, observed_until=found.last_day
    )
    notes += (f"{immature:,} leads whose window is not over are left out",) if immature else ()
    learnt, has_value = lead_features(rows.columns), VALUE in rows
    return TrainingSet(
        features=rows[[*learnt, *([VALUE] if has_value else [])]],
        label=rows["label"].to_numpy(np.float64),
        units=rows["lead_id"].to_numpy(),
        fitting=fitting,
        judging=judging,
        later=later,
        of_snapshots=snapshot.step_days is not None,
        learnt=learnt,
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
            observed_until=found.last_day,
        ),
        by=BY_LEAD,
    )
    if not len(rows):
        raise ReadinessError(
            f"{found.report.source}: no open lead whose window of {snapshot.horizon_days} days is "
            f"over by {snapshot.as_of}, {found.report.rows_kept:,} leads in all."
        )
    return rows


def describe_leads(found: Leads, as_of: Any, levels: TouchLevels) -> pd.DataFrame:  # noqa: ANN401 - any day
    """Give all leads open at a day with their features, as training saw them."""
    return as_frame(
        lead_snapshot(found.leads, found.touches, as_of=as_of, levels=levels), by=("lead_id",)
    )


def _at(snapshot: LeadSnapshot) -> dict[str, Any]:
    if snapshot.step_days is not None:
        return {"step_days": snapshot.step_days}
    return {"ages_days": list(snapshot.ages_days or (0,))}


def _without_ids(found: Leads) -> tuple[Leads, tuple[str, ...]]:
    """Leave out attributes of text that differ from lead to lead, as names and addresses do."""
    text = [
        name
        for name, kind in zip(found.leads.columns, found.leads.types, strict=True)
        if name not in LEAD_COLUMNS and str(kind) == "VARCHAR"
    ]
    if not text:
        return found, ()
    counts = ", ".join(f"count(distinct {_quoted(n)}), count({_quoted(n)})" for n in text)
    numbers = found.leads.aggregate(counts).fetchall()[0]
    pairs = zip(text, numbers[::2], numbers[1::2], strict=True)
    ids = {
        n: levels
        for n, levels, filled in pairs
        if levels > FEW_LEVELS and levels > MOSTLY_DISTINCT * filled
    }
    if not ids:
        return found, ()
    kept = ", ".join(_quoted(name) for name in found.leads.columns if name not in ids)
    notes = tuple(
        f"column {name} is left out: {levels:,} different texts, as of ids or names"
        for name, levels in ids.items()
    )
    return found._replace(leads=found.leads.project(kept)), notes


def _first_fitting_day(found: Leads, snapshot: LeadSnapshot) -> int:
    """Give the day by which levels are declared: none after it may leak into the features."""
    if found.report.first_day is None:
        raise ReadinessError(f"{found.report.source}: there are no leads.")
    first, last = to_day(found.report.first_day), to_day(snapshot.as_of)
    if snapshot.step_days is None:
        # Leads are described at ages, from the first on: what half of the time shows is known.
        return first + max(0, (last - first) // 2)
    days = cutoffs(
        as_of=last,
        horizon_days=snapshot.horizon_days,
        step_days=snapshot.step_days,
        first_day=first,
        max_snapshots=max(1, (last - first) // snapshot.step_days + 1),
    )
    return days[0]


def _split(rows: pd.DataFrame, snapshot: LeadSnapshot) -> tuple[Any, Any, Any, str]:
    """Judge on the last snapshot, or, where leads are described at ages, on the newest days."""
    cutoff = rows["cutoff"].to_numpy(np.int64)
    if snapshot.step_days is not None:
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
