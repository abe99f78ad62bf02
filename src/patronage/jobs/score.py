"""Score every customer seen by a day, shard by shard, so that a killed run loses one shard."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patronage.data.read import read_table
from patronage.data.shards import (
    all_orders,
    bounded_connection,
    number_of_shards,
    shard_orders,
    split_orders,
)
from patronage.data.units import to_date, to_day
from patronage.errors import ReadinessError
from patronage.jobs.console import with_progress
from patronage.jobs.publish import MemoryLimit, ScoreFolder, scratch_beside
from patronage.jobs.score_table import sampled_plan, score_table
from patronage.jobs.score_units import score_units
from patronage.jobs.scoring_plan import ScoringPlan

AT_ONCE = 2
"""Shards in work at the same time: each holds its features in memory."""

DAYS_BEHIND = 7
"""Orders that end longer before the day than this are worth a warning."""


class StaleOrdersWarning(UserWarning):
    """The day to score as of lies beyond the orders."""


@dataclass(frozen=True)
class ScoreRun:
    """What a scoring run left behind.

    Attributes
    ----------
    folder
        Where the Parquet files are.
    n_customers
        Rows in them.
    was_done
        True where an earlier run had scored the same input with the same models already.
    """

    folder: Path
    n_customers: int
    was_done: bool


def score_customers(plan: ScoringPlan, *, output: Path, memory_limit: str = "2GB") -> ScoreRun:
    """Score all customers with every model of a plan and publish one joined table.

    Parameters
    ----------
    output
        Scores go to output/<names>/<as_of>/<fingerprint>, and output/latest.json names them.
    memory_limit
        Of the whole process, such as "2GB".

    Raises
    ------
    PatronageError
        If the input breaks its contract or holds nobody; what was published before stays.
    """
    limit, target = MemoryLimit.parse(memory_limit), ScoreFolder(output, plan)
    if target.is_done():
        target.publish()
        return ScoreRun(target.folder, target.n_rows(), was_done=True)
    if plan.table != "transactions":
        score_units(plan, target)
        return ScoreRun(target.folder, target.n_rows(), was_done=False)
    plan.day  # noqa: B018 - refuse before anything is read
    with scratch_beside(output) as scratch:
        connection = bounded_connection(limit.database_mb, scratch / "spill")
        orders = read_table(plan.source, **plan.reading, connection=connection)
        n_shards = number_of_shards(_count(orders, plan))
        split = scratch / "orders"
        split_orders(orders, connection, as_of=plan.day, n_shards=n_shards, folder=split)
        plan = sampled_plan(all_orders(connection, split), plan)

        def score_shard(shard: int) -> None:
            part = shard_orders(connection.cursor(), split, shard)
            target.write_part(score_table(part, plan), shard, n_shards)

        missing = [shard for shard in range(n_shards) if not target.has_part(shard, n_shards)]
        # The database and most numerics run outside Python's lock, so two shards overlap.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = pool.map(score_shard, missing)
            for _ in with_progress(done, "scoring", total=len(missing)):
                pass
        connection.close()
    target.finish(n_shards)
    return ScoreRun(target.folder, target.n_rows(), was_done=False)


def _count(orders: Any, plan: ScoringPlan) -> int:  # noqa: ANN401 - a DuckDB relation
    """Count the orders, of which some must be of the day or before."""
    ((n_orders, first, last),) = orders.aggregate("count(*), min(day), max(day)").fetchall()
    if first is None or first > to_day(plan.day):
        told = "there are none" if first is None else f"the first is of {to_date(first)}"
        raise ReadinessError(
            f"{plan.source}: no order on or before {plan.day}, so nobody to score; {told}."
        )
    behind = to_day(plan.day) - last
    if behind > DAYS_BEHIND:
        warnings.warn(
            f"{plan.source}: the orders end {to_date(last)}, {behind:,} days before {plan.day}; "
            "what was bought since is read as silence.",
            StaleOrdersWarning,
            stacklevel=2,
        )
    return int(n_orders)
