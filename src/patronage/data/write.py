"""Files that are there whole or not at all, also after a crash."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from patronage.data.columns import ScoreColumn
from patronage.data.owners import is_abandoned, owner_mark


def write_atomically(path: str | Path, write: Callable[[Path], Any]) -> Path:
    """Let `write` make a file beside `path`, and put it in place only when it is on disk.

    Two that write the same file, processes or threads, do each other no harm: the later one
    stays.

    Parameters
    ----------
    path
        Where the file ends up; missing folders are made.
    write
        Is called with the path to write to.

    Returns
    -------
    The path.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     written = write_atomically(f"{folder}/a.txt", lambda path: path.write_text("done"))
    ...     written.read_text()
    'done'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Readers of the folder pass over names that begin with a dot.
    temporary = path.with_name(f".{path.name}.{owner_mark()}.tmp")
    try:
        write(temporary)
        _flush_to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_to_disk(path.parent)
    return path


def as_json(content: Any) -> bytes:  # noqa: ANN401 - JSON values
    """Give the bytes that `write_json` writes: the same for the same content.

    Examples
    --------
    >>> as_json({"b": 1, "a": None}).decode().split()
    ['{', '"a":', 'null,', '"b":', '1', '}']
    """
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode()


def write_json(path: str | Path, content: Any) -> Path:  # noqa: ANN401 - JSON values
    """Write JSON values, keys sorted, atomically; gives the path."""
    return write_atomically(path, lambda temporary: temporary.write_bytes(as_json(content)))


def clear_abandoned(folder: Path) -> None:
    """Remove what killed processes were writing to a folder."""
    for left in folder.glob(".*.tmp"):
        if is_abandoned(left.name):
            left.unlink(missing_ok=True)


def with_units(table: pa.Table, columns: Sequence[ScoreColumn]) -> pa.Table:
    """Attach unit and meaning to the columns of a table, for its Parquet file.

    Parameters
    ----------
    table
    columns
        What is known of columns; those that the table lacks are passed over.

    Examples
    --------
    >>> from patronage.data.columns import SCORE_COLUMNS
    >>> table = with_units(pa.table({"age_days": [3]}), SCORE_COLUMNS)
    >>> table.schema.field("age_days").metadata[b"unit"]
    b'days'
    """
    known = {column.name: column for column in columns}
    fields = []
    for field in table.schema:
        column = known.get(field.name)
        if column is not None:
            described = {"unit": column.unit, "meaning": column.meaning}
            field = field.with_metadata((field.metadata or {}) | described)  # noqa: PLW2901 - the same field
        fields.append(field)
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))


def write_parquet(path: str | Path, table: pa.Table, columns: Sequence[ScoreColumn] = ()) -> Path:
    """Write a table as Parquet, atomically, with unit and meaning in each column's metadata.

    Parameters
    ----------
    path
    table
    columns
        What is known of columns.

    Returns
    -------
    The path.
    """
    described = with_units(table, columns)
    return write_atomically(
        path, lambda temporary: pq.write_table(described, temporary, compression="zstd")
    )


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
