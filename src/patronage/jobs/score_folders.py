"""Score tables that earlier runs left under a folder: which there are, and their rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from patronage.data.engines import literal
from patronage.errors import DataError
from patronage.jobs.latest_scores import latest_folder
from patronage.jobs.publish import MANIFEST, SUCCESS

CUSTOMER = "customer_id"


@dataclass(frozen=True)
class ScoreSet:
    """One finished score table.

    Attributes
    ----------
    folder
    as_of
        None for a labelled table without a day.
    models
        Name to version.
    columns
    files
        Its parts.
    value
        value_days, margin and annual_discount that value was counted with; empty where there is
        no value, or the table is older than this record.
    """

    folder: Path
    as_of: date | None
    models: dict[str, str]
    columns: tuple[str, ...]
    files: tuple[Path, ...] = field(repr=False)
    value: Mapping[str, float] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The day, the first of all where there is none: undated tables are the oldest."""
        return self.as_of or date.min


def finished(output: Path) -> list[ScoreSet]:
    """List the finished score tables under a folder, oldest day first, then oldest run.

    Raises
    ------
    DataError
        If the folder holds none.
    """
    marks = sorted(output.glob(f"*/*/*/{SUCCESS}"), key=_written)
    found = [_read(mark.parent) for mark in marks if (mark.parent / MANIFEST).is_file()]
    if not found:
        raise DataError(
            f"{output}: holds no finished score table; make one with patronage score, or name the "
            "folder that its --output was."
        )
    return sorted(found, key=lambda each: each.day)


def newest(output: Path) -> tuple[list[ScoreSet], list[ScoreSet]]:
    """Give the customers' tables of the newest day, and those of the days before it.

    The one that latest.json names comes first where it is among the first; of tables with the
    same models and day the last written counts.

    Raises
    ------
    DataError
        If there is no table of customers.
    """
    every = finished(output)
    customers = [each for each in every if CUSTOMER in each.columns]
    if not customers:
        raise DataError(
            f"{output}: its score tables have {every[-1].columns[0]}, no {CUSTOMER}; the page is "
            "about customers."
        )
    named = latest_folder(output)
    chosen = next((each for each in customers if each.folder == named), customers[-1])
    # Of the same models and day, the one that latest.json names stands for all.
    last = {
        tuple(sorted(each.models)): each
        for each in customers
        if each.day == chosen.day and sorted(each.models) != sorted(chosen.models)
    }
    now = [chosen, *last.values()]
    return now, [each for each in customers if each.day < chosen.day]


def joined_sql(sets: Iterable[ScoreSet]) -> str:
    """Write the query of one table with the columns of several, each from the first that has it.

    Rows are those of the first.
    """
    first, *rest = sets
    query = f"select * from {_scan(first)}"
    have = set(first.columns)
    for each in rest:
        more = [name for name in each.columns if name not in have]
        if more:
            picked = ", ".join(f'b."{name}"' for name in more)
            query = (
                f"select a.*, {picked} from ({query}) a left join {_scan(each)} b "
                f"on a.{CUSTOMER}::varchar = b.{CUSTOMER}::varchar"
            )
            have |= set(more)
    return query


def _scan(each: ScoreSet) -> str:
    names = ", ".join(literal(str(path)) for path in each.files)
    return f"read_parquet([{names}])"


def _read(folder: Path) -> ScoreSet:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    files = tuple(folder / name for name in sorted(manifest["files"]))
    lost = [path.name for path in files if not path.is_file()]
    if lost:
        raise DataError(f"{folder}: {len(lost)} of {len(files)} parts are gone, first {lost[0]}.")
    return ScoreSet(
        folder,
        date.fromisoformat(manifest["as_of"]) if manifest["as_of"] else None,
        {str(name): str(version) for name, version in manifest["models"].items()},
        tuple(pq.read_schema(files[0]).names),
        files,
        manifest.get("value", {}),
    )


def _written(mark: Path) -> tuple[float, str]:
    return mark.stat().st_mtime, str(mark)
