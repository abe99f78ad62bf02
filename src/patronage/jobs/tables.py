"""Read the tables that a spec names through one connection, and say what was left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from patronage.data.connection import open_connection
from patronage.data.engines import DuckdbEngine, is_blank_text, literal
from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.data.sources import open_source
from patronage.data.units import to_date
from patronage.errors import DataError, ReadinessError, SpecError
from patronage.jobs.score_folders import CUSTOMER, finished
from patronage.tracking.metric_specs import PathSource, StepSource
from patronage.tracking.sections import Section, TableSource

VALUE = "lifetime_value"


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

    def read(self, name: str, source: TableSource) -> Any:  # noqa: ANN401 - a DuckDB relation
        """Read one table and keep it under its name."""
        table, report = check_table(
            source.source, name, **source.reading(), connection=self.connection
        )
        self.found[name] = table
        self.reports.append(report)
        return table

    def last_day(self, given: date | None) -> date:
        """Give the day of the spec, else the last of all tables.

        Raises
        ------
        ReadinessError
            If there is no row to take it from.
        """
        if given is not None:
            return given
        days = [report.last_day for report in self.reports if report.last_day is not None]
        days += self._later_days()
        if not days:
            sources = ", ".join(report.source for report in self.reports)
            raise ReadinessError(f"{sources}: no rows, so nothing to count.")
        return max(days)

    def _later_days(self) -> list[date]:
        """Give the last conversion of leads: who saw it observed that day, touches or none."""
        if "leads" not in self.found:
            return []
        ((last,),) = self.found["leads"].aggregate("max(converted_day)").fetchall()
        return [] if last is None else [to_date(last)]

    def lines(self) -> list[str]:
        """Say where figures come from, a line a table, and what was left out of it."""
        return [_line(report) for report in self.reports]


def read_tables(data: Section, names: Iterable[str] | None = None) -> Tables:
    """Read the tables of a section that are given, of those named."""
    tables = Tables()
    for name in names or type(data).model_fields:
        source = getattr(data, name)
        if source is not None:
            tables.read(name, source)
    return tables


def read_steps(sources: Iterable[StepSource], by: str | None) -> Tables:
    """Read several tables of steps as one: unit_id, day, at, step, and what is broken down by.

    Raises
    ------
    SpecError
        If no table has the column to break down by.
    """
    tables, parts, has_by = Tables(), [], False
    for source in sources:
        part = _steps(tables, source)
        has_by = has_by or by in part.columns
        parts.append(_to_project(part, by))
    if by is not None and not has_by:
        raise SpecError(f"funnel.by is {by!r}, which no table of data.steps has.")
    steps = parts[0]
    for part in parts[1:]:
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


def _to_project(steps: Any, by: str | None) -> Any:  # noqa: ANN401 - a DuckDB relation
    """Bring a table of steps to the columns that all of them share."""
    columns = ["unit_id::varchar as unit_id", '"day"', '"at"', '"step"']
    if by is not None:
        quoted = DuckdbEngine(steps).quoted(by)
        columns.append(f"{quoted if by in steps.columns else 'null'}::varchar as {quoted}")
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
