"""Read the tables that a spec names through one connection, and say what was left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from patronage.data.connection import open_connection
from patronage.data.engines import DuckdbEngine, is_blank_text, literal
from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.data.sources import open_source
from patronage.data.units import EPOCH, to_date, to_day
from patronage.errors import DataError, ReadinessError
from patronage.jobs.score_folders import CUSTOMER, finished
from patronage.tracking.metric_specs import PathSource, StepSource
from patronage.tracking.sections import Section, TableSource

VALUE = "lifetime_value"
SPEND = "spend"
LATER = {"leads": "converted_day", "subscriptions": "ended_day"}
"""Table to the column of what happens after the day that a row is told by."""


@dataclass
class Tables:
    """Checked tables as DuckDB relations of one connection, and the report of each.

    Attributes
    ----------
    found
        By name.
    reports
        In the order of reading.
    """

    found: dict[str, Any] = field(default_factory=dict)
    reports: list[DataReport] = field(default_factory=list)
    connection: Any = field(default_factory=open_connection)

    def read(self, name: str, source: TableSource, *, times: bool = False) -> Any:  # noqa: ANN401 - a DuckDB relation
        """Read one table and keep it under its name, with the times of its days if asked."""
        table, report = check_table(
            source.source, name, **source.reading(), times=times, connection=self.connection
        )
        self.found[name] = table
        self.reports.append(report)
        return table

    def last_day(self, given: date | None) -> date:
        """Give the day of the spec, else the last of all tables but spend.

        Budgets are written ahead, so costs tell nothing of what was observed.

        Raises
        ------
        ReadinessError
            If there is no row to take it from.
        """
        if given is not None:
            return given
        ends = self._ends()
        days = [day for name, day in ends.items() if name != SPEND] or list(ends.values())
        if not days:
            sources = ", ".join(report.source for report in self.reports)
            raise ReadinessError(f"{sources}: no rows, so nothing to count.")
        return max(days)

    def observed(self, given: date | None) -> dict[str, date]:
        """Give the last day observed of each table that says what happened, but for spend.

        The day of the spec, which says it of all; else the last day of each table, whatever the
        others hold: where orders end in February, nobody knows who bought in March. A table
        without rows was observed up to no day at all.
        """
        names = [name for name in self.found if name not in (SPEND, "customers")]
        if given is not None:
            return dict.fromkeys(names, given)
        ends = self._ends()
        return {name: ends.get(name, EPOCH) for name in names}

    def observed_lines(self, given: date | None, of: Collection[str] | None = None) -> list[str]:
        """Say how far tables reach, all or those named, where that is not the last day observed."""
        last, ends = self.last_day(given), self._ends()
        short = {name: ends.get(name) for name in self.observed(given)}
        short = {name: day for name, day in short.items() if day is None or day < last}
        short = {name: day for name, day in short.items() if of is None or name in of}
        if not short:
            return []
        reach = ", ".join(f"{name} {day or 'no rows'}" for name, day in short.items())
        if given is None:
            line = (
                f"windows end with the table that tells what happened: {reach}; where nothing "
                "happened after that, set snapshot.as_of"
            )
        else:
            line = f"last rows: {reach}; by snapshot.as_of nothing happened from then to {last}"
        return [line]

    def _ends(self) -> dict[str, date]:
        """Last day of each table that has rows."""
        ends: dict[str, date] = {}
        for report in self.reports:
            if report.last_day is not None:
                ends[report.table] = max(report.last_day, ends.get(report.table, EPOCH))
        for name, column in LATER.items():
            if name in ends:
                ends[name] = max(ends[name], self._last_of(name, column))
        return ends

    def _last_of(self, name: str, column: str) -> date:
        """Last day of a column, as far as it is past: subscriptions may end in time to come."""
        past = self.found[name].filter(f'"{column}" <= {to_day(datetime.now(UTC).date())}')
        ((last,),) = past.aggregate(f'max("{column}")').fetchall()
        return EPOCH if last is None else to_date(last)

    def lines(self) -> list[str]:
        """Say where figures come from, a line a table, and what was left out of it."""
        return [_line(report) for report in self.reports]


def read_tables(
    data: Section, names: Iterable[str] | None = None, *, times: bool = False
) -> Tables:
    """Read the tables of a section that are given, of those named, with times if asked."""
    tables = Tables()
    for name in names or type(data).model_fields:
        source = getattr(data, name)
        if source is not None:
            tables.read(name, source, times=times)
    return tables


def read_steps(
    sources: Iterable[StepSource], columns: Iterable[str] = (), *, tables: Tables | None = None
) -> Tables:
    """Read several tables of steps as one: unit_id, day, at, step.

    Parameters
    ----------
    columns
        More of them to keep, from the tables that have them; those that none has are left out.
    tables
        To put it beside, on their connection.
    """
    tables = Tables() if tables is None else tables
    parts = [_steps(tables, source) for source in sources]
    kept = [name for name in dict.fromkeys(columns) if any(name in part.columns for part in parts)]
    steps, *rest = (_to_project(part, kept) for part in parts)
    for part in rest:
        steps = steps.union(part)
    tables.found["steps"] = steps
    return tables


def _steps(tables: Tables, source: StepSource) -> Any:  # noqa: ANN401 - a DuckDB relation
    if source.step is None:
        return tables.read("steps", source)
    opened = open_source(source.source, tables.connection)
    theirs = source.columns.get("reached_at", "reached_at")
    unit = source.columns.get("unit_id", "unit_id")
    absent = [name for name in (unit, theirs) if name not in opened.names]
    if absent:
        raise DataError(
            f"{opened.label}: column(s) {', '.join(absent)} not found; it has "
            f"{', '.join(opened.names)}. Map unit_id and reached_at with columns = {{ ... }}."
        )
    engine = opened.engine
    inner = dict(zip(opened.names, map(engine.quoted, opened.inner), strict=True))
    unnamed = {name: at for name, at in inner.items() if name != "step"}
    reached = engine.where(f"not {is_blank_text(engine.as_text(inner[theirs]))}").project(
        unnamed | {"step": literal(source.step)}
    )
    table, report = check_table(
        reached.native, "steps", **source.reading(), connection=tables.connection
    )
    tables.reports.append(replace(report, source=f"{opened.label} ({source.step})"))
    return table


def _to_project(steps: Any, kept: Iterable[str]) -> Any:  # noqa: ANN401 - a DuckDB relation
    """Bring a table of steps to the columns that all of them share."""
    columns = ["unit_id::varchar as unit_id", '"day"', '"at"', '"step"']
    for name in kept:
        quoted = DuckdbEngine(steps).quoted(name)
        columns.append(f"{quoted if name in steps.columns else 'null'}::varchar as {quoted}")
    return steps.project(", ".join(columns))


def read_scored_values(folder: str, as_of: date) -> pd.DataFrame:
    """Read customer_id and lifetime_value from the score tables of a day.

    Raises
    ------
    DataError
        If there is no such table of that day.
    """
    found = [each for each in finished(Path(folder)) if VALUE in each.columns]
    of_day = [each for each in found if each.as_of == as_of]
    if not of_day:
        days = ", ".join(sorted({str(each.as_of) for each in found})) or "none with it"
        raise DataError(
            f"forecast.scores {folder}: no score table with {VALUE} as of {as_of}, the last day "
            f"observed; it has {days}. Score that day, or set snapshot.as_of."
        )
    table: pd.DataFrame = pq.read_table(
        list(map(str, of_day[-1].files)), columns=[CUSTOMER, VALUE]
    ).to_pandas()
    return table


def read_paths_table(source: PathSource) -> pd.DataFrame:
    """Read a path table as it is, numbers of text files as numbers.

    Raises
    ------
    DataError
        If there is no such file.
    """
    opened = open_source(source.source)
    table: pd.DataFrame = opened.engine.native.df()
    table.columns = pd.Index(opened.names)
    counts = {source.columns.get(name, name) for name in ("conversions", "value", "nulls")}
    for name in [name for name in opened.names if name in counts and opened.is_text]:
        text = table[name].str.strip().replace("", None)
        numbers = pd.to_numeric(text, errors="coerce")
        bad = text.notna() & numbers.isna()
        if bad.any():
            raise DataError(
                f"{opened.label}: {int(bad.sum()):,} of {len(table):,} rows have {name} that is no "
                f"number, first {text[bad].iloc[0]!r}. Correct them in the file."
            )
        table[name] = numbers
    return table


def _line(report: DataReport) -> str:
    span = f", {report.first_day} to {report.last_day}" if report.first_day else ""
    gone = "".join(f", {n:,} left out: {reason}" for reason, n in report.left_out.items())
    return f"{report.table}: {report.rows_kept:,} rows of {report.source}{span}{gone}"
