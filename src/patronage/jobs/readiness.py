"""Whether data can answer the question before anything is fitted to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pandas as pd

from patronage.errors import ReadinessError
from patronage.evaluation.leakage import Evidence, suspected_leaks
from patronage.jobs.training_set import TrainingSet
from patronage.models.quick import out_of_fold_scores
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec

MOSTLY_MISSING = 0.5
FEW_ROWS_A_COLUMN = 10
NO_REPEATS, FEW_REPEATS = 1.1, 1.5
Level = Literal["error", "warning", "advice"]


class Finding(NamedTuple):
    """One thing to know: an error is refused, a warning is not, advice is a suggestion."""

    level: Level
    text: str


@dataclass(frozen=True)
class ReadinessReport:
    """What was found, worst first, and tables that say more.

    Attributes
    ----------
    source
        What messages call the data.
    findings
    leaks
        Columns that fail a test for knowing the outcome, those that are refused first.
    tables
        By name, such as the outcome's rate by horizon.
    notes
        What the outcome is, how rows are split, which columns are left out.
    """

    source: str
    findings: tuple[Finding, ...]
    leaks: tuple[Evidence, ...] = ()
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> list[str]:
        """What training is refused for."""
        return [each.text for each in self.findings if each.level == "error"]

    def raise_if_refused(self) -> None:
        """Refuse to go on where there is an error.

        Raises
        ------
        ReadinessError
            With all errors in one line.
        """
        if self.errors:
            raise ReadinessError(f"{self.source} is not ready: {'; '.join(self.errors)}")

    def lines(self, *, only_problems: bool = False) -> list[str]:
        """Say it in plain text."""
        shown = [f for f in self.findings if not only_problems or f.level == "warning"]
        lines = [f"{each.level}: {each.text}" for each in shown]
        if only_problems:
            return lines
        lines = [*self.notes, *lines]
        for name, table in self.tables.items():
            lines += ["", name, table.to_string(index=False)]
        verdict = "not ready" if self.errors else "ready"
        return [*lines, "", f"{self.source}: {verdict}"]

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {
            "findings": [each._asdict() for each in self.findings],
            "leaks": [each._asdict() | {"reasons": list(each.reasons)} for each in self.leaks],
        }

    def joined(self, other: ReadinessReport) -> ReadinessReport:
        """Put two reports about the same data together."""
        order = {"error": 0, "warning": 1, "advice": 2}
        findings = sorted(
            dict.fromkeys((*self.findings, *other.findings)), key=lambda each: order[each.level]
        )
        return ReadinessReport(
            self.source,
            tuple(findings),
            (*self.leaks, *other.leaks),
            self.tables | other.tables,
            (*self.notes, *other.notes),
        )


def readiness_of_rows(rows: TrainingSet, spec: ChurnSpec | LeadSpec) -> ReadinessReport:
    """Look at the rows that a model would learn from: outcomes, gaps, leaks.

    Features that this package makes are of the past by construction, so only columns that the
    user brought are tested for leaks.
    """
    findings = [*repeats(rows.days_each), *_outcomes(rows, spec), *_gaps(rows)]
    leaks = _leaks(rows, spec)
    findings += _leak_findings(leaks, spec)
    notes = (rows.outcome_line(), f"split: {rows.split}", *(f"note: {each}" for each in rows.notes))
    return ReadinessReport(rows.source, (), tuple(leaks), notes=notes).joined(
        ReadinessReport(rows.source, tuple(findings))
    )


def repeats(days_each: float | None) -> Iterable[Finding]:
    """Refuse orders of customers of whom nearly nobody comes back."""
    if days_each is None:
        return
    said = f"{days_each:.2f} purchase days a customer"
    if days_each < NO_REPEATS:
        yield Finding(
            "error", f"{said}: nearly nobody comes back, so nobody can be said to have churned"
        )
    elif days_each < FEW_REPEATS:
        yield Finding("warning", f"{said}: most customers come once")


def _outcomes(rows: TrainingSet, spec: ChurnSpec | LeadSpec) -> Iterable[Finding]:
    least = spec.readiness.min_positives
    for mask, what in ((rows.fitting, "fitting"), (rows.judging, "judging")):
        label = rows.label[mask]
        with_it, without = int(label.sum()), int(len(label) - label.sum())
        if min(with_it, without) >= least:
            continue
        text = f"{with_it:,} of {len(label):,} {what} rows have the outcome, {without:,} do not"
        if what == "fitting" or not min(with_it, without):
            yield Finding(
                "error",
                f"{text}, at least {least} of each are needed (readiness.min_positives); take "
                f"{rows.remedy}",
            )
        else:
            yield Finding("warning", f"{text}: too few to be sure how good the model is")


def _gaps(rows: TrainingSet) -> Iterable[Finding]:
    table = rows.features[list(rows.learnt)]
    share = table.isna().mean()
    for name in share.index[(share > MOSTLY_MISSING) & (share < 1)]:
        if name in rows.brought:
            yield Finding("warning", f"column {name} is missing in {share[name]:.0%} of the rows")
    for name in share.index[share == 1]:
        yield Finding("advice", f"column {name} is empty; leave it out")
    n_rows, n_columns = int(rows.fitting.sum()), table.shape[1]
    if n_rows < FEW_ROWS_A_COLUMN * n_columns:
        yield Finding("warning", f"{n_rows:,} fitting rows for {n_columns:,} columns are few")


def _leaks(rows: TrainingSet, spec: ChurnSpec | LeadSpec) -> list[Evidence]:
    if not rows.brought:
        return []
    table, label = rows.features[list(rows.brought)][rows.fitting], rows.label[rows.fitting]
    return suspected_leaks(
        table.reset_index(drop=True), label, fit=out_of_fold_scores, seed=spec.model.seed
    )


def _leak_findings(leaks: list[Evidence], spec: ChurnSpec | LeadSpec) -> Iterable[Finding]:
    key = "data.leads.drop" if spec.data.labelled is None else "data.labelled.drop"
    for each in leaks:
        told = f"{each.field} ({'; '.join(each.reasons)})"
        if not each.is_leak:
            yield Finding("warning", f"suspect {told}: was it written after the outcome?")
        elif each.field in spec.readiness.allow:
            yield Finding("warning", f"allowed though it looks like a leak: {told}")
        else:
            suspects = [other.field for other in leaks if not other.is_leak]
            more = f", suspects beside it {', '.join(suspects)}" if suspects else ""
            yield Finding(
                "error",
                f"{told} knows the outcome: drop it with {key} if it was written after it, or "
                f"allow it by name with readiness.allow{more}",
            )
