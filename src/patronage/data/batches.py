"""Tables larger than memory: written once in a fixed order, read in batches of so many rows."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from patronage.data.connection import open_connection
from patronage.data.engines import literal

ROWS_A_BATCH = 50_000
"""Of what is scored at a time, whatever the memory: two runs lay the same input out alike."""

_LEAST_MB_A_THREAD = 125


def bounded_connection(memory_limit_mb: int, spill_folder: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that spills to a folder beyond a limit.

    Parameters
    ----------
    memory_limit_mb : megabytes of 1,000,000 bytes
    spill_folder
        Where what does not fit goes; DuckDB creates and clears it.
    """
    connection = open_connection()
    threads = max(1, min(os.cpu_count() or 1, memory_limit_mb // _LEAST_MB_A_THREAD))
    connection.execute(f"SET threads = {threads}").fetchall()
    connection.execute("SET preserve_insertion_order = false").fetchall()
    connection.execute(f"SET memory_limit = '{memory_limit_mb}MB'").fetchall()
    connection.execute(f"SET temp_directory = {literal(str(spill_folder))}").fetchall()
    return connection


def write_in_order(
    relation: Any,  # noqa: ANN401 - a DuckDB relation, which has no types
    connection: duckdb.DuckDBPyConnection,
    *,
    order: Sequence[str],
    path: Path,
) -> int:
    """Write a relation of a connection as one Parquet file, and give its number of rows.

    Parameters
    ----------
    order
        Columns to sort by. Together they must tell every row from the others, so that the same
        rows make the same file.
    """
    relation.create_view("to_write", replace=True)
    by = ", ".join('"' + name.replace('"', '""') + '"' for name in order)
    connection.execute(
        f"COPY (SELECT * FROM to_write ORDER BY {by}) TO {literal(str(path))} (FORMAT parquet)"
    ).fetchall()
    return int(pq.read_metadata(path).num_rows)


def number_of_batches(n_rows: int, rows_a_batch: int = ROWS_A_BATCH) -> int:
    """Batches of so many rows, of which an empty table has one.

    Examples
    --------
    >>> number_of_batches(0), number_of_batches(50_000), number_of_batches(50_001)
    (1, 1, 2)
    """
    return max(1, -(-n_rows // rows_a_batch))


def read_batches(path: Path, rows_a_batch: int = ROWS_A_BATCH) -> Iterator[pa.Table]:
    """Read a Parquet file in its order, so many rows at a time; the last may hold fewer."""
    with pq.ParquetFile(path) as file:
        waiting = file.schema_arrow.empty_table()
        for batch in file.iter_batches(rows_a_batch):
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
            if len(waiting) >= rows_a_batch:
                yield waiting.slice(0, rows_a_batch)
                waiting = waiting.slice(rows_a_batch)
        if len(waiting):
            yield waiting
