"""Features of all customers of a scoring run, made once and kept in a file, within its memory."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from patronage.data.batches import bounded_connection, number_of_batches, write_in_order
from patronage.data.read import read_table
from patronage.data.shards import shard_orders, split_orders
from patronage.data.units import to_date, to_day
from patronage.errors import ReadinessError
from patronage.features.rfm import rfm_summary
from patronage.features.snapshot import snapshot
from patronage.jobs.console import with_progress
from patronage.jobs.scoring_plan import ScoringPlan
from patronage.tracking.spec import LifetimeValueSpec

IN_ORDER = ("frequency", "recency", "T", "customer_id")
"""Customers of one history stand together, and what depends on it alone is worked out once."""

DAYS_BEHIND = 7
"""Orders that end longer before the day than this are worth a warning."""

SUMMARISED, JOINED = 10_000, 2_500
"""Orders for each megabyte: of a plain summary, and of windows and joins. Half of what failed."""

Relation = Any
"""DuckDB's relations have no types."""


class StaleOrdersWarning(UserWarning):
    """The day to score as of lies beyond the orders."""


def describe_customers(plan: ScoringPlan, *, database_mb: int, path: Path) -> int:
    """Write what the models of a plan need to know of every customer; give their number.

    Parameters
    ----------
    database_mb
        What DuckDB may hold in memory, megabytes.
    path
        A Parquet file to write; beside it lies what does not fit into memory meanwhile.

    Raises
    ------
    DataError
        If the input breaks its contract.
    ReadinessError
        If nobody has bought by the day.

    Warns
    -----
    StaleOrdersWarning
        When the orders end over a week before the day.
    """
    connection = bounded_connection(database_mb, path.parent / "spill")
    try:
        orders = read_table(plan.source, **plan.reading, connection=connection)
        n_shards, plan = _look_at(orders, plan, database_mb)
        if n_shards == 1:
            found = _features(orders, plan)
        else:
            found = _by_shard(orders, connection, plan, n_shards, path.parent)
        n_customers = write_in_order(found, connection, order=IN_ORDER, path=path)
        if not n_customers:
            raise _nobody(orders, plan)
        _warn_of_stale_orders(connection.read_parquet(str(path)), plan)
    finally:
        connection.close()
    return n_customers


def _look_at(orders: Relation, plan: ScoringPlan, database_mb: int) -> tuple[int, ScoringPlan]:
    """Tell in how many parts features fit into the memory; however many, they are the same.

    Where there are no refunds the plan says so from here on, and nobody looks for them again.
    """
    ((n_orders, lowest),) = orders.aggregate("count(*), min(amount)").fetchall()
    has_refunds = lowest is not None and lowest < 0
    if not has_refunds:
        plan = replace(plan, reading={**plan.reading, "returns": "fail"})
    each = SUMMARISED if _is_brief(plan) and not has_refunds else JOINED
    return number_of_batches(n_orders, database_mb * each), plan


def _is_brief(plan: ScoringPlan) -> bool:
    """Say whether a summary is enough: all that lifetime value takes, several times faster."""
    return all(isinstance(spec, LifetimeValueSpec) for spec in plan.specs)


def _features(orders: Relation, plan: ScoringPlan) -> Relation:
    make = rfm_summary if _is_brief(plan) else snapshot
    return make(orders, as_of=plan.day, returns=plan.reading["returns"])


def _by_shard(
    orders: Relation,
    connection: duckdb.DuckDBPyConnection,
    plan: ScoringPlan,
    n_shards: int,
    scratch: Path,
) -> Relation:
    """Describe a part of the customers at a time, into files."""
    split, described = scratch / "orders", scratch / "described"
    described.mkdir()
    split_orders(orders, connection, as_of=plan.day, n_shards=n_shards, folder=split)
    if not any(split.iterdir()):
        return _features(orders, plan)  # of nobody
    for shard in with_progress(range(n_shards), "describing", total=n_shards):
        part = shard_orders(connection, split, shard)
        if part is not None:
            _features(part, plan).write_parquet(str(described / f"{shard:05d}.parquet"))
    return connection.read_parquet(str(described / "*.parquet"))


def _nobody(orders: Relation, plan: ScoringPlan) -> ReadinessError:
    ((first,),) = orders.aggregate("min(day)").fetchall()
    if first is not None and first <= to_day(plan.day):
        return ReadinessError(
            f"{plan.source}: refunds use up every purchase on or before {plan.day}, so nobody to "
            "score."
        )
    told = "there are none" if first is None else f"the first is of {to_date(first)}"
    return ReadinessError(
        f"{plan.source}: no order on or before {plan.day}, so nobody to score; {told}."
    )


def _warn_of_stale_orders(found: Relation, plan: ScoringPlan) -> None:
    ((behind,),) = found.aggregate("min(T - recency)").fetchall()
    if behind > DAYS_BEHIND:
        warnings.warn(
            f"{plan.source}: the orders end {to_date(to_day(plan.day) - behind)}, {behind:,} days "
            f"before {plan.day}; what was bought since is read as silence.",
            StaleOrdersWarning,
            stacklevel=4,
        )
