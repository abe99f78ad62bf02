"""Open whatever a user has: files, the name of a data set, or a frame of some engine.

Files and frames of pandas, polars and Arrow are asked through DuckDB; a Spark table stays in
Spark. What comes out is restored to the kind that came in.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from glob import glob, has_magic
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.parquet as pq

from patronage.data import datasets, delimited, frames
from patronage.data.connection import open_connection
from patronage.data.engines import DuckdbEngine, Engine, SparkEngine, literal
from patronage.errors import DataError, SpecError

PARQUET_SUFFIXES = (".parquet", ".pq")
_KINDS = (
    "a CSV, TSV or Parquet path or pattern, a data set's name, a pandas or polars frame, an "
    "Arrow table, a DuckDB relation or a PySpark DataFrame"
)


class FileRows(NamedTuple):
    """One file, to find the place of a row in it.

    Attributes
    ----------
    name
    word
        line or row.
    relation
        Its rows in order, with the columns of the whole source.
    places
        From row numbers, counted from 1, to what the user counts.
    """

    name: str
    word: str
    relation: Callable[[], Any]
    places: Callable[[Sequence[int]], list[int]]


class Opened(NamedTuple):
    """A source that can be asked.

    Attributes
    ----------
    label
        What messages call it.
    engine
    names
        The user's column names, in order; may repeat.
    inner
        What the engine calls the same columns.
    restore
        From the checked table to the kind that the user gave.
    files
        Where there are files.
    is_text
        Whether every column is text because the file says nothing else.
    mixed
        The user's columns that hold values of several types.
    """

    label: str
    engine: Engine
    names: tuple[str, ...]
    inner: tuple[str, ...]
    restore: Callable[[Any], Any]
    files: tuple[FileRows, ...] = ()
    is_text: bool = False
    mixed: tuple[str, ...] = ()


def open_source(source: Any, connection: Any = None) -> Opened:  # noqa: ANN401 - any kind of frame
    """Open a source without reading its rows.

    Parameters
    ----------
    source
        Path, pattern, several of them, name of a data set, or a frame.
    connection
        DuckDB connection for files; a fresh one in memory if None.

    Raises
    ------
    SpecError
        If it is nothing that can be read.
    DataError
        If there is no such file, or it is not what it says.
    """
    native = nw.to_native(source, pass_through=True)
    if isinstance(native, str | Path | list | tuple):
        paths = [native] if isinstance(native, str | Path) else list(native)
        if (
            not all(isinstance(path, str | Path) and str(path).strip() for path in paths)
            or not paths
        ):
            raise SpecError(f"source is a {type(native).__name__} without paths; give {_KINDS}.")
        connection = connection or open_connection()
        if len(paths) == 1 and datasets.is_dataset(paths[0]):
            opened = _in_memory(datasets.load_dataset(str(paths[0])), connection)
            return opened._replace(label=str(paths[0]), restore=_native_relation)
        return _files(paths, connection)
    if isinstance(native, duckdb.DuckDBPyRelation):
        return _relation(native, "DuckDB relation")
    if nw.dependencies.is_pyspark_dataframe(native) or nw.dependencies.is_pyspark_connect_dataframe(
        native
    ):
        names = tuple(native.columns)
        engine = SparkEngine(native)
        return Opened("Spark table", engine, names, names, lambda table: table.frame)
    return _in_memory(native, connection or open_connection())


@contextmanager
def one_line_errors(opened: Opened) -> Iterator[None]:
    """Turn what DuckDB says of a malformed file into a line of ours."""
    try:
        yield
    except duckdb.Error as error:
        if not opened.files:
            raise
        raise delimited.one_line(error, opened.label) from None


def _relation(relation: Any, label: str) -> Opened:  # noqa: ANN401 - duckdb has no types
    names = tuple(relation.columns)
    return Opened(label, DuckdbEngine(relation), names, names, _native_relation)


def _in_memory(frame: Any, connection: Any) -> Opened:  # noqa: ANN401 - any kind of frame
    found = frames.look_at(frame)
    if found is None:
        raise SpecError(f"source is a {type(frame).__name__}; give {_KINDS}.")
    if not found.names:
        raise DataError(f"{found.label}: it has no columns.")
    inner = tuple(f"c{n}" for n in range(len(found.names)))
    engine = DuckdbEngine(connection.from_arrow(found.table.rename_columns(list(inner))))

    def restore(checked: Any) -> Any:  # noqa: ANN401 - any kind of frame
        return found.restore(checked.relation.to_arrow_table())

    return Opened(found.label, engine, found.names, inner, restore, mixed=found.mixed)


def _files(sources: Sequence[str | Path], connection: Any) -> Opened:  # noqa: ANN401 - duckdb has no types
    paths = [path for source in sources for path in matching_files(source)]
    label = paths[0].name if len(paths) == 1 else str(sources[0])
    label = label if len(sources) == 1 else f"{len(paths)} files"
    if all(_is_parquet(path) for path in paths):
        return _parquet(paths, label, connection)
    if any(_is_parquet(path) for path in paths):
        raise SpecError(f"{label}: both CSV and Parquet files; read one kind at a time.")
    return _csv(paths, label, connection)


def matching_files(source: str | Path) -> list[Path]:
    """Expand a path, a pattern or a folder to its files, in the order of their names.

    Raises
    ------
    DataError
        If there is none, or one is neither CSV nor Parquet.
    """
    if "://" in str(source):
        raise DataError(
            f"{source}: not a local path; open it with DuckDB and pass the relation, as in "
            "duckdb.sql(\"from 's3://...'\")."
        )
    path = Path(source).expanduser()
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        found = [each for each in inside if _kind_of(each) and not each.name.startswith((".", "_"))]
        if not found:
            raise DataError(f"{source}: no CSV or Parquet file in this folder.")
        return found
    if not path.exists() and has_magic(str(path)):
        found = [Path(each) for each in sorted(glob(str(path), recursive=True))]  # noqa: PTH207 - takes absolute patterns
        if not found:
            raise DataError(f"{source}: no file matches; looked from {Path.cwd()}.")
    elif not path.exists():
        known = datasets.nearest_dataset(str(source))
        raise DataError(f"{source}: no such file; looked from {Path.cwd()}.{known}")
    else:
        found = [path]
    unknown = [each.name for each in found if not _kind_of(each)]
    if unknown:
        raise DataError(f"{unknown[0]}: of no known kind; give CSV, TSV (also .gz) or Parquet.")
    return found


def _kind_of(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(PARQUET_SUFFIXES):
        return "parquet"
    return "csv" if name.endswith(delimited.SUFFIXES) else None


def _is_parquet(path: Path) -> bool:
    return _kind_of(path) == "parquet"


def _csv(paths: Sequence[Path], label: str, connection: Any) -> Opened:  # noqa: ANN401 - duckdb has no types
    files = [delimited.look_at(path) for path in paths]
    _must_agree([(file.path.name, file.names) for file in files])
    names = files[0].names
    inner = tuple(f"c{n}" for n in range(len(names)))

    def in_order(relation: Any, file: delimited.CsvFile) -> Any:  # noqa: ANN401 - duckdb has no types
        places = ", ".join(f"c{file.names.index(name)} as c{n}" for n, name in enumerate(names))
        return relation if file.names == names else relation.project(places)

    def rows_of(file: delimited.CsvFile) -> Callable[[], Any]:
        return lambda: in_order(delimited.read_text_columns(connection, [file]), file)

    relation = None
    for order in dict.fromkeys(file.names for file in files):
        same = [file for file in files if file.names == order]
        part = in_order(delimited.read_text_columns(connection, same), same[0])
        relation = part if relation is None else relation.union(part)
    places = [
        FileRows(file.path.name, "line", rows_of(file), partial(delimited.line_numbers, file))
        for file in files
    ]
    engine = DuckdbEngine(relation)
    return Opened(label, engine, names, inner, _native_relation, files=tuple(places), is_text=True)


def _parquet(paths: Sequence[Path], label: str, connection: Any) -> Opened:  # noqa: ANN401 - duckdb has no types
    schemas = []
    for path in paths:
        try:
            schemas.append(pq.read_schema(path))
        except (pa.ArrowInvalid, OSError):
            raise DataError(
                f"{path.name}: this is no Parquet file; if it is text, name it .csv."
            ) from None
    _must_agree([(path.name, schema.names) for path, schema in zip(paths, schemas, strict=True)])
    _must_agree_in_types(paths, schemas)
    by_name = any(not schema.equals(schemas[0]) for schema in schemas)

    def relation_of(chosen: Sequence[Path]) -> Any:  # noqa: ANN401 - duckdb has no types
        listed = ", ".join(literal(str(path)) for path in chosen)
        option = ", union_by_name=true" if by_name else ""
        return connection.sql(f"select * from read_parquet([{listed}]{option})")

    opened = _relation(relation_of(paths), label)
    files = [FileRows(path.name, "row", partial(relation_of, [path]), list) for path in paths]
    return opened._replace(files=tuple(files))


def _must_agree(files: Sequence[tuple[str, Sequence[str]]]) -> None:
    (first, names), *rest = files
    for other, others in rest:
        if sorted(others) != sorted(names):
            lacks = ", ".join(sorted(set(names) - set(others)))
            has = ", ".join(sorted(set(others) - set(names)))
            differs = "; ".join(
                f"{verb} {columns}"
                for verb, columns in (("lacks", lacks), ("adds", has))
                if columns
            )
            raise DataError(
                f"{other}: its columns are not those of {first}: it {differs or 'repeats one'}. "
                "Read files of one layout together."
            )


def _must_agree_in_types(paths: Sequence[Path], schemas: Sequence[pa.Schema]) -> None:
    for path, schema in zip(paths, schemas, strict=True):
        for name in schema.names:
            ours, theirs = schemas[0].field(name).type, schema.field(name).type
            if _coarse(ours) != _coarse(theirs) and not {"null"} & {_coarse(ours), _coarse(theirs)}:
                raise DataError(
                    f"{path.name}: column {name} is {theirs}, in {paths[0].name} it is {ours}. "
                    "Write both files with one type."
                )


def _coarse(arrow_type: pa.DataType) -> str:
    kinds = {
        "null": pa.types.is_null,
        "text": lambda t: (
            pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_dictionary(t)
        ),
        "number": lambda t: (
            pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t)
        ),
        "time": lambda t: pa.types.is_timestamp(t) or pa.types.is_date(t),
    }
    return next((kind for kind, holds in kinds.items() if holds(arrow_type)), str(arrow_type))


def _native_relation(table: Any) -> Any:  # noqa: ANN401 - duckdb has no types
    return table.relation
