"""Score every customer seen by a day, part by part, so that a killed run loses one part."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from patronage.data.batches import (
    bounded_connection,
    number_of_batches,
    read_batches,
    write_in_order,
)
from patronage.data.read import read_table
from patronage.data.units import to_date, to_day
from patronage.errors import ReadinessError
from patronage.jobs.console import with_progress
from patronage.jobs.monitor import watch
from patronage.jobs.publish import MemoryLimit, ScoreFolder, scratch_beside
from patronage.jobs.score_table import features_of_day, knowing_all, sample_of, score_table
from patronage.jobs.score_units import finish_with_actions, score_units
from patronage.jobs.scoring_plan import ScoringPlan

AT_ONCE = 2
"""Parts in work at the same time: each holds its features in memory."""

IN_ORDER = ("frequency", "recency", "T", "customer_id")
"""Customers of one history stand together, and what depends on it alone is worked out once."""

Numbered = tuple[int, pa.Table]
"""A part's number and its customers."""

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
    lines
        What to say to the person at the terminal.
    """

    folder: Path
    n_customers: int
    was_done: bool
    lines: list[str] = field(default_factory=list)


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
        told = score_units(plan, target)
        return ScoreRun(target.folder, target.n_rows(), was_done=False, lines=told)
    plan.day  # noqa: B018 - refuse before anything is read
    with scratch_beside(output) as scratch:
        features = scratch / "features.parquet"
        n_parts = number_of_batches(_describe(plan, limit, features))
        sample = sample_of(features)
        watched = watch(plan.artifacts, plan.specs, sample, target.folder)
        plan = knowing_all(plan, sample)

        def score_part(numbered: Numbered) -> None:
            part, batch = numbered
            target.write_part(score_table(batch, plan), part, n_parts)

        parts = enumerate(read_batches(features))
        missing = (each for each in parts if not target.has_part(each[0], n_parts))
        left = sum(not target.has_part(part, n_parts) for part in range(n_parts))
        for _ in with_progress(_overlapping(score_part, missing), "scoring", total=left):
            pass
    lines = [*watched.lines(), *finish_with_actions(target, n_parts, plan)]
    return ScoreRun(target.folder, target.n_rows(), was_done=False, lines=lines)


def _describe(plan: ScoringPlan, limit: MemoryLimit, path: Path) -> int:
    """Write the features of all customers to a file; give their number."""
    connection = bounded_connection(limit.database_mb, path.parent / "spill")
    try:
        orders = read_table(plan.source, **plan.reading, connection=connection)
        found = features_of_day(orders, plan)
        n_customers = write_in_order(found, connection, order=IN_ORDER, path=path)
        if not n_customers:
            raise _nobody(orders, plan)
        _warn_of_stale_orders(connection.read_parquet(str(path)), plan)
    finally:
        connection.close()
    return n_customers


def _overlapping(work: Callable[[Numbered], None], parts: Iterable[Numbered]) -> Iterator[None]:
    """Work on a few parts at once; no more of them are in memory than that.

    Most numerics run outside Python's lock, so two parts overlap.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: deque[Future[None]] = deque()
        for part in parts:
            running.append(pool.submit(work, part))
            if len(running) >= AT_ONCE:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _nobody(orders: Any, plan: ScoringPlan) -> ReadinessError:  # noqa: ANN401 - a DuckDB relation
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


def _warn_of_stale_orders(found: Any, plan: ScoringPlan) -> None:  # noqa: ANN401 - a DuckDB relation
    ((behind,),) = found.aggregate("min(T - recency)").fetchall()
    if behind > DAYS_BEHIND:
        warnings.warn(
            f"{plan.source}: the orders end {to_date(to_day(plan.day) - behind)}, {behind:,} days "
            f"before {plan.day}; what was bought since is read as silence.",
            StaleOrdersWarning,
            stacklevel=4,
        )
