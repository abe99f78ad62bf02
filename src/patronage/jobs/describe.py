"""Features of all customers of a scoring run, made once and kept in a file, within its memory."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from patronage.data.batches import bounded_connection, write_in_order
from patronage.data.read import read_table
from patronage.data.shards import number_of_shards, shard_orders, split_orders
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
        # The summary is several times faster, and all that lifetime value takes.
        if all(isinstance(spec, LifetimeValueSpec) for spec in plan.specs):
            found = rfm_summary(orders, as_of=plan.day, returns=plan.reading["returns"])
            n_customers = write_in_order(found, connection, order=IN_ORDER, path=path)
        else:
            n_customers = _write_snapshots(orders, connection, plan, path)
        if not n_customers:
            raise _nobody(orders, plan)
        _warn_of_stale_orders(connection.read_parquet(str(path)), plan)
    finally:
        connection.close()
    return n_customers


def _write_snapshots(
    orders: Relation, connection: duckdb.DuckDBPyConnection, plan: ScoringPlan, path: Path
) -> int:
    """Describe customers shard by shard: all at once, windows and joins overrun the memory."""
    ((n_orders,),) = orders.aggregate("count(*)").fetchall()
    n_shards, folder = number_of_shards(n_orders), path.parent / "orders"
    split_orders(orders, connection, as_of=plan.day, n_shards=n_shards, folder=folder)
    if not any(folder.iterdir()):
        return 0
    writer = None
    for shard in with_progress(range(n_shards), "describing", total=n_shards):
        part = shard_orders(connection, folder, shard)
        made = snapshot(part, as_of=plan.day, returns=plan.reading["returns"])
        table = made.order(", ".join(f'"{name}"' for name in IN_ORDER)).to_arrow_table()
        writer = pq.ParquetWriter(path, table.schema) if writer is None else writer
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return int(pq.read_metadata(path).num_rows)


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
