"""Training rows of churn, from orders or from subscriptions."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.data.batches import bounded_connection
from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.data.units import to_date, to_day
from patronage.errors import ConvergenceError, DataError, ReadinessError
from patronage.features.catalogue import buying_features
from patronage.features.labels import cutoffs, fitting_cutoffs
from patronage.features.rfm import purchase_days, rfm_summary
from patronage.features.snapshot import training_snapshots
from patronage.features.subscriptions import (
    subscription_features,
    training_subscription_snapshots,
)
from patronage.jobs.training_set import TrainingSet, by_cutoff, without_age, without_season
from patronage.models.lifetime_value import LifetimeValue
from patronage.tracking.propensity_spec import ChurnSnapshot, ChurnSpec
from patronage.tracking.sections import TableSource

FEWEST_BUYERS = 100
DATABASE_MB = 4_000
"""Beyond it the database spills; the rows that are learnt from come on top."""


def training_set(spec: ChurnSpec) -> TrainingSet:
    """Read the spec's table and make the rows to learn from and to judge on.

    Raises
    ------
    PatronageError
        If the table breaks its contract or its history is too short.
    """
    if spec.data.transactions is not None and spec.snapshot is not None:
        return from_transactions(spec.data.transactions, spec.snapshot)
    if spec.data.subscriptions is not None and spec.snapshot is not None:
        return from_subscriptions(spec.data.subscriptions, spec.snapshot)
    raise ReadinessError("data: neither transactions nor subscriptions; give one of them.")


def from_transactions(table: TableSource, snapshot: ChurnSnapshot) -> TrainingSet:
    """Make snapshots of buyers, each labelled by whether the window after it holds no purchase."""
    with checked_once(table) as (orders, report):
        # Netting sorts every order: where no refund is, it would find none.
        returns = table.returns if report.refunds else "fail"
        fitting_days = days_to_fit_on(report, snapshot)
        rows = _rows_of_each(
            lambda day: training_snapshots(
                orders,
                as_of=day,
                horizon_days=snapshot.horizon_days,
                step_days=snapshot.step,
                eligible_days=snapshot.eligible_days,
                max_snapshots=1,
                observed_until=snapshot.observed_until,
                returns=returns,
            ),
            report,
            snapshot,
        )
        learnt, notes = without_season(buying_features(orders.columns), fitting_days)
        learnt, more = without_age(
            learnt, first_day=_first_day(report), first_cutoff=fitting_days[0]
        )
        forecaster, doubts = forecaster_as_of(orders, fitting_days[0], returns)
        days_each = _days_each(orders, snapshot, returns)
    return _stacked(
        rows,
        fitting_days,
        learnt,
        unit=f"customers {_population(snapshot)}",
        source=report.source,
        sources=(table.source,),
        report=report.to_dict(),
        horizon_days=snapshot.horizon_days,
        forecaster=forecaster,
        days_each=days_each,
        outcome=f"no purchase within {snapshot.horizon_days} days",
        notes=(*notes, *more, *doubts),
    )


@contextmanager
def checked_once(
    table: TableSource, kind: str = "transactions"
) -> Iterator[tuple[Any, DataReport]]:
    """Read and check a table into a database of its own, not again at each look at it.

    Yields
    ------
    A DuckDB relation, which ends with the context, and the report.
    """
    with tempfile.TemporaryDirectory(prefix="patronage-") as spill:
        connection = bounded_connection(DATABASE_MB, Path(spill))
        try:
            checked, report = check_table(
                table.source, kind, **table.reading(), connection=connection
            )
            yield kept_as("checked_once", checked, connection), report
        finally:
            connection.close()


def kept_as(name: str, checked: Any, connection: Any) -> Any:  # noqa: ANN401 - duckdb has no types
    """Keep a checked relation as a table: each snapshot looks at it several times."""
    checked.create(name)
    return connection.table(name)


def _rows_of_each(
    rows_of: Callable[[int], Any], report: DataReport, snapshot: ChurnSnapshot
) -> pd.DataFrame:
    """Stack the snapshots; one at a time takes a fraction of the memory of all at once."""
    days = cutoffs(
        as_of=snapshot.as_of,
        horizon_days=snapshot.horizon_days,
        step_days=snapshot.step,
        first_day=_first_day(report),
        max_snapshots=snapshot.max_snapshots,
    )
    # The last one first: it alone may have a window that is not over, and then says so at once.
    parts = [as_frame(rows_of(day)) for day in reversed(days)]
    return pd.concat(parts[::-1], ignore_index=True)


def from_subscriptions(table: TableSource, snapshot: ChurnSnapshot) -> TrainingSet:
    """Make snapshots of subscribers, each labelled by whether nothing is live after the window."""
    with checked_once(table, "subscriptions") as (subscriptions, report):
        fitting_days = days_to_fit_on(report, snapshot)
        until, why = subscriptions_known_until(subscriptions, snapshot)
        rows = _rows_of_each(
            lambda day: training_subscription_snapshots(
                subscriptions,
                as_of=day,
                horizon_days=snapshot.horizon_days,
                step_days=snapshot.step,
                max_snapshots=1,
                observed_until=until,
            ),
            report,
            snapshot,
        )
        columns = list(subscriptions.columns)
    return _stacked(
        rows,
        fitting_days,
        subscription_features(columns),
        unit="subscribers",
        source=report.source,
        sources=(table.source,),
        report=report.to_dict(),
        horizon_days=snapshot.horizon_days,
        outcome=f"no subscription left after {snapshot.horizon_days} days",
        notes=(why,),
    )


def subscriptions_known_until(
    subscriptions: Any,  # noqa: ANN401 - a DuckDB relation
    snapshot: ChurnSnapshot | None = None,
) -> tuple[int, str]:
    """Give the last day whose ends are known, and say how that is known.

    An end may be booked ahead, a start is hardly ever: that of the last one is surely over.
    """
    said = snapshot.observed_until if snapshot is not None else None
    last = subscriptions.aggregate("max(started_day)").fetchall()[0][0]
    if last is None:
        raise ReadinessError("subscriptions: there is no row.")
    until = to_day(said) if said is not None else int(last)
    ahead = subscriptions.filter(f"ended_day > {until}").aggregate("count(*)").fetchall()[0][0]
    basis = "as snapshot.observed_until says" if said is not None else "the day of the last start"
    why = f"ends are known until {to_date(until)}, {basis}"
    if ahead:
        why += f"; {ahead:,} that lie ahead of it count as not come yet"
    if ahead and said is None:
        why += ", set snapshot.observed_until where later days are known"
    return until, why


def _stacked(
    rows: pd.DataFrame,
    fitting_days: tuple[int, ...],
    learnt: tuple[str, ...],
    **more: Any,  # noqa: ANN401 - fields of TrainingSet
) -> TrainingSet:
    fitting, judging, later, split = by_cutoff(
        rows["cutoff"].to_numpy(np.int64), fitting_days, more.pop("unit")
    )
    return TrainingSet(
        features=rows.drop(columns=["customer_id", "cutoff", "label"]),
        label=rows["label"].to_numpy(np.float64),
        units=rows["customer_id"].to_numpy(),
        fitting=fitting,
        judging=judging,
        later=later,
        of_snapshots=True,
        learnt=learnt,
        split=split,
        **more,
    )


def days_to_fit_on(report: DataReport, snapshot: ChurnSnapshot) -> tuple[int, ...]:
    """Give the cutoffs whose windows close by the last one, which judges.

    Raises
    ------
    ReadinessError
        If there is none: the history is shorter than twice the window.
    """
    if report.first_day is None or report.first_day > snapshot.as_of:
        raise ReadinessError(
            f"{report.source}: no row on or before snapshot.as_of {snapshot.as_of}, "
            f"{report.rows_kept:,} rows in all; set a later one."
        )
    days = cutoffs(
        as_of=snapshot.as_of,
        horizon_days=snapshot.horizon_days,
        step_days=snapshot.step,
        first_day=report.first_day,
        max_snapshots=snapshot.max_snapshots,
    )
    fitting_days = fitting_cutoffs(days, horizon_days=snapshot.horizon_days)
    if fitting_days:
        return fitting_days
    history = to_day(snapshot.as_of) - to_day(report.first_day)
    raise ReadinessError(
        f"{report.source}: {history:,} days of history before snapshot.as_of {snapshot.as_of}, "
        f"and no cutoff whose window of {snapshot.horizon_days} days closes by then has as much "
        f"before it; take horizon_days of at most {max(1, history // 2)}, a shorter step_days, "
        "or more history."
    )


def forecaster_as_of(
    orders: Any,  # noqa: ANN401 - a DuckDB relation
    day: int,
    returns: Any,  # noqa: ANN401 - checked by the spec
) -> tuple[LifetimeValue | None, tuple[str, ...]]:
    """Fit the purchase model behind the forecast columns once, on what was known by a day.

    Returns
    -------
    The model, or None where these histories cannot carry one, and what to know about it.
    """
    summary = as_frame(rfm_summary(orders, as_of=day, returns=returns), by=("customer_id",))
    n_repeat = int((summary["frequency"] > 0).sum())
    if n_repeat < FEWEST_BUYERS:
        return None, (
            f"no purchase forecasts: {n_repeat} customers with a second purchase by {to_date(day)}",
        )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            model = LifetimeValue().fit(summary)
        except (ConvergenceError, DataError) as error:
            return None, (f"no purchase forecasts: {error}",)
    doubts = dict.fromkeys(f"purchase forecasts: {each.message}" for each in said)
    return model, tuple(doubts)


def _first_day(report: DataReport) -> int:
    return 0 if report.first_day is None else to_day(report.first_day)


def _days_each(orders: Any, snapshot: ChurnSnapshot, returns: Any) -> float:  # noqa: ANN401 - as above
    days = purchase_days(orders, as_of=snapshot.as_of, returns=returns)
    n_days, n_customers = days.aggregate("count(*), count(distinct customer_id)").fetchall()[0]
    return float(n_days) / max(1, int(n_customers))


def as_frame(relation: Any, by: tuple[str, ...] = ("cutoff", "customer_id")) -> pd.DataFrame:  # noqa: ANN401 - duckdb has no types
    """Fetch a relation in an order that does not hang on the engine's."""
    frame: pd.DataFrame = relation.order(", ".join(by)).to_arrow_table().to_pandas()
    return frame


def _population(snapshot: ChurnSnapshot) -> str:
    days = snapshot.eligible_days
    return f"who bought in the {days} days before" if days else "seen by then"
