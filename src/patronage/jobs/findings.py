"""What a job of figures found: tables and pictures, shown short and written whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_object_dtype

from patronage.data.write import write_atomically, write_parquet
from patronage.decisions.delivery import write_csv
from patronage.errors import SpecError
from patronage.report.picture import Chart

Format = Literal["csv", "parquet", "json"]
ROWS_SHOWN = 20


@dataclass(frozen=True)
class Findings:
    """Tables by name, pictures by name, and what the terminal shows.

    Attributes
    ----------
    shown
        What the terminal shows, by its heading: a table, or some columns of one.
    lines
        What stands before the tables.
    lists
        Names of tables that people open in a spreadsheet: their CSV is made safe for one.
    undelivered
        Why a receiver did not take a list. The findings stand, and the command fails at its end.
    """

    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Chart] = field(default_factory=dict)
    shown: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    lists: frozenset[str] = frozenset()
    undelivered: str | None = None

    def text(self) -> list[str]:
        """Say it short: at most twenty rows of a table."""
        parts = list(self.lines)
        for name, table in self.shown.items():
            parts += ["", name.replace("_", " "), _short(table)]
            if len(table) > ROWS_SHOWN:
                parts.append(f"... and {len(table) - ROWS_SHOWN:,} rows more; --output writes all.")
        return parts


def write_findings(findings: Findings, folder: Path, kind: Format) -> list[Path]:
    """Write every table in one format and every picture as SVG, each whole or not at all.

    Parameters
    ----------
    kind : "csv", "parquet" or "json" (a list of records)

    Returns
    -------
    The files.

    Raises
    ------
    SpecError
        If the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"--output {folder}: {error.strerror}; give another folder.") from None
    written = [
        write_csv(table, folder / f"{name}.csv")
        if kind == "csv" and name in findings.lists
        else _write_table(table, folder / f"{name}.{kind}", kind)
        for name, table in findings.tables.items()
    ]
    written += [picture.save(folder / f"{name}.svg") for name, picture in findings.pictures.items()]
    return written


def columns_of(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Those of the columns that the table has, in the order of the names."""
    return table[[name for name in names if name in table]]


def _write_table(table: pd.DataFrame, path: Path, kind: Format) -> Path:
    plain = table.reset_index() if table.index.name is not None else table
    plain = plain.set_axis([str(name) for name in plain.columns], axis="columns")
    if kind == "csv":
        return write_atomically(path, partial(plain.to_csv, index=False))
    if kind == "json":
        save = partial(plain.to_json, orient="records", indent=1, double_precision=15)
        return write_atomically(path, save)
    return write_parquet(path, pa.Table.from_pandas(_of_one_type(plain), preserve_index=False))


def _of_one_type(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of several types, such as ages 1 and "30+", as text."""
    ready = table.copy()
    for name, kind in ready.dtypes.items():
        if is_object_dtype(kind) and len({type(value) for value in ready[name].dropna()}) > 1:
            ready[name] = ready[name].map(str, na_action="ignore")
    return ready


def _short(table: pd.DataFrame) -> str:
    if table.empty:
        return "no rows"
    text = table.head(ROWS_SHOWN).to_string(
        index=table.index.name is not None, float_format=_rounded, na_rep="-"
    )
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def _rounded(value: float) -> str:
    """Four digits that matter, and no digit before the point left out.

    Examples
    --------
    >>> [_rounded(value) for value in (0.123456, 12.3456, 123456.7, 400.0)]
    ['0.1235', '12.35', '123,457', '400']
    """
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"  # noqa: PLR2004 - digits
