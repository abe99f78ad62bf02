"""Score every customer seen by a day, shard by shard, so that a killed run loses one shard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.data.shards import bounded_connection, number_of_shards, shard_orders, split_orders
from patronage.errors import ReadinessError
from patronage.jobs.console import with_progress
from patronage.jobs.publish import MemoryLimit, ScoreFolder, scratch_beside
from patronage.jobs.score_table import score_table
from patronage.jobs.scoring_plan import ScoringPlan


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
    with scratch_beside(output) as scratch:
        connection = bounded_connection(limit.database_mb, scratch / "spill")
        orders, report = check_table(plan.source, **plan.reading, connection=connection)
        _refuse_empty(plan, report)
        n_shards = number_of_shards(report.rows_kept, limit.orders_per_shard)
        split = scratch / "orders"
        split_orders(orders, connection, as_of=plan.as_of, n_shards=n_shards, folder=split)
        for shard in with_progress(range(n_shards), "scoring", total=n_shards):
            part = shard_orders(connection, split, shard)
            if part is not None and not target.has_part(shard, n_shards):
                target.write_part(score_table(part, plan), shard, n_shards)
        connection.close()
    target.finish(n_shards)
    return ScoreRun(target.folder, target.n_rows(), was_done=False)


def _refuse_empty(plan: ScoringPlan, report: DataReport) -> None:
    if report.first_day is None or report.first_day > plan.as_of:
        first = f"the first is of {report.first_day}" if report.first_day else "there are none"
        raise ReadinessError(
            f"{report.source}: no order on or before {plan.as_of}, so nobody to score; {first}."
        )
