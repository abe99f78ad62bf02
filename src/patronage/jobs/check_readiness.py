"""Say whether a table can carry a model of churn or of leads, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.data.units import to_date, to_day
from patronage.errors import ReadinessError, SpecError
from patronage.features.labels import churned
from patronage.features.rfm import purchase_days
from patronage.jobs.churn import subscriptions_known_until
from patronage.jobs.leads import Leads
from patronage.jobs.propensity import training_set
from patronage.jobs.readiness import Finding, ReadinessReport, readiness_of_rows, repeats
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.sections import TableSource
from patronage.tracking.spec import parse_spec, read_spec

HORIZONS = (30, 60, 90, 120, 180, 365)
RETURNED = 0.8
WEEK = 7


def check_spec(source: str, purpose: str, overrides: Iterable[str]) -> ChurnSpec | LeadSpec:
    """Read the spec at a path, of the kind that the purpose asks for."""
    spec = read_spec(source, overrides)
    if not isinstance(spec, ChurnSpec | LeadSpec) or spec.kind != kind_of(purpose):
        raise SpecError(f"{source}: kind is {spec.kind!r}; --for {purpose} takes another spec.")
    return spec


def kind_of(purpose: str) -> Literal["churn", "lead"]:
    """Turn what the command line calls a purpose into a spec's kind."""
    if purpose not in ("churn", "leads"):
        raise SpecError(f"--for {purpose}: it takes churn or leads.")
    return "churn" if purpose == "churn" else "lead"


def spec_of_table(
    source: str, purpose: str, table: str, options: Mapping[str, Any]
) -> ChurnSpec | LeadSpec:
    """Make the spec that a bare table stands for: the last complete window, and its defaults.

    Parameters
    ----------
    table
        transactions, subscriptions, leads or labelled.
    options
        What was given of columns, policies, horizon_days, label, id, positive, time_order, drop
        and touches.
    """
    given = {key: value for key, value in options.items() if value}
    horizon = int(given.pop("horizon_days", 90))
    touches = given.pop("touches", None)
    content: dict[str, Any] = {
        "name": purpose,
        "kind": kind_of(purpose),
        "data": {table: {"source": source, **given}},
    }
    if touches:
        content["data"]["touches"] = {"source": touches}
    if table != "labelled":
        reading = {key: value for key, value in given.items() if key != "drop"}
        checked, report = check_table(source, table, **reading)
        content["snapshot"] = {
            "as_of": _last_cutoff(checked, report, table, horizon),
            "horizon_days": horizon,
        }
        if table == "leads":
            content["snapshot"]["step_days"] = max(1, horizon // 2)
    spec = parse_spec(content, source=f"check {source}")
    if not isinstance(spec, ChurnSpec | LeadSpec):
        raise SpecError(f"--for {purpose}: it takes churn or leads.")
    return spec


def _last_cutoff(checked: Any, report: DataReport, table: str, horizon: int) -> str:  # noqa: ANN401 - a DuckDB relation
    """Give the last day whose window the table surely covers."""
    if report.last_day is None:
        raise ReadinessError(f"{report.source}: there are no {table}.")
    until = to_day(report.last_day)
    if table == "subscriptions":
        until, _ = subscriptions_known_until(checked)
    elif table == "leads":
        until = Leads(checked, None, report, None).known_until()
    return to_date(until - horizon).isoformat()


def check_readiness(spec: ChurnSpec | LeadSpec) -> ReadinessReport:
    """Look at a spec's table and at the rows that training would make of it.

    Raises
    ------
    PatronageError
        If the table breaks its contract; what else speaks against training is in the report.
    """
    report = ReadinessReport(_name(spec), ())
    if spec.data.labelled is None and isinstance(spec, ChurnSpec) and spec.data.transactions:
        report = readiness_of_orders(spec.data.transactions, spec)
    try:
        rows = training_set(spec)
    except ReadinessError as error:
        return report.joined(ReadinessReport(report.source, (Finding("error", str(error)),)))
    return report.joined(readiness_of_rows(rows, spec))


def _name(spec: ChurnSpec | LeadSpec) -> str:
    tables = [getattr(spec.data, name) for name in type(spec.data).model_fields]
    return str(next(table.source for table in tables if table is not None))


def readiness_of_orders(table: TableSource, spec: ChurnSpec) -> ReadinessReport:
    """Look at orders: repeats, length of history, churn by horizon, a horizon to take."""
    orders, report = check_table(table.source, **table.reading())
    if report.first_day is None or report.last_day is None or spec.snapshot is None:
        return ReadinessReport(report.source, (Finding("error", "there are no orders"),))
    first, last = to_day(report.first_day), to_day(report.last_day)
    days = purchase_days(orders, as_of=last, returns=table.returns)
    n_days, n_customers = days.aggregate("count(*), count(distinct customer_id)").fetchall()[0]
    findings = [*repeats(int(n_days) / max(1, int(n_customers)))]
    horizon = spec.snapshot.horizon_days
    history = to_day(spec.snapshot.as_of) - first
    if history < 2 * horizon:
        findings.append(
            Finding(
                "error",
                f"{history:,} days of history before {spec.snapshot.as_of} for a window of "
                f"{horizon} days; twice the window is needed",
            )
        )
    by_horizon = churn_by_horizon(orders, spec, first=first, last=last)
    suggested, gaps = horizon_from_gaps(days)
    if suggested is not None:
        findings.append(
            Finding(
                "advice",
                f"horizon_days = {suggested}: {RETURNED:.0%} of those who come back do so within "
                f"{gaps} days; it is {horizon} now",
            )
        )
    tables = {} if by_horizon.empty else {"churned, by days of silence that count": by_horizon}
    return ReadinessReport(report.source, (), (), tables).joined(
        ReadinessReport(report.source, tuple(findings))
    )


def churn_by_horizon(orders: Any, spec: ChurnSpec, *, first: int, last: int) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    """Give the share of the eligible who churn, for windows of several lengths."""
    returns = spec.data.transactions.returns if spec.data.transactions else "net"
    recent = spec.snapshot.eligible_days if spec.snapshot else None
    rows = []
    for horizon in HORIZONS:
        cutoff = last - horizon
        if cutoff - first < horizon:
            break
        labels = churned(orders, as_of=cutoff, horizon_days=horizon, returns=returns)
        known = purchase_days(orders, as_of=cutoff, returns=returns)
        if recent is not None:
            known = known.filter(f"day > {cutoff - recent}")
        eligible = known.project("customer_id").distinct().set_alias("eligible")
        n, share = (
            labels.set_alias("labels")
            .join(eligible, "customer_id")
            .aggregate("count(*), avg(label)")
            .fetchall()[0]
        )
        if n:
            rows.append((horizon, to_date(cutoff), int(n), round(float(share), 3)))
    return pd.DataFrame(rows, columns=["horizon_days", "as_of", "customers", "churned"])


def horizon_from_gaps(days: Any) -> tuple[int | None, int]:  # noqa: ANN401 - a DuckDB relation
    """Suggest the window within which four of five returns come, in whole weeks."""
    gaps = days.project("day - lag(day) over (partition by customer_id order by day) as gap")
    found = gaps.aggregate(f"quantile_cont(gap, {RETURNED})").fetchall()[0][0]
    if found is None:
        return None, 0
    return WEEK * -(-int(found) // WEEK), int(found)


def is_spec(source: str) -> bool:
    """Say whether a source is a spec rather than a table."""
    return Path(source).suffix == ".toml"
