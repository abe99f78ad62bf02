"""Score every customer seen by a day, part by part, so that a killed run loses one part."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from patronage.data.batches import number_of_batches, read_batches
from patronage.jobs.console import with_progress
from patronage.jobs.describe import describe_customers
from patronage.jobs.monitor import watch, watched_before
from patronage.jobs.publish import MemoryLimit, ScoreFolder, scratch_beside
from patronage.jobs.score_table import knowing_all, sample_of, score_table
from patronage.jobs.score_units import finish_with_actions, score_units
from patronage.jobs.scoring_plan import ScoringPlan

AT_ONCE = 2
"""Parts in work at the same time: each holds its features in memory."""

Numbered = tuple[int, pa.Table]
"""A part's number and its customers."""


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
    if target.is_done() and watched_before(plan.artifacts, plan.specs, target.folder):
        target.publish()
        return ScoreRun(target.folder, target.n_rows(), was_done=True)
    if plan.table != "transactions":
        told = score_units(plan, target)
        return ScoreRun(target.folder, target.n_rows(), was_done=False, lines=told)
    plan.day  # noqa: B018 - refuse before anything is read
    with scratch_beside(output) as scratch:
        features = scratch / "features.parquet"
        n_customers = describe_customers(plan, database_mb=limit.database_mb, path=features)
        n_parts = number_of_batches(n_customers)
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
